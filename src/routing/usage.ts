/** Tenants that are told apart, at most, in sets of so many: whoever is new in a full set takes the place of its least user. */
const TENANTS = 4096;
const WAYS = 8;
const SETS = TENANTS / WAYS;
/** Milliseconds in which what was used counts half. */
const HALF_LIFE = 30_000;
/** Milliseconds between two looks at who used how much. */
const LOOK_EVERY = 1000;
/** Two classes of usage to a doubling, from a millisecond on. */
const PER_DOUBLING = 2;
const BUCKETS = 64;
/** The weight of now, beyond which all weights are taken back. */
const HEAVIEST = 2 ** 500;

/**
 * Who used how much of the dependencies lately, for a bounded number of tenants and without a look at all of them for each
 * request: usage is weighted by when it was (forward decay), so that nothing has to be aged, and ranks are read from classes
 * of usage that are counted anew once a second. Tenants are known by a 32-bit hash other than 0.
 */
export class Usage {
  readonly #names = new Uint32Array(TENANTS);
  readonly #weights = new Float64Array(TENANTS);
  /** The class of usage of each, as of the last look; BUCKETS: not seen at it. */
  readonly #buckets = new Uint8Array(TENANTS).fill(BUCKETS);
  readonly #below = new Float64Array(BUCKETS);
  readonly #same = new Float64Array(BUCKETS);
  #counted = 0;
  /** What a millisecond weighs now. */
  #factor = 1;
  #weighedAt: number;
  #lookedAt: number;

  /** `now`: monotonic milliseconds. */
  constructor(now: number) {
    this.#lookedAt = this.#weighedAt = now;
  }

  /** `ms`: how long a dependency worked for it, up to `now`. */
  add(name: number, ms: number, now: number): void {
    if (now - this.#weighedAt >= LOOK_EVERY) this.#weigh(now);
    const first = (name % SETS) * WAYS;
    let least = first;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#names[at] === name) {
        this.#weights[at]! += ms * this.#factor;
        return;
      }
      if (this.#weights[at]! < this.#weights[least]!) least = at;
    }
    this.#names[least] = name;
    this.#weights[least] = ms * this.#factor;
    this.#buckets[least] = BUCKETS;
  }

  /**
   * The share of tenants that used less, from 0 to 1: those who used about as much are lined up by `drawn`, from 0 to 1.
   * Undefined while it is not known, or nobody else is.
   */
  quantile(name: number, drawn: number, now: number): number | undefined {
    if (now - this.#lookedAt >= LOOK_EVERY) this.#look(now);
    if (this.#counted < 2) return undefined;
    const first = (name % SETS) * WAYS;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#names[at] !== name) continue;
      const bucket = this.#buckets[at]!;
      if (bucket === BUCKETS) return undefined;
      return (this.#below[bucket]! + this.#same[bucket]! * drawn) / this.#counted;
    }
    return undefined;
  }

  #look(now: number): void {
    this.#weigh(now);
    this.#lookedAt = now;
    this.#same.fill(0);
    this.#counted = 0;
    for (let at = 0; at < TENANTS; at++) {
      const used = this.#weights[at]! / this.#factor;
      if (used < 1) {
        // Less than a millisecond is left of it: as if it had never come.
        this.#names[at] = this.#weights[at] = 0;
        this.#buckets[at] = BUCKETS;
        continue;
      }
      const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log2(used) * PER_DOUBLING));
      this.#buckets[at] = bucket;
      this.#same[bucket]!++;
      this.#counted++;
    }
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#below[bucket] = below;
      below += this.#same[bucket]!;
    }
  }

  #weigh(now: number): void {
    this.#factor *= 2 ** ((now - this.#weighedAt) / HALF_LIFE);
    this.#weighedAt = now;
    if (this.#factor < HEAVIEST) return;
    const by = this.#factor;
    for (let at = 0; at < TENANTS; at++) this.#weights[at] = Number.isFinite(by) ? this.#weights[at]! / by : 0;
    this.#factor = 1;
  }
}
