import { z } from "zod";
import { duration } from "../../core/units.ts";
import { LIFETIMES, type Row } from "./volatility.ts";

const YEAR = { min: "1s", max: "365d" };

const cell = z.strictObject({
  kind: z.string().describe("A row of cache.lifetimes"),
  volatility: z.enum(["low", "medium", "high"]).default("medium").describe("How often such data changes"),
});

/** A route's `ttl`: so long, or a cell of the table. */
export const ttl = z.union([duration(YEAR), cell], {
  error: "expected a duration from 1s to 365d such as 60s, or a cell of cache.lifetimes such as { kind: task }",
});

/** `cache.lifetimes`. */
export const lifetimes = z
  .record(
    z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a kind has lower-case letters, digits and - only"),
    z.strictObject({
      low: duration(YEAR).describe("Where it changes seldom"),
      medium: duration(YEAR).describe("Where it changes now and then"),
      high: duration(YEAR).describe("Where it changes often"),
    }),
  )
  .default({})
  .describe(
    `Lifetimes by kind of data, beside or in place of the ones that are there: ${Object.keys(LIFETIMES).join(", ")}`,
  );

/** A route's `adapt`. */
export const adapt = z
  .strictObject({
    mode: z
      .enum(["suggest", "apply"])
      .default("suggest")
      .describe("suggest = GET /ops/cache/report says what ttl would do; apply = that one is used"),
    min: duration(YEAR).prefault("1s").describe("No shorter ttl"),
    max: duration(YEAR).prefault("1d").describe("No longer ttl"),
    risk: z
      .number()
      .min(0.001)
      .max(0.9)
      .default(0.1)
      .describe("Share of answers that may be out of date when their ttl ends"),
  })
  .refine(({ min, max }) => min <= max, { path: ["min"], error: "is longer than max: exchange them" })
  .optional()
  .describe("Find the ttl from how often answers turn out to have changed. Needs a ttl, to begin with; absent: off");

export type Ttl = z.output<typeof ttl>;
export type Adapt = NonNullable<z.output<typeof adapt>>;
/** By kind. */
export type Lifetimes = Readonly<Record<string, Row>>;

/** Milliseconds; undefined: there is no such kind. */
export function ttlOf(given: Ttl, own: Lifetimes): number | undefined {
  if (typeof given === "number") return given;
  const table: Lifetimes = { ...LIFETIMES, ...own };
  return Object.hasOwn(table, given.kind) ? table[given.kind]![given.volatility] : undefined;
}

/** Names of all kinds there are. */
export const kindsOf = (own: Lifetimes): readonly string[] => Object.keys({ ...LIFETIMES, ...own });
