/** 32 bits of a key, well mixed (FNV-1a, then the finalizer of MurmurHash3). Not for what an attacker may choose to collide: only for counting. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

const ROWS = 4;
const MOST = 15;
/** Odd numbers that spread one hash over the rows. */
const SPREAD = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;
const SAMPLE = 2.5;

/**
 * How often keys were seen lately: a count-min sketch (Cormode, Muthukrishnan 2005) with counters up to 15 that are
 * halved from time to time (Einziger, Friedman, Manes 2017). Never too low but for the halving, seldom too high.
 */
export class Sketch {
  #counters: Uint8Array;
  #width: number;
  readonly #sample: number;
  #additions = 0;

  /**
   * `width`: counters of a row, a power of two, an octet each. `sample`: additions for each of them after which all are
   * halved, so that what was popular once is forgotten; below 1, one count is seldom taken for two.
   */
  constructor(width: number, sample = SAMPLE) {
    this.#width = width;
    this.#sample = sample;
    this.#counters = new Uint8Array(ROWS * width);
  }

  get width(): number {
    return this.#width;
  }

  /** Counts one more time of a key, by its hash. */
  add(hash: number): void {
    for (let row = 0; row < ROWS; row++) {
      const at = this.#slot(hash, row);
      if (this.#counters[at]! < MOST) this.#counters[at]!++;
    }
    if (++this.#additions > this.#sample * this.#width) this.#halve();
  }

  /** Times a key was counted lately, 15 at most. */
  estimate(hash: number): number {
    let least = MOST;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#counters[this.#slot(hash, row)]!);
    return least;
  }

  /** Twice the width; estimates stay as they are. */
  double(): void {
    const grown = new Uint8Array(ROWS * this.#width * 2);
    for (let row = 0; row < ROWS; row++) {
      const counts = this.#counters.subarray(row * this.#width, (row + 1) * this.#width);
      grown.set(counts, 2 * row * this.#width);
      grown.set(counts, (2 * row + 1) * this.#width);
    }
    this.#counters = grown;
    this.#width *= 2;
  }

  #slot(hash: number, row: number): number {
    const spread = Math.imul(hash, SPREAD[row]!);
    return row * this.#width + ((spread ^ (spread >>> 15)) & (this.#width - 1));
  }

  #halve(): void {
    for (let at = 0; at < this.#counters.length; at++) this.#counters[at]! >>>= 1;
    this.#additions >>>= 1;
  }
}
