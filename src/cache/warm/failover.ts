import type { Clock } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";

/** Milliseconds a tier has to be away for its kept answers to count as old. */
const AWAY = 1000;

/**
 * Calls `failed` when the tier in Redis is back after more than a second, or Redis is back without what it had. Returns
 * what ends that.
 */
export function onFailover(bus: EventBus, clock: Clock, failed: () => void): () => void {
  let openSince: number | undefined;
  let lost = 0;
  const ends = [
    bus.subscribe("spillway:cache-tier", ({ tier, state }) => {
      if (tier !== "redis") return;
      if (state === "open") openSince ??= clock.now();
      else {
        const away = openSince === undefined ? 0 : clock.now() - openSince;
        openSince = undefined;
        if (away > AWAY) failed();
      }
    }),
    bus.subscribe("spillway:backplane", ({ gaps }) => {
      const more = gaps.lost > lost;
      lost = gaps.lost;
      if (more) failed();
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}
