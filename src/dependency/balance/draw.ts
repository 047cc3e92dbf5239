import type { Random } from "../../core/clock.ts";

/** Places drawn in proportion to weights: O(1) where all are equal, else O(log n). */
export class Draw {
  /** Whether all weights are the same. */
  readonly equal: boolean;
  readonly total: number;
  readonly #size: number;
  readonly #sums: Float64Array;

  /** At least one weight; all above 0. */
  constructor(weights: readonly number[]) {
    this.#size = weights.length;
    this.equal = weights.every((weight) => weight === weights[0]);
    this.#sums = new Float64Array(weights.length);
    let total = 0;
    for (const [place, weight] of weights.entries()) this.#sums[place] = total += weight;
    this.total = total;
  }

  one(random: Random): number {
    return this.equal ? Math.floor(random() * this.#size) : this.#placeOf(random() * this.total);
  }

  /** Another than `first`, in proportion to the weights of the others. Of one place alone there is none. */
  another(first: number, random: Random): number {
    if (this.equal) {
      const place = Math.floor(random() * (this.#size - 1));
      return place < first ? place : place + 1;
    }
    const below = first === 0 ? 0 : this.#sums[first - 1]!;
    const own = this.#sums[first]! - below;
    const at = random() * (this.total - own);
    const place = this.#placeOf(at < below ? at : at + own);
    // A sum of floats may end a hair inside of what was left out.
    return place !== first ? place : first === 0 ? 1 : first - 1;
  }

  #placeOf(at: number): number {
    let low = 0;
    let high = this.#size - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at < this.#sums[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
