import { z } from "zod";
import type { PurgeOrder, PurgeReport } from "../core/cache-control.ts";
import type { Control } from "../core/control.ts";
import { redactText } from "../core/redact.ts";
import type { Asked, OpsCall, Reply } from "./call.ts";
import { purgedShape } from "./cache-shapes.ts";
import { startPlan } from "./cache-warm.ts";

/** Characters of a tag, and of a prefix or pattern. */
export const LONGEST_TAG = 256;
const LONGEST_PATTERN = 1024;
const LONGEST_URL = 8192;
/** Keys, or tags, of one purge. */
const MOST_NAMES = 1000;

const tag = z.string().min(1).max(LONGEST_TAG);
const name = z.string().min(1).max(64);
const pattern = z
  .string()
  .min(1)
  .max(LONGEST_PATTERN)
  .refine((text) => !/^\/?\**$/.test(text), 'this is everything: say { all: true, confirm: "all" }');

const body = z
  .strictObject({
    keys: z
      .array(z.string().min(1).max(LONGEST_URL))
      .min(1)
      .max(MOST_NAMES)
      .optional()
      .describe("URLs with scheme and host, or cache keys"),
    tags: z.array(tag).min(1).max(MOST_NAMES).optional(),
    prefix: pattern.optional().describe('Beginning of URLs; with a "/" first, of paths on whatever host'),
    pattern: pattern.optional().describe('Whole URLs, or paths as above: "*" any characters, "?" one'),
    dependency: name.optional().describe("All answers of it"),
    table: tag.optional().describe("All answers that depend on it, by the tag table:NAME"),
    route: name.optional().describe("All answers of it"),
    all: z.literal(true).optional().describe('Everything; role admin, and confirm: "all"'),
    confirm: z.literal("all").optional(),
    soft: z
      .boolean()
      .default(false)
      .describe("Stale instead of gone: it may still stand in for a dependency in trouble"),
    cascade: z.boolean().default(true).describe("Also what depends on the tags: cache.cascade"),
    dryRun: z.boolean().default(false).describe("Count and change nothing"),
    warm: z
      .boolean()
      .default(false)
      .describe("Fetch the targets of cache.warm afterwards, as POST /ops/cache/warm does"),
    reason: z.string().max(200).default("operator").describe("For the audit"),
  })
  .refine(
    (given) => TARGETS.some((target) => given[target] !== undefined),
    "nothing to purge: give keys, tags, prefix, pattern, dependency, table, route or all",
  )
  .refine((given) => given.all === undefined || given.confirm === "all" || given.dryRun, {
    path: ["confirm"],
    error: 'everything goes: say confirm: "all", or dryRun: true',
  });

const TARGETS = ["keys", "tags", "prefix", "pattern", "dependency", "table", "route", "all"] as const;

type Body = z.output<typeof body>;

/** A key that is none, or under which nothing is kept. */
interface Failed {
  readonly key: string;
  readonly why: string;
}

export function cachePurge(control: Control): readonly OpsCall[] {
  const answers = {
    200: { description: "Done, or counted", contentType: "application/json", schema: purgedShape },
    422: { description: "Nothing to purge, or everything without a confirm", contentType: "application/problem+json" },
    409: { description: "No room for more prefixes and patterns", contentType: "application/problem+json" },
  };
  return [
    {
      method: "POST",
      path: "/ops/cache/purge",
      access: "operate",
      summary: "Purges kept answers in all processes and instances, or tells how many it would",
      body,
      answers,
      run: (asked) => purge(control, asked, asked.body as Body),
    },
    {
      method: "DELETE",
      path: "/ops/cache/entries/{key}",
      access: "operate",
      summary: "Purges what is kept under a key or of a URL",
      query: { soft: "Present: stale instead of gone", reason: "For the audit" },
      answers,
      run(asked) {
        const { params, query } = asked;
        const reason = (query.get("reason") ?? "operator").slice(0, 200);
        return purge(control, asked, body.parse({ keys: [params["key"]], soft: query.has("soft"), reason }));
      },
    },
  ];
}

