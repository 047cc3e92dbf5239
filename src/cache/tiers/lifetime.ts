import type { Entry } from "../entry.ts";
import { deleteMany, getMany, setMany } from "./batch.ts";
import type { Tier } from "./tier.ts";

/**
 * A tier that keeps nothing longer than `most` milliseconds from when it was put in, and never longer than it lasts.
 * `now`: of the line of time on which the tier is given entries.
 */
export function limitLifetime(tier: Tier, most: number, now: () => number): Tier {
  const limited = (entry: Entry): Entry => {
    const end = now() + most;
    return entry.keepUntil <= end ? entry : { ...entry, keepUntil: end };
  };
  return {
    get: (key, variantOf) => tier.get(key, variantOf),
    ...(tier.variants && { variants: (key: string) => tier.variants!(key) }),
    set: (key, entry) => tier.set(key, limited(entry)),
    delete: (key) => tier.delete(key),
    getMany: (keys) => getMany(tier, keys),
    setMany: async (entries) =>
      setMany(
        tier,
        entries.map(([key, entry]) => [key, limited(entry)]),
      ),
    deleteMany: (keys) => deleteMany(tier, keys),
    clear: () => tier.clear(),
    close: () => tier.close(),
  };
}
