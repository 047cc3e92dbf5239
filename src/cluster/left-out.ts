import type { EventBus } from "../core/events.ts";

/** The tiers of a process's cache that are in trouble and not asked at present: it serves on without them. */
export interface LeftOut {
  tiers(): readonly string[];
  close(): void;
}

export function watchLeftOut(bus: EventBus): LeftOut {
  const tiers = new Set<string>();
  const close = bus.subscribe("spillway:cache-tier", ({ tier, state }) => {
    if (state === "open") tiers.add(tier);
    else tiers.delete(tier);
  });
  return { tiers: () => [...tiers], close };
}

/** Lines for `?verbose`: readiness stays, for requests are answered all the same. */
export const degradedLines = (tiers: Iterable<string>): readonly string[] =>
  Array.from(tiers, (tier) => `degraded: cache tier ${tier} is left out`);
