import { z } from "zod";
import { duration } from "../../core/units.ts";

const retry = z
  .strictObject({
    attempts: z.int().min(0).max(5).default(1).describe("Further tries of a request"),
    criticalAttempts: z.int().min(0).max(5).default(2).describe("Further tries of a critical or system request"),
    budget: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.2)
      .describe(
        "Further tries at a time, as a share of the requests in flight, at least 3; and half of this of all requests, with at most 10 s of that, at least 3, saved up. For each process",
      ),
    statuses: z
      .array(z.int().min(400).max(599))
      .max(32)
      .default([502, 503, 504])
      .describe("Answers of the dependency that are worth another try, beside connections that fail before a head"),
    tryTimeout: duration({ min: "1ms", max: "1h" })
      .optional()
      .describe(
        "Until the head of the answer, of each try of a request that can be repeated; the timeout of the route or dependency is that of all tries. Absent: the same, which leaves no time for a try after one that timed out",
      ),
    backoff: duration({ min: "0ms", max: "1m" })
      .prefault("25ms")
      .describe(
        "Longest pause before the second try, twice as long before each further one; its length is drawn from 0 up",
      ),
    maxBackoff: duration({ min: "0ms", max: "1m" })
      .prefault("250ms")
      .describe("Longest pause of all; a Retry-After of the dependency is waited for beside it"),
  })
  .prefault({});

/** `dependencies.NAME.retry`. */
export const retrySettings = z
  .union([z.literal("off"), retry])
  .prefault({})
  .describe(
    "Sends a GET, HEAD, OPTIONS, PUT or DELETE whose body is here whole again when its try failed before a head, under one budget for the dependency",
  );

export type RetrySettings = z.output<typeof retry>;
