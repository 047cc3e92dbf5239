/** How answers of the calls about caches read on a terminal. */
const percent = (share: number | null): string => (share === null ? "unknown" : `${(share * 100).toFixed(1)} %`);
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const millis = (ms: number | null): string => (ms === null ? "unknown" : `${ms.toFixed(3)} ms`);

interface Counted {
  readonly name: string;
  readonly count: number;
}

interface Lookups {
  readonly tier: string;
  readonly count: number;
  readonly averageMs: number | null;
  readonly p95Ms: number | null;
}

interface Stats {
  readonly hitRatio: number | null;
  readonly tiers: readonly (Readonly<Record<"tier", string>> &
    Readonly<Record<"entries" | "bytes" | "maxBytes", number | null>> &
    Readonly<Record<"hits" | "stale" | "misses", number>>)[];
  readonly routes: readonly (Readonly<Record<"route", string>> &
    Readonly<Record<"requests" | "hits" | "stale" | "misses" | "bypasses", number>>)[];
  readonly removed: Readonly<Record<string, number>>;
  readonly flights: number;
}

/** Nothing of a tier that others fill, too: it is not counted from here. */
const held = (entries: number | null, bytes: number | null, maxBytes: number | null): string =>
  entries === null || bytes === null || maxBytes === null
    ? ""
    : `${entries} entries, ${mebibytes(bytes)} of ${mebibytes(maxBytes)}, `;

export function linesOfStats({ hitRatio, tiers, routes, removed, flights }: Stats): readonly string[] {
  const gone = Object.entries(removed).map(([reason, count]) => `${reason} ${count}`);
  return [
    `hit ratio ${percent(hitRatio)}, ${flights} flights`,
    ...tiers.map(
      ({ tier, entries, bytes, maxBytes, hits, stale, misses }) =>
        `tier ${tier}: ${held(entries, bytes, maxBytes)}${hits} hits, ${stale} stale, ${misses} misses`,
    ),
    ...routes.map(
      ({ route, requests, hits, stale, misses, bypasses }) =>
        `route ${route}: ${requests} requests, ${hits} hits, ${stale} stale, ${misses} misses, ${bypasses} bypasses`,
    ),
    `removed: ${gone.join(", ") || "none"}`,
  ];
}

interface Report {
  readonly hitRatio: number | null;
  readonly misses: readonly { readonly route: string; readonly misses: number; readonly hitRatio: number | null }[];
  readonly stale: readonly { readonly route: string; readonly stale: number }[];
  readonly missed: readonly Counted[];
  readonly used: readonly Counted[];
  readonly lookups: readonly Lookups[];
}

export const linesOfReport = ({ hitRatio, misses, stale, missed, used, lookups }: Report): readonly string[] => [
  `hit ratio ${percent(hitRatio)}`,
  ...misses.map(({ route, misses, hitRatio }) => `misses ${misses}: route ${route}, hit ratio ${percent(hitRatio)}`),
  ...stale.map(({ route, stale }) => `stale ${stale}: route ${route}`),
  ...missed.map(({ name, count }) => `missed ${count}: ${name}`),
  ...used.map(({ name, count }) => `used ${count}: ${name}`),
  ...lookups.map(
    ({ tier, averageMs, p95Ms }) => `lookups in ${tier}: average ${millis(averageMs)}, p95 ${millis(p95Ms)}`,
  ),
];

interface Tags {
  readonly top: readonly Counted[];
  readonly purged: readonly { readonly target: string; readonly soft: boolean; readonly position: number }[];
}

export const linesOfTags = ({ top, purged }: Tags): readonly string[] => [
  ...top.map(({ name, count }) => `${name}: ${count} entries`),
  ...purged.map(({ target, soft, position }) => `purged ${target}${soft ? ", soft" : ""}, at ${position}`),
];

interface Entries {
  readonly entries: readonly Readonly<Record<string, unknown>>[];
}

export const linesOfEntries = ({ entries }: Entries): readonly string[] =>
  entries.flatMap((entry) => [
    `${String(entry["url"])} in ${String(entry["tier"])}`,
    ...Object.entries(entry)
      .filter(([name]) => name !== "url" && name !== "tier")
      .map(([name, value]) => `  ${name.padEnd(14)}${typeof value === "string" ? value : JSON.stringify(value)}`),
  ]);

interface Purged {
  readonly purged: { readonly dryRun: boolean };
  readonly failed: readonly { readonly key: string; readonly why: string }[];
  readonly matched: number;
  readonly exact: boolean;
  readonly cascade: { readonly depth: number; readonly count: number };
}

export const linesOfPurge = ({ purged, failed, matched, exact, cascade }: Purged): readonly string[] => [
  `${purged.dryRun ? "would purge" : "purged"} ${matched} entries in memory${exact ? "" : ", and what else there is"}` +
    (cascade.count > 0 ? `; ${cascade.count} more tags, ${cascade.depth} steps away at most` : ""),
  ...failed.map(({ key, why }) => `not purged: ${key}: ${why}`),
];
