import type { CacheUse } from "../core/outcome.ts";
import { createPairTally, type PairTally } from "./label.ts";

/** Upper bounds in seconds of how stale an answer was: from a blink to a day. */
export const STALE_BOUNDS: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** What caches were to the exchanges that ended. */
export interface CacheCounts {
  count(use: CacheUse): void;
  /** By tier and result. */
  readonly requests: PairTally;
  /** Stale answers by {@link STALE_BOUNDS}, not cumulated; the last one has no upper bound. */
  readonly stale: Float64Array;
  staleSeconds(): number;
}

const MOST_TIERS = 4;
const MOST_RESULTS = 8;

export function createCacheCounts(): CacheCounts {
  const requests = createPairTally(MOST_TIERS, MOST_RESULTS);
  const stale = new Float64Array(STALE_BOUNDS.length + 1);
  let staleSeconds = 0;
  return {
    requests,
    stale,
    staleSeconds: () => staleSeconds,
    count(use) {
      requests.add("memory", use.result);
      if (use.result !== "stale") return;
      const seconds = use.staleMs / 1000;
      let at = 0;
      while (at < STALE_BOUNDS.length && seconds > STALE_BOUNDS[at]!) at++;
      stale[at]! += 1;
      staleSeconds += seconds;
    },
  };
}
