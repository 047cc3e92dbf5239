import { z } from "zod";
import { UsageError } from "../../core/errors.ts";
import { duration, parseDuration } from "../../core/units.ts";
import { cacheSettings, type CacheSettings } from "../settings.ts";
import type { Duration, LifetimePolicy, Loader, Writer } from "./cache.ts";
import type { Lifetimes } from "./kept.ts";

const called = <F>(what: string) =>
  z.custom<F>((value) => typeof value === "function", `expected a function: ${what}`).optional();

/** What `createCache` takes. */
export const librarySettings = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_.:-]{1,64}$/, "has letters, digits, _ . : - only, 64 at most")
      .default("cache")
      .describe("Parts the keys of this cache from those of others in the same tier"),
    ttl: duration({ max: "365d" }).prefault("1m").describe("Where a call does not say: fresh so long"),
    staleWhileRevalidate: duration({ max: "365d" })
      .prefault("0s")
      .describe("Where a call does not say: past ttl given at once so long, while a newer value is loaded"),
    staleIfError: duration({ max: "365d" })
      .prefault("0s")
      .describe("Where a call does not say: past ttl given so long when a load fails or is slow"),
    softTimeout: duration({ max: "1h" })
      .prefault("100ms")
      .describe("With a stale value in hand a load is waited for so long"),
    loadTimeout: duration({ min: "1ms", max: "1h" }).prefault("30s").describe("A load that takes longer has failed"),
    loader: called<Loader<unknown>>("the source that `get` reads through to").describe("Where `get` finds a miss"),
    writer: called<Writer>("what `set` writes to").describe("Where `set` writes to"),
    write: z
      .enum(["aside", "through", "back"])
      .optional()
      .describe("What `set` does with its writer. Default: through"),
    flushEvery: duration({ min: "1ms", max: "1h" })
      .prefault("1s")
      .describe("write: back. A write waits for others of its key so long; a crash loses at most that"),
    maxPending: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe("write: back. Keys that may wait to be written; `set` of one more waits for room"),
    onError: called<(error: Error) => void>("what is told of failures behind the scenes").describe(
      "Told of a refresh or a late write that failed. Default: a warning of the process",
    ),
  })
  .refine(({ write, writer }) => write === undefined || write === "aside" || writer !== undefined, {
    path: ["write"],
    error: "there is no writer to write to",
  });

export type LibrarySettings = z.output<typeof librarySettings>;
/** What `createCache` takes, every key with a default: what calls may leave out, and the tiers. */
export type LibraryConfig = z.input<typeof librarySettings> & NonNullable<z.input<typeof cacheSettings>>;

/** Throws a {@link UsageError} with everything that is wrong. */
export function readSettings(config: LibraryConfig): {
  readonly settings: LibrarySettings;
  readonly tiers: CacheSettings;
} {
  const isOwn = ([key]: [string, unknown]): boolean => key in librarySettings.shape;
  const entries = Object.entries(config);
  const own = librarySettings.safeParse(Object.fromEntries(entries.filter(isOwn)));
  const tiers = cacheSettings.safeParse(Object.fromEntries(entries.filter((entry) => !isOwn(entry))));
  if (own.success && tiers.success) return { settings: own.data, tiers: tiers.data };
  const issues = [...(own.error?.issues ?? []), ...(tiers.error?.issues ?? [])];
  const lines = issues.map(({ path, message }) => `createCache: ${path.join(".") || "settings"}: ${message}`);
  throw new UsageError(lines.join("\n"));
}

/** Milliseconds of a duration in a call. Throws a {@link UsageError} that names it. */
export function readDuration(name: string, given: Duration | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  const ms = typeof given === "string" ? parseDuration(given) : undefined;
  if (ms !== undefined) return ms;
  throw new UsageError(
    `${name}: expected a duration with its unit such as "250ms" or "5m", got ${JSON.stringify(given)}`,
  );
}

export const readLifetimes = (policy: LifetimePolicy | undefined, settings: Lifetimes): Lifetimes => ({
  ttl: readDuration("ttl", policy?.ttl, settings.ttl),
  staleWhileRevalidate: readDuration(
    "staleWhileRevalidate",
    policy?.staleWhileRevalidate,
    settings.staleWhileRevalidate,
  ),
  staleIfError: readDuration("staleIfError", policy?.staleIfError, settings.staleIfError),
});