async function purge(control: Control, { actor, id }: Asked, given: Body): Promise<Reply> {
  if (given.all && actor?.role !== "admin") {
    return { kind: "problem", status: 403, detail: "Only the role admin may purge everything" };
  }
  const { urls, failed } = await resolveKeys(control, given.keys ?? []);
  const order = orderOf(given, urls);
  const done = await purgeAll(control, order);
  if (done.kind === "full") return full(done.room);
  const { purged, ...rest } = done;
  const refused = done.refused.map((key) => ({ key, why: "no URL that this gateway could have an answer of" }));
  const failures = [...failed, ...refused].map(({ key, why }) => ({ key: redactText(key), why }));
  const keys = (given.keys ?? []).filter((key) => !failures.some((one) => one.key === redactText(key)));
  const result = {
    purged: { keys, ...purged, soft: given.soft, dryRun: given.dryRun },
    failed: failures,
    matched: rest.matched,
    exact: rest.exact,
    cascade: rest.cascade,
    position: rest.position,
    warm: given.warm && !given.dryRun ? await warmed(control, id) : null,
  };
  const change = { before: undefined, after: { reason: redactText(given.reason), ...result } };
  return { kind: "json", status: 200, body: result, change };
}

/** The id of the plan; null where there is nothing to fetch, or too many wait. */
async function warmed(control: Control, id: string): Promise<string | null> {
  const started = await startPlan(control, id, {});
  return "id" in started ? started.id : null;
}

/** URLs stand for themselves; a cache key for the URLs of what is kept under it. */
async function resolveKeys(control: Control, keys: readonly string[]): Promise<{ urls: string[]; failed: Failed[] }> {
  const urls: string[] = [];
  const failed: Failed[] = [];
  for (const key of keys) {
    if (/^https?:\/\//i.test(key)) {
      urls.push(key);
      continue;
    }
    const { answers } = await control.cache({ do: "entries", key });
    const found = answers.flatMap((answer) => (answer.did === "entries" ? answer.entries.map(({ url }) => url) : []));
    if (found.length > 0) urls.push(...new Set(found));
    else failed.push({ key, why: "nothing is kept under it" });
  }
  return { urls, failed };
}

function orderOf(given: Body, urls: readonly string[]): PurgeOrder {
  const { tags = [], dependency, table, route, prefix, pattern, soft, cascade, dryRun } = given;
  const named = { dependency, table, route };
  return {
    urls,
    tags: [
      ...tags,
      ...Object.entries(named).flatMap(([kind, name]) => (name === undefined ? [] : [`${kind}:${name}`])),
    ],
    prefixes: prefix === undefined ? [] : [prefix],
    patterns: pattern === undefined ? [] : [pattern],
    all: given.all === true,
    soft,
    cascade,
    dryRun,
    changed: false,
  };
}

type Done =
  | { readonly kind: "full"; readonly room: number }
  | (Pick<PurgeReport, "cascade" | "matched" | "exact" | "position"> & {
      readonly kind: "done";
      readonly refused: readonly string[];
      readonly purged: {
        readonly tags: readonly string[];
        readonly prefixes: readonly string[];
        readonly patterns: readonly string[];
        readonly all: boolean;
      };
    });

/** The order in all processes, and what came of it in sum. */
export async function purgeAll(control: Control, order: PurgeOrder): Promise<Done> {
  const { answers, silent } = await control.cache({ do: "purge", order, share: true });
  const full = answers.find((answer) => answer.did === "refused");
  if (full) return { kind: "full", room: full.room };
  const reports = answers.flatMap((answer) => (answer.did === "purge" ? [answer.report] : []));
  const { prefixes, patterns, all } = order;
  return {
    kind: "done",
    refused: reports[0]?.refused ?? [],
    purged: { tags: reports[0]?.tags ?? order.tags, prefixes, patterns, all },
    matched: reports.reduce((sum, { matched }) => sum + matched, 0),
    exact: silent === 0 && reports.every(({ exact }) => exact),
    cascade: reports[0]?.cascade ?? { depth: 0, count: 0 },
    position: Math.max(0, ...reports.map(({ position }) => position)),
  };
}

const full = (room: number): Reply => ({
  kind: "problem",
  status: 409,
  detail:
    `There is room for ${room} more prefixes and patterns: as many are held against entries as may be. ` +
    "Each goes with the last entry that it can be about; purge by tag, URL or all instead",
});
