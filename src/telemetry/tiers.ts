import type { EventBus } from "../core/events.ts";
import { createPairTally, type PairTally } from "./label.ts";
import { pairView, type View } from "./view.ts";

/** What the guards of cache tiers tell. */
export interface TierCounts {
  /** Calls without use, by tier and reason. */
  readonly skipped: PairTally;
  /** By tier: 1 while its breaker is open. */
  readonly open: ReadonlyMap<string, 0 | 1>;
  /** Stops listening; what was counted can still be read. */
  readonly close: () => void;
}

const MOST_TIERS = 4;
const MOST_REASONS = 8;

export function createTierCounts(bus: EventBus): TierCounts {
  const skipped = createPairTally(MOST_TIERS, MOST_REASONS);
  const open = new Map<string, 0 | 1>();
  const ends = [
    bus.subscribe("spillway:cache-skipped", ({ tier, reason }) => skipped.add(tier, reason)),
    bus.subscribe("spillway:cache-tier", ({ tier, state }) => {
      if (open.has(tier) || open.size < MOST_TIERS) open.set(tier, state === "open" ? 1 : 0);
    }),
  ];
  return {
    skipped,
    open,
    close() {
      for (const end of ends) end();
    },
  };
}

/** The metrics of {@link TierCounts}. */
export function tierViews({ skipped, open }: TierCounts): View[] {
  return [
    pairView(
      "spillway_cache_tier_skipped_total",
      "Calls to a remote tier that were not made (open, busy) or came to nothing (timeout, failed, refused)",
      ["tier", "reason"],
      skipped,
    ),
    {
      name: "spillway_cache_tier_open",
      help: "1 while a remote tier is in trouble and only probed; of several processes the worst",
      type: "gauge",
      aggregator: "max",
      samples: () => Array.from(open, ([tier, value]) => ({ labels: { tier }, value })),
    },
  ];
}
