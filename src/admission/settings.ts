import { z } from "zod";
import { duration } from "../core/units.ts";
import { ALGORITHMS } from "./limits/choice.ts";

const wait = (ms: string, whose: string) =>
  duration({ min: "0ms", max: "1m" }).prefault(ms).describe(`Longest wait of ${whose} requests; 0ms: none`);

const queue = z
  .strictObject({
    depth: z
      .int()
      .min(0)
      .max(100_000)
      .optional()
      .describe(
        "How many may wait in one process; absent: five times the limit, at least 20, and all that have their turn within 150ms",
      ),
    system: wait("1s", "system"),
    critical: wait("400ms", "critical"),
    default: wait("300ms", "default"),
    sheddable: wait("100ms", "sheddable"),
    bulk: wait("20ms", "bulk"),
  })
  .prefault({})
  .describe(
    "Who has to wait for a seat: how many, and how long. Whose wait is forecast to be longer than that is refused at once, and, other than system and critical, at a share of it down to 0.4 while others wait in vain; nobody waits longer than the request's deadline lets it",
  );

const limit = z
  .strictObject({
    algorithm: z
      .enum(ALGORITHMS)
      .default("adaptive")
      .describe(
        "How the number of seats is found: fixed = `initial`, the others by how fast the dependency answers; adaptive knows how fast each route is",
      ),
    initial: z.int().min(1).max(100_000).default(10).describe("Seats to begin with, of all workers together"),
    min: z
      .int()
      .min(1)
      .max(100_000)
      .default(2)
      .describe("Never fewer seats, of all workers together; each has one at least"),
    max: z.int().min(1).max(100_000).default(1000).describe("Never more seats, of all workers together"),
    mode: z
      .enum(["enforce", "shadow", "off"])
      .default("enforce")
      .describe(
        "shadow = everybody is let through, and who would have been refused is counted; off = only counted how many are in flight",
      ),
    queue,
  })
  .refine(({ min, max }) => min <= max, { path: ["min"], error: "min must not be above max" })
  .refine(({ initial, max }) => initial <= max, { path: ["initial"], error: "must not be above max" })
  .refine(({ initial, min }) => initial >= min, { path: ["initial"], error: "must not be below min" });

/** `dependencies.NAME.limit`. */
export const limitSettings = z
  .union([z.literal("off"), limit])
  .prefault({})
  .describe(
    "How many requests it has at a time, and what becomes of the others; absent: found by itself; off = as many as come",
  );

export type LimitSettings = z.output<typeof limitSettings>;
