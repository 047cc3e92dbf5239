import { z } from "zod";
import { duration } from "../../core/units.ts";

const share = z.number().min(0.01).max(1);

const status = z.union([
  z.int().min(400).max(599),
  z.string().regex(/^[45]\d\d-[45]\d\d$/, 'expected a status from 400 to 599, or a range such as "502-504"'),
]);

/** What a dependency itself can do wrong. */
const REASONS = ["connect", "connect-timeout", "timeout", "reset", "bad-response"] as const;

const failures = z
  .strictObject({
    statuses: z.array(status).max(100).default([500, "502-599"]).describe("Statuses, and ranges of them"),
    reasons: z
      .array(z.enum(REASONS))
      .default([...REASONS])
      .describe("Calls that brought no answer"),
  })
  .prefault({})
  .describe("What counts as a failure. A refusal of the gateway, a client that left and a fault of its body never do");

const breaker = z.strictObject({
  mode: z
    .enum(["enforce", "shadow"])
    .default("enforce")
    .describe("shadow = everybody is let through, and who would have been refused is counted"),
  errorRate: share.default(0.5).describe("Share of calls that fail from which on it opens"),
  slowCallRate: share.default(0.8).describe("Share of slow calls from which on it opens"),
  slowCallDuration: duration({ min: "1ms", max: "1h" })
    .prefault("1s")
    .describe("A call whose head takes so long is slow; uploads that are streamed are not timed"),
  window: duration({ min: "100ms", max: "1h" }).prefault("10s").describe("Calls that count: those of so long"),
  minimumCalls: z.int().min(1).max(100_000).default(20).describe("Fewer calls in the window never open it, a process"),
  openFor: duration({ min: "10ms", max: "1h" })
    .prefault("5s")
    .describe("Open for so long, give or take a quarter; twice as long each time that it soon opens again"),
  longestOpen: duration({ min: "10ms", max: "1d" })
    .prefault("1m")
    .describe("Never open for longer, but for the quarter"),
  rampFor: duration({ min: "10ms", max: "1h" })
    .prefault("10s")
    .describe("Half-open for so long at least: a third each with 5 %, 25 % and 100 % of the requests"),
  probeTimeout: duration({ min: "10ms", max: "1h" })
    .prefault("2s")
    .describe("While half-open, no answer at all for so long opens it again"),
  failures,
});

/** `dependencies.NAME.breaker`. */
export const breakerSettings = z
  .union([z.literal("off"), breaker])
  .prefault({})
  .describe(
    "When a dependency that fails or is slow is left alone for a while, each process by what it sees; off = never by itself, by hand it can be",
  );

export type BreakerSettings = z.output<typeof breakerSettings>;
