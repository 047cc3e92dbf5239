import type { Random } from "../core/clock.ts";
import type { AdmissionSeen, Refused } from "../core/outcome.ts";
import { CLASSES } from "./classes.ts";
import type { GateReason } from "./figures.ts";

/** Milliseconds after which to come again, on average, by rank: who matters less leaves more room. */
const RETRY_AFTER: readonly number[] = [1_000, 1_000, 2_000, 5_000, 15_000];

const DETAILS: Readonly<Record<GateReason, string>> = {
  shed: "there is more to do than can be done, and more important requests came",
  full: "there is more to do than can be done, and no room to wait",
  wait: "there is more to do than can be done, and the wait would be too long",
  deadline: "no answer could come before the deadline of the request",
};

/** A refusal by a gate. When to come again is spread out, so that those refused together do not come back together. */
export function refusal(reason: GateReason, rank: number, admission: AdmissionSeen, random: Random): Refused {
  const detail = `${DETAILS[reason]} (class ${CLASSES[rank]!})`;
  if (reason === "deadline") return { kind: "refused", reason, detail, admission };
  const retryAfterMs = RETRY_AFTER[rank]! * (0.5 + random());
  return { kind: "refused", reason, detail: `${detail}; come again later`, retryAfterMs, admission };
}
