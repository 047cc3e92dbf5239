import type { CacheUse } from "../core/outcome.ts";
import { createPairTally, createTally, type PairTally, type Tally } from "./label.ts";
import { histogram, pairView, tallyView, type View } from "./view.ts";

/** Upper bounds in seconds of how stale an answer was: from a blink to a day. */
const STALE_BOUNDS: readonly number[] = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** What caches were to the exchanges that ended. */
export interface CacheCounts {
  count(use: CacheUse): void;
  /** By tier and result. */
  readonly requests: PairTally;
  /** What tiers held and could not be used, by tier and reason. */
  readonly rejected: PairTally;
  /** Kept answers that are no more, by reason. */
  readonly removed: Tally;
  /** Answers that could have been kept and were not, by reason. */
  readonly notStored: Tally;
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
    rejected: createPairTally(MOST_TIERS, MOST_RESULTS),
    removed: createTally(MOST_RESULTS),
    notStored: createTally(MOST_RESULTS),
    stale,
    staleSeconds: () => staleSeconds,
    count(use) {
      requests.add("tier" in use ? use.tier : "none", use.result);
      if (!("staleMs" in use)) return;
      const seconds = use.staleMs / 1000;
      let at = 0;
      while (at < STALE_BOUNDS.length && seconds > STALE_BOUNDS[at]!) at++;
      stale[at]! += 1;
      staleSeconds += seconds;
    },
  };
}

/** The metrics of {@link CacheCounts}. */
export function cacheViews(cache: CacheCounts): View[] {
  return [
    pairView(
      "spillway_cache_requests_total",
      "Exchanges on routes with a cache, by where the answer was: hit fresh, stale past its freshness, fail-safe past its stale windows, fallback the route's own answer, miss asked the dependency, bypass neither",
      ["tier", "result"],
      cache.requests,
    ),
    pairView(
      "spillway_cache_rejected_total",
      "Entries that a tier held and that were not used: corrupt, of another version, or with a seal that is not ours",
      ["tier", "reason"],
      cache.rejected,
    ),
    tallyView(
      "spillway_cache_removed_total",
      "Kept answers that are no more: expired, purged, changed data, capacity, errors, or purged by a pattern",
      "reason",
      cache.removed,
    ),
    tallyView(
      "spillway_cache_not_stored_total",
      "Answers that could have been kept and were not: tags = too many of them, or one too long",
      "reason",
      cache.notStored,
    ),
    {
      name: "spillway_cache_stale_age_seconds",
      help: "How long past their freshness answers were when they were given",
      type: "histogram",
      aggregator: "sum",
      samples: () => histogram("spillway_cache_stale_age_seconds", {}, STALE_BOUNDS, cache.stale, cache.staleSeconds()),
    },
  ];
}
