import type { Tier } from "./tier.ts";

/**
 * A tier that keeps nothing longer than `most` milliseconds from when it was put in, and never longer than it lasts.
 * `now`: of the line of time on which the tier is given entries.
 */
export function limitLifetime(tier: Tier, most: number, now: () => number): Tier {
  return {
    get: (key, variantOf) => tier.get(key, variantOf),
    set(key, entry) {
      const end = now() + most;
      return tier.set(key, entry.keepUntil <= end ? entry : { ...entry, keepUntil: end });
    },
    delete: (key) => tier.delete(key),
    clear: () => tier.clear(),
    close: () => tier.close(),
  };
}
