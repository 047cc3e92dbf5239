import { z } from "zod";
import { bytes, duration } from "../core/units.ts";

const TIERS = ["memory", "redis", "postgres"] as const;
const YEAR = { min: "1s", max: "365d" };
const size = () => bytes({ min: "1MiB", max: "64GiB" });

/** Octets, or a range in which they move by themselves. */
export const budget = () =>
  z.union(
    [
      size(),
      z
        .strictObject({
          min: size().describe("What it begins with and never goes below"),
          max: size().describe("What it never goes above"),
        })
        .refine(({ min, max }) => min <= max, { path: ["min"], error: "is larger than max: exchange them" }),
    ],
    { error: 'expected a size from 1MiB to 64GiB such as "64MiB", or a range such as { min: 32MiB, max: 256MiB }' },
  );

/** The smallest that a budget is. */
export const leastOf = (given: z.output<ReturnType<typeof budget>>): number =>
  typeof given === "number" ? given : given.min;

const tierList = () => z.array(z.enum(TIERS)).min(1);

const choice = (text: string) =>
  z
    .union(
      [
        tierList(),
        z
          .strictObject({
            memory: duration(YEAR).optional().describe("In this process"),
            redis: duration(YEAR).optional().describe("In Redis"),
            postgres: duration(YEAR).optional().describe("In PostgreSQL"),
          })
          .refine((given) => Object.keys(given).length > 0, "name one tier or more"),
      ],
      {
        error:
          "expected a list of tiers such as [memory, redis], or how long each keeps an answer at most, such as { memory: 60s, redis: 5m }",
      },
    )
    .optional()
    .describe(text);

const cacheClass = z.strictObject({
  memory: budget().describe("Memory for kept answers of this class, a process: its overflow takes nothing from others"),
  ttl: z
    .strictObject({ min: duration(YEAR).describe("The shortest"), max: duration(YEAR).describe("The longest") })
    .refine(({ min, max }) => min <= max, { path: ["min"], error: "is longer than max: exchange them" })
    .optional()
    .describe(
      "What a ttl of a route of this class must be within; where answers speak for themselves, max is the longest that they are fresh, and none is made fresh for longer than it says; absent: any",
    ),
  tiers: choice(
    "Tiers that its answers are kept in, or how long each keeps one at most; absent: all that are configured",
  ),
  purge: z
    .enum(["hard", "soft"])
    .default("hard")
    .describe(
      "What a purge makes of its answers: hard = gone, unless the purge is soft itself; soft = stale, so that within their stale windows they are answered while a refresh runs and when the dependency fails",
    ),
});

/** Kinds of data with a budget of their own: `hot: { memory: 50MiB, ttl: { min: 60s, max: 300s } }`. */
export const cacheClasses = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "a name has letters, digits, _ . - only"), cacheClass)
  .default({})
  .describe("Kinds of answers, each with memory of its own; a route names its one in cache.class");

/** A route's choice of tiers. */
export const tierChoice = choice(
  "Tiers that its answers are kept in, or how long each keeps one at most; absent: as its class, or all",
);
