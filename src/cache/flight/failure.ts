import type { AdmissionSeen, Outcome } from "../../core/outcome.ts";

/** What a kept answer or a fallback stands in for; see {@link Outcome}. */
export interface StandsFor {
  readonly insteadOf: string;
  readonly admission?: AdmissionSeen;
}

/** Whether the dependency is in trouble, or we would not let anyone ask it: a kept answer is better than this. */
export const isFailure = (outcome: Outcome): boolean =>
  outcome.kind === "refused" ||
  (outcome.kind === "failed" && outcome.reason !== "client-gone") ||
  (outcome.kind === "served" && outcome.status >= 500);

/** Why something else is better than this; undefined: nothing is. */
export function failureOf(outcome: Outcome): StandsFor | undefined {
  if (!isFailure(outcome) || outcome.kind === "handed-on" || outcome.kind === "tunnelled") return undefined;
  const insteadOf = outcome.kind === "served" ? `status-${outcome.status}` : outcome.reason;
  return outcome.admission ? { insteadOf, admission: outcome.admission } : { insteadOf };
}
