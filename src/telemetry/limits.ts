import type { QuotaSeen } from "../core/outcome.ts";
import { createTally, type Tally } from "./label.ts";
import { tallyView, type View } from "./view.ts";

/** What client quotas said to the exchanges that ended, by rule. */
export interface LimitCounts {
  count(seen: QuotaSeen): void;
  readonly checked: Tally;
  readonly refused: Tally;
  readonly wouldRefuse: Tally;
}

/** Rules with a series of their own; they are named by the configuration, so this is a safety net. */
const MOST_RULES = 256;

export function createLimitCounts(): LimitCounts {
  const checked = createTally(MOST_RULES);
  const refused = createTally(MOST_RULES);
  const wouldRefuse = createTally(MOST_RULES);
  return {
    checked,
    refused,
    wouldRefuse,
    count(seen) {
      for (const rule of seen.rules) checked.add(rule);
      if (seen.refusedBy !== undefined) refused.add(seen.refusedBy);
      if (seen.wouldRefuse) for (const rule of seen.wouldRefuse) wouldRefuse.add(rule);
    },
  };
}

/** The metrics of {@link LimitCounts}. */
export const limitViews = ({ checked, refused, wouldRefuse }: LimitCounts): View[] => [
  tallyView("spillway_limit_checked_total", "Exchanges on routes with this client quota", "rule", checked),
  tallyView("spillway_limit_refused_total", "Exchanges that this client quota refused", "rule", refused),
  tallyView(
    "spillway_limit_would_refuse_total",
    "Exchanges that this client quota would have refused, were it not in shadow mode",
    "rule",
    wouldRefuse,
  ),
];
