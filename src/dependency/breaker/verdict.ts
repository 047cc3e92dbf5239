import type { FailedReason, Outcome } from "../../core/outcome.ts";
import type { BreakerSettings } from "./settings.ts";

/** How a call went, as far as it tells of the health of a dependency. `untold`: it tells nothing. */
export type Verdict = "success" | "failure" | "slow" | "slow-failure" | "untold";

/** Judges the end of a call. `ms`: how long it took until then; `timed`: whether that is the dependency's doing. */
export type Judge = (outcome: Outcome, ms: number, timed: boolean) => Verdict;

/** Statuses that there are. */
const MOST_STATUS = 600;

export function createJudge({ failures, slowCallDuration }: Exclude<BreakerSettings, "off">): Judge {
  const failing = statusTable(failures.statuses);
  const reasons = new Set<FailedReason>(failures.reasons);
  return (outcome, ms, timed) => {
    switch (outcome.kind) {
      case "served": {
        if (outcome.by !== "dependency") return "untold";
        const slow = timed && (outcome.dependencyMs ?? ms) >= slowCallDuration;
        if (failing[outcome.status] === 1) return slow ? "slow-failure" : "failure";
        return slow ? "slow" : "success";
      }
      case "failed":
        if (!reasons.has(outcome.reason)) return "untold";
        return timed && ms >= slowCallDuration ? "slow-failure" : "failure";
      case "tunnelled":
        return "success";
      case "refused":
        // A deadline of the client's that passed while the dependency was at work for longer than it should be.
        return timed && (outcome.dependencyMs ?? 0) >= slowCallDuration ? "slow" : "untold";
      case "handed-on":
        return "untold";
    }
  };
}

function statusTable(statuses: readonly (number | string)[]): Uint8Array {
  const table = new Uint8Array(MOST_STATUS);
  for (const status of statuses) {
    const [from, to = from] = String(status).split("-").map(Number);
    table.fill(1, from, to! + 1);
  }
  return table;
}
