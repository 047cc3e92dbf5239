import type { EventBus } from "../core/events.ts";
import { createTally, type Tally } from "./label.ts";
import { tallyView, type View } from "./view.ts";

/** What warming tells. */
export interface WarmCounts {
  /** Requests that ended, by what came of them. */
  readonly requests: Tally;
  /** Plans by the states they came to. */
  readonly plans: Tally;
  /** Stops listening; what was counted can still be read. */
  readonly close: () => void;
}

const MOST_WORDS = 8;

export function createWarmCounts(bus: EventBus): WarmCounts {
  const requests = createTally(MOST_WORDS);
  const plans = createTally(MOST_WORDS);
  const close = bus.subscribe("spillway:cache-warm", ({ change }) => {
    if (change.kind === "request") requests.add(change.result);
    else plans.add(change.state);
  });
  return { requests, plans, close };
}

/** The metrics of {@link WarmCounts}. */
export const warmViews = ({ requests, plans }: WarmCounts): View[] => [
  tallyView(
    "spillway_cache_warm_requests_total",
    "Requests of the gateway's own that fill its cache: done, skipped (fresh already), not-stored, failed",
    "result",
    requests,
  ),
  tallyView("spillway_cache_warm_plans_total", "Plans of such requests, by the states they came to", "state", plans),
];
