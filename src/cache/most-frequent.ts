import type { Counted } from "../core/cache-control.ts";

/**
 * The names that come most often, by as many counters as it is given (Metwally, Agrawal, El Abbadi: Efficient Computation
 * of Frequent and Top-k Elements in Data Streams, 2005): a name without a counter takes over the lowest one with its
 * count. So a count is never too low, and what comes more often than the lowest is always there.
 */
export class MostFrequent {
  readonly #most: number;
  readonly #names: string[] = [];
  readonly #counts: number[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string): void {
    let at = this.#names.indexOf(name);
    if (at < 0) {
      at = this.#names.length < this.#most ? this.#names.length : this.#lowest();
      this.#counts[at] ??= 0;
      this.#names[at] = name;
    }
    this.#counts[at]! += 1;
  }

  /** The most frequent first. */
  read(): Counted[] {
    return this.#names.map((name, at) => ({ name, count: this.#counts[at]! })).sort((a, b) => b.count - a.count);
  }

  #lowest(): number {
    let lowest = 0;
    for (let at = 1; at < this.#counts.length; at++) if (this.#counts[at]! < this.#counts[lowest]!) lowest = at;
    return lowest;
  }
}
