import { z } from "zod";
import { identitySettings } from "../core/identity.ts";
import { bytes, duration } from "../core/units.ts";
import { fallbackSettings } from "./fallback-settings.ts";
import { budget, cacheClasses, leastOf, tierChoice } from "./classes.ts";
import { keySettings } from "./key-settings.ts";
import type { CachePolicy } from "./rules.ts";
import { postgresSettings } from "./postgres/settings.ts";
import { versionSettings } from "./roll-over.ts";
import { adapt, lifetimes, ttl, ttlOf, type Lifetimes } from "./ttl/settings.ts";
import { EVICTIONS } from "./tiers/evict/policies.ts";
import { scheduleSettings, warmSettings } from "./warm/settings.ts";

export { kindsOf, type Lifetimes } from "./ttl/settings.ts";
export { LARGEST_FALLBACK } from "./fallback-settings.ts";

/** A parameter of the path in a tag. */
export const HOLE = /\{([^{}]*)\}/g;

/** Names of the parameters in a tag such as `product:{id}`. */
export const holesOf = (text: string): readonly string[] => Array.from(text.matchAll(HOLE), ([, name]) => name!);

const tag = z
  .string()
  .regex(/^[!-+\--~]{1,256}$/, "expected a tag: 1 to 256 visible ASCII characters, no blanks, no commas");

const YEAR = { max: "365d" };

const routeCache = z
  .strictObject({
    ttl: ttl
      .optional()
      .describe("Answers are fresh so long, whatever their header fields say; absent: as long as those say"),
    adapt,
    staleWhileRevalidate: duration(YEAR)
      .optional()
      .describe("Past ttl: answered at once so long, while a refresh runs behind it; absent: 0s. Needs a ttl"),
    staleIfError: duration(YEAR)
      .optional()
      .describe("Past ttl: answered so long when the dependency fails, is refused or is slow; absent: 0s. Needs a ttl"),
    failSafe: duration(YEAR)
      .prefault("0s")
      .describe(
        "Past freshness: answered so long when the dependency fails, is refused or is slow, even where the answer's own windows have ended; never what must be revalidated",
      ),
    refreshAhead: z
      .boolean()
      .optional()
      .describe(
        "Fetch what is asked for often shortly before it gets stale, so that nobody waits; absent: true with a ttl, else false",
      ),
    softTimeout: duration({ min: "1ms", max: "1m" })
      .prefault("100ms")
      .describe("How long the dependency is waited for when a stale answer may be given instead"),
    fallback: fallbackSettings,
    preset: z
      .enum(["browser", "cdn", "shared", "full"])
      .optional()
      .describe(
        "What clients are told of kept answers in place of the origin's Cache-Control: browser = the client may use them for the ttl, no cache on the way; cdn = caches in front may, the client asks each time; shared = only this gateway, clients confirm what they have; full = everybody, with the stale windows. Needs a ttl; absent: the origin's own words",
      ),
    class: z.string().optional().describe("One of cache.classes, whose memory it uses; absent: cache.memory"),
    tiers: tierChoice,
    ...keySettings,
    tags: z
      .array(tag)
      .max(32)
      .optional()
      .describe('What its answers can be purged by, such as "products" or "product:{id}" with a parameter of the path'),
    passTags: z
      .boolean()
      .optional()
      .describe("Leave Surrogate-Key and Cache-Tag in answers to clients, for a cache in front. Default: taken out"),
    showKey: z.boolean().optional().describe("In place of cache.showKey"),
    xCache: z.boolean().optional().describe("In place of cache.xCache"),
  })
  .superRefine(({ ttl, adapt, staleWhileRevalidate, staleIfError, preset, varyBy }, context) => {
    if (varyBy && (preset === "cdn" || preset === "full")) {
      const message = "lets caches in front keep answers, and those know nothing of varyBy: use browser or shared";
      context.addIssue({ code: "custom", message, path: ["preset"] });
    }
    if (ttl !== undefined) return;
    if (adapt !== undefined) {
      const message = "begins with a ttl: give one, or take this out";
      context.addIssue({ code: "custom", message, path: ["adapt"] });
    }
    if (preset !== undefined) {
      const message = "tells clients how long the ttl is: give one, or take this out";
      context.addIssue({ code: "custom", message, path: ["preset"] });
    }
    for (const [name, given] of Object.entries({ staleWhileRevalidate, staleIfError })) {
      if (given === undefined) continue;
      const message = "overrides what answers say of themselves together with a ttl: give one, or take this out";
      context.addIssue({ code: "custom", message, path: [name] });
    }
  });

/** A route's `cache`. */
export const routeCacheSettings = z
  .union([z.enum(["off", "origin"]), routeCache], {
    error: 'expected "off", "origin" or lifetimes such as { ttl: 60s, staleWhileRevalidate: 5m, staleIfError: 1h }',
  })
  .optional()
  .describe(
    "Keep answers and give them to other requests for the same: lifetimes of your own, or origin = what the answers' header fields say; absent or off: none",
  );

/** A route's `purges`. */
export const purgesSettings = z
  .array(tag)
  .min(1)
  .max(32)
  .optional()
  .describe(
    'Tags that are purged when a request that changes something has succeeded, such as "products" or "product:{id}"',
  );

/** Fewest characters of a secret: who has it may write what the gateway serves. */
const secret = z.string().min(16, "a secret needs at least 16 characters: openssl rand -hex 32");

