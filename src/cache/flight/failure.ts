import type { Outcome } from "../../core/outcome.ts";

/** Whether the dependency is in trouble, or we would not let anyone ask it: a kept answer is better than this. */
export const isFailure = (outcome: Outcome): boolean =>
  outcome.kind === "refused" ||
  (outcome.kind === "failed" && outcome.reason !== "client-gone") ||
  (outcome.kind === "served" && outcome.status >= 500);
