import type { Clock } from "../../core/clock.ts";
import type { Durations } from "../../core/durations.ts";
import type { Tier } from "./tier.ts";

/** The tier with its lookups timed, one in `every`: reading the clock costs as much as a lookup in memory. */
export function timed<Timed extends Tier>(tier: Timed, clock: Clock, durations: Durations, every: number): Timed {
  let untimed = 0;
  const get: Tier["get"] = (key, variantOf) => {
    if (++untimed < every) return tier.get(key, variantOf);
    untimed = 0;
    const startedAt = clock.now();
    const found = tier.get(key, variantOf);
    if (!(found instanceof Promise)) {
      durations.add(clock.now() - startedAt);
      return found;
    }
    return found.finally(() => durations.add(clock.now() - startedAt));
  };
  return { ...tier, get };
}
