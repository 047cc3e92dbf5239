import { z } from "zod";
import { isToken } from "../../core/headers.ts";
import { duration } from "../../core/units.ts";
import { FASTEST_WARMING, warmUrl } from "../../core/warming.ts";

/** Targets of one list. */
const MOST_TARGETS = 10_000;

const warmHost = z.string().min(1).max(255);

/** Requests are GETs of ours: what frames them or names their host is not for a list to say. */
const RESERVED =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|keep-alive|range|if-.*)$/i;

const headers = z
  .record(
    z
      .string()
      .max(64)
      .refine(isToken, "expected the name of a header field")
      .refine((name) => !RESERVED.test(name), "cannot be set on a request that warms"),
    z
      .string()
      .max(1024)
      .regex(/^[\t -~]*$/, "expected visible ASCII characters"),
  )
  .refine((fields) => Object.keys(fields).length <= 32, "at most 32 fields")
  .default({});

const target = z.union(
  [
    warmUrl,
    z.strictObject({
      url: warmUrl.describe("A path with its query, or a whole URL"),
      host: warmHost.optional().describe("Of a path; absent: cache.warm.host"),
      headers: headers.describe("Such as Accept-Language, where answers vary by it"),
      priority: z.int().min(0).max(9).default(5).describe("9 goes first, 0 last"),
    }),
  ],
  { error: 'expected a path such as "/api/products/7" or { url, host, headers, priority: 0 to 9 }' },
);

/** `cache.warm` */
export const warmSettings = z
  .strictObject({
    targets: z
      .array(target)
      .max(MOST_TARGETS)
      .default([])
      .describe(
        "What is fetched before anybody asks: paths or { url, host, headers, priority }; priority 9 goes first, 0 last, 5 unless told",
      ),
    host: warmHost
      .optional()
      .describe("Of targets that name none: the one clients ask for, as answers are kept by host; absent: localhost"),
    onStart: z.boolean().default(true).describe("Fetch the targets once the gateway listens, behind its traffic"),
    afterFailover: z
      .boolean()
      .default(true)
      .describe("Fetch the targets anew when Redis is back after more than a second, or back without what it had"),
    rate: z
      .number()
      .min(0.1)
      .max(FASTEST_WARMING)
      .default(20)
      .describe("Requests a second, a process; with Redis one process warms for all"),
    concurrency: z.int().min(1).max(64).default(2).describe("Requests at a time, a process"),
    deadline: duration({ min: "100ms", max: "10m" }).prefault("30s").describe("Longest wait for one answer, whole"),
    readyWithin: duration({ max: "20s" })
      .prefault("0s")
      .describe("Not ready until the targets are fetched, for so long at most; 0s: readiness does not wait"),
  })
  .prefault({})
  .describe("Fills the cache in the background: by itself, and on POST /ops/cache/warm");

const scheduledPurge = z
  .strictObject({
    tags: z.array(z.string().min(1).max(256)).max(100).default([]).describe("All answers with one of them"),
    prefix: z.string().min(1).max(1024).optional().describe('Beginning of URLs; with a "/" first, of paths'),
    all: z.literal(true).optional().describe("Everything"),
    soft: z.boolean().default(false).describe("Stale instead of gone"),
  })
  .refine(
    ({ tags, prefix, all }) => tags.length > 0 || prefix !== undefined || all !== undefined,
    "nothing to purge: give tags, prefix or all",
  );

/** `cache.schedule` */
export const scheduleSettings = z
  .array(
    z
      .strictObject({
        every: duration({ min: "1s", max: "7d" }).describe("From one time to the next, counted from midnight UTC"),
        purge: scheduledPurge.optional(),
        warm: z.literal(true).optional().describe("Fetch the targets of cache.warm"),
      })
      .refine(
        ({ purge, warm }) => purge !== undefined || warm !== undefined,
        "nothing to do: give purge, warm or both",
      ),
  )
  .max(64)
  .default([])
  .describe(
    "What is done again and again: { every: 1h, purge: { tags: [reports], soft: true }, warm: true }; with Redis by one process for all",
  );