/** How instances that share a Redis hear of each other's purges. */
const backplaneSettings = z
  .union([
    z.literal("off"),
    z.strictObject({
      lease: duration({ min: "2s", max: "1h" })
        .prefault("5s")
        .describe(
          "Cut off from the log of purges, kept answers stay fresh so long after they were last known to be good",
        ),
      samples: z
        .int()
        .min(0)
        .max(100)
        .default(2)
        .describe("Answers from memory that are compared with the next tier, a second; 0: none"),
    }),
  ])
  .prefault({})
  .describe("Purges of all instances in one log in Redis; off: each keeps to its own. Without redis: none");

/** The store that all cached routes share. */
export const cacheSettings = z
  .strictObject({
    memory: budget()
      .prefault("64MiB")
      .describe(
        "Memory for kept answers, a process: a size, or a range in which it grows while that brings hits and shrinks when memory is tight",
      ),
    classes: cacheClasses,
    demotion: z
      .enum(["off", "farther"])
      .default("off")
      .describe("What gives way in memory: dropped, or put into the tiers behind it that do not have it"),
    entries: z
      .int()
      .min(1)
      .max(100_000_000)
      .default(1_000_000)
      .describe("Keys with kept answers in memory, at most, whatever their size"),
    eviction: z
      .enum(EVICTIONS)
      .default("s3fifo")
      .describe(
        "What gives way in full memory: s3fifo = what was not used again while new, lru = what was not used for longest, lfu = what was used least lately, ttl = what ends soonest",
      ),
    maxEntry: bytes({ min: "1KiB", max: "1GiB" })
      .prefault("1MiB")
      .describe("Longer bodies are passed on and neither kept nor shared"),
    lifetimes,
    backplane: backplaneSettings,
    version: versionSettings,
    identity: identitySettings
      .optional()
      .describe("Who asks, for routes that keep answers by user, role or claim, where identity does not say it"),
    postgres: postgresSettings.optional().describe("A tier behind the others; absent: none"),
    secret: secret
      .optional()
      .describe(
        "Seals what is kept outside this process, so that nobody else can write it, the same in all instances; from the environment. Without it damage is found, forgery is not",
      ),
    previousSecrets: z
      .array(secret)
      .max(4)
      .default([])
      .describe("Former secrets whose seals are still accepted, while a new one is brought in"),
    showKey: z
      .boolean()
      .default(false)
      .describe("Tell clients the key in Cache-Status; it says how answers are told apart"),
    xCache: z
      .boolean()
      .default(false)
      .describe("Tell clients X-Cache (HIT, MISS, STALE, BYPASS), and X-Cache-Level: the tier of what was kept"),
    webhook: z
      .strictObject({
        secret: z
          .string()
          .min(32, "a secret of events needs at least 32 characters: openssl rand -hex 32")
          .max(512)
          .describe("What events are signed with; from the environment"),
      })
      .optional()
      .describe("Takes events of changed data at POST /ops/cache/events; absent: none"),
    warm: warmSettings,
    schedule: scheduleSettings,
    cascade: z
      .record(tag, z.array(tag).min(1).max(64))
      .refine((edges) => Object.keys(edges).length <= 256, "at most 256 tags have dependents")
      .optional()
      .describe(
        'Tags that are purged with a tag, such as { "table:users": [user-list, dashboard] }; cycles do no harm',
      ),
  })
  .refine(({ memory, maxEntry }) => maxEntry <= leastOf(memory), {
    path: ["maxEntry"],
    error: "is larger than memory: no answer of this length could be kept",
  })
  .superRefine(({ classes, maxEntry }, context) => {
    for (const [name, { memory }] of Object.entries(classes)) {
      if (maxEntry <= leastOf(memory)) continue;
      const message = "is smaller than cache.maxEntry: no answer of that length could be kept";
      context.addIssue({ code: "custom", message, path: ["classes", name, "memory"] });
    }
  })
  .refine(({ secret, previousSecrets }) => secret !== undefined || previousSecrets.length === 0, {
    path: ["previousSecrets"],
    error: "there is no secret beside them: what is kept would not be sealed",
  })
  .prefault({});

export type CacheOptions = z.output<typeof routeCache> & { readonly refreshAhead: boolean };
export type RouteCacheSettings = z.output<typeof routeCacheSettings>;
export type CacheSettings = z.output<typeof cacheSettings>;

/** What the setting asks for; undefined: no cache. `own`: `cache.lifetimes`. */
export function cachePolicy(settings: RouteCacheSettings, own: Lifetimes = {}): CachePolicy | undefined {
  if (settings === undefined || settings === "off") return undefined;
  if (settings === "origin" || settings.ttl === undefined) return { by: "origin" };
  const { staleWhileRevalidate = 0, staleIfError = 0 } = settings;
  return { by: "operator", ttl: ttlOf(settings.ttl, own) ?? 0, staleWhileRevalidate, staleIfError };
}

/** What the setting says beside its lifetimes; `origin` has the defaults. */
export function cacheOptions(settings: RouteCacheSettings): CacheOptions {
  const given = typeof settings === "object" ? settings : routeCache.parse({});
  return { ...given, refreshAhead: given.refreshAhead ?? given.ttl !== undefined };
}

/** What of the setting answers are kept under, and with what: where it changes, former answers are not these. */
export function keyOptions(settings: RouteCacheSettings): Partial<CacheOptions> {
  const { tags, varyBy, query, cookieIrrelevant, setCookie, requestFields } = cacheOptions(settings);
  return { tags, varyBy, query, cookieIrrelevant, setCookie, requestFields };
}
