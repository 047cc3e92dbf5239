import { LRUCache } from "lru-cache";
import type { Random } from "../core/clock.ts";

/** How eager: 1 is the optimum for one build time in the paper. */
const BETA = 1;
/** -ln of the smallest draw there is. */
const LONGEST = 53 * Math.LN2;
/** Hits in the stretch before expiry that make a key worth it: what is asked for once will not be missed. */
const LEAST_HITS = 2;
const MOST_KEYS = 1000;

interface Count {
  /** When the counted answer came: of another fill, counting begins anew. */
  readonly receivedAt: number;
  hits: number;
}

/**
 * Refresh before expiry, with a probability that grows as expiry nears, so that of many requests one comes first and the
 * others never meet a stale answer (XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
 * Prevention", VLDB 2015). Hits are counted only where a refresh may begin at all: earlier ones cost nothing.
 */
export class RefreshAhead {
  readonly #random: Random;
  readonly #counts = new LRUCache<string, Count>({ max: MOST_KEYS });

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Milliseconds before its end from which on a fresh answer is to be fetched anew, drawn for this one hit. 0: not yet.
   * `left`: milliseconds of freshness it has; `buildMs`: that the dependency took for it.
   */
  early(key: string, receivedAt: number, left: number, buildMs: number): number {
    if (buildMs * BETA * LONGEST < left) return 0;
    const count = this.#counts.get(key);
    if (!count || count.receivedAt !== receivedAt) {
      this.#counts.set(key, { receivedAt, hits: 1 });
      return 0;
    }
    if (++count.hits <= LEAST_HITS) return 0;
    return buildMs * BETA * -Math.log(1 - this.#random());
  }
}
