/** What the calls about caches answer with, as the description of the listener shows it. */
import { z } from "zod";

const count = z.int().min(0);
const ms = z.number().nullable().describe("Milliseconds; null when nothing was counted");
const counted = z.array(z.object({ name: z.string(), count })).describe("Most first");

const ledger = z.object({
  position: count.describe("Of the newest purge"),
  tags: count.describe("Purged tags that are remembered"),
  urls: count,
  bans: count.describe("Purged prefixes and patterns that are still held against entries"),
  floor: z
    .object({ soft: count, hard: count })
    .describe("Positions below which everything counts as purged, for want of room; 0: none"),
});

export const statsShape = z.object({
  processes: count.describe("That answered; their figures are added up"),
  silent: count.describe("That did not answer in time and are missing here"),
  hitRatio: z.number().nullable().describe("Fresh and stale answers, of all that could have been; null without any"),
  tiers: z.array(
    z.object({
      tier: z.enum(["memory", "redis", "postgres"]),
      entries: count.nullable().describe("null: cannot be counted from here"),
      bytes: count.nullable(),
      maxBytes: count.nullable(),
      hits: count,
      stale: count,
      misses: count.describe("Requests that came to this tier and went on"),
      lookups: z
        .object({ count, averageMs: ms, p50Ms: ms, p95Ms: ms })
        .describe("How long lookups took; in memory of one in 32"),
    }),
  ),
  classes: z
    .array(
      z.object({
        class: z.string(),
        entries: count,
        bytes: count,
        maxBytes: count.describe("As the budget stands now"),
        removed: z.object({ capacity: count, expired: count }),
      }),
    )
    .describe('Memory of each class of cache.classes; "" = of the routes without one'),
  moved: z
    .object({ demoted: count, notDemoted: count, notPromoted: count })
    .describe(
      "Entries that gave way and were put into a farther tier, or not for want of time; large ones asked for once only",
    ),
  routes: z.array(
    z.object({
      route: z.string(),
      requests: count.describe("Sum of the five behind it"),
      hits: count,
      stale: count,
      misses: count,
      bypasses: count,
      fallbacks: count.describe("The route's own answer in place of a failure"),
      hitRatio: z.number().nullable(),
    }),
  ),
  removed: z
    .partialRecord(z.enum(["expired", "purged", "changed", "capacity", "errors", "pattern"]), count)
    .describe("Entries that are no more, each by one reason"),
  notStored: z.record(z.string(), count).describe("Answers that could have been kept and were not"),
  flights: count.describe("Fetches under way that others may join"),
  ledger,
});

export const reportShape = z.object({
  hitRatio: z.number().nullable(),
  misses: z.array(z.object({ route: z.string(), misses: count, hitRatio: z.number().nullable() })),
  stale: z.array(z.object({ route: z.string(), stale: count, share: z.number().nullable() })),
  missed: counted.describe("URLs by misses, roughly"),
  used: counted.describe("URLs by answers from memory, of those kept there now"),
  lifetimes: z
    .array(
      z.object({
        route: z.string(),
        current: z.number().describe("Milliseconds"),
        proposed: z.number().describe("Milliseconds"),
        applied: z.boolean().describe("Whether proposals are used: adapt.mode"),
        hitGain: z.number().describe("Share of requests answered by what is kept, more than now"),
        staleRisk: z
          .object({ current: z.number(), proposed: z.number() })
          .describe("Share of answers that are out of date when their ttl ends"),
        volatility: z.enum(["low", "medium", "high"]),
        looks: count.describe("Answers that were compared with a former one"),
      }),
    )
    .describe("What ttl would do for routes that adapt; a route is missing until enough was seen"),
  lookups: z.array(z.object({ tier: z.string(), count, averageMs: ms, p50Ms: ms, p95Ms: ms })),
  removed: z.record(z.string(), count),
});

export const tagsShape = z.object({
  ledger,
  top: counted.describe("Tags by entries in memory"),
  purged: z
    .array(z.object({ target: z.string(), soft: z.boolean(), position: count }))
    .describe("The newest purges of tags, prefixes and patterns"),
});

export const entriesShape = z.object({
  entries: z.array(
    z.object({
      tier: z.string(),
      key: z.string(),
      url: z.string(),
      status: z.int(),
      headers: z.array(z.tuple([z.string(), z.string()])).describe("Values that may be secrets are redacted"),
      vary: z.string(),
      variant: z.string(),
      tags: z.array(z.string()),
      createdAt: z.string(),
      keepUntil: z.string().describe("Of use until then, stale or not"),
      lastAccessAt: z.string().nullable().describe("null: not since it came into this process"),
      hits: count,
      bodyBytes: count,
      bytes: count.describe("Of memory, with all that belongs to it"),
      buildMs: z.number().describe("That the dependency took for it"),
      standing: z.enum(["current", "stale", "gone"]).describe("What purges made of it"),
    }),
  ),
});

export const purgedShape = z.object({
  purged: z.object({
    keys: z.array(z.string()),
    tags: z.array(z.string()).describe("Those of the cascade among them"),
    prefixes: z.array(z.string()),
    patterns: z.array(z.string()),
    all: z.boolean(),
    soft: z.boolean(),
    dryRun: z.boolean(),
  }),
  failed: z.array(z.object({ key: z.string(), why: z.string() })).describe("Keys that were not purged"),
  matched: count.describe("Entries in memory that it was about, of all processes"),
  exact: z
    .boolean()
    .describe(
      "Whether matched is all there was: false with other tiers, more than 100,000 keys in memory, or a process that was silent",
    ),
  cascade: z.object({ depth: count, count }),
  position: count,
  warm: z.string().nullable().describe("Id of the plan that fetches the targets of cache.warm; null: none"),
});
