/**
 * How often a thing changes, from looks at irregular intervals that tell only whether it changed at all since the last
 * one: the maximum-likelihood rate of a Poisson process (Cho and Garcia-Molina, "Estimating frequency of change", 2003).
 * Times are milliseconds, rates changes a millisecond.
 */

/** Looks at intervals of about the same length, old ones fading. */
interface Looks {
  changed: number;
  unchanged: number;
  /** Of all of them together, milliseconds. */
  time: number;
}

/** One for each doubling from a second to some twelve days. */
const CLASSES = 21;
const SHORTEST = 1000;
/** What a look weighs after each later one: the last thousand count. */
const FADING = 1 - 1 / 1000;
/** A prior of half a change and half a look without one, so that few looks say little (Cho and Garcia-Molina, 4.2). */
const DOUBT = 0.5;

/** Bounded: its size does not grow with what it is told. */
export class ChangeRate {
  readonly #looks: readonly Looks[] = Array.from({ length: CLASSES }, () => ({ changed: 0, unchanged: 0, time: 0 }));

  /** Looks that count, old ones less than one each. */
  get weight(): number {
    let sum = 0;
    for (const { changed, unchanged } of this.#looks) sum += changed + unchanged;
    return sum;
  }

  /** A look `interval` after the one before. Intervals under a second say nothing that a lifetime could use. */
  observe(interval: number, changed: boolean): void {
    if (!(interval >= SHORTEST)) return;
    for (const looks of this.#looks) {
      looks.changed *= FADING;
      looks.unchanged *= FADING;
      looks.time *= FADING;
    }
    const looks = this.#looks[Math.min(CLASSES - 1, Math.round(Math.log2(interval / SHORTEST)))]!;
    if (changed) looks.changed += 1;
    else looks.unchanged += 1;
    looks.time += interval;
  }

  /** Milliseconds from one look to the next, on the average; undefined before the first. */
  interval(): number | undefined {
    const { weight } = this;
    if (weight === 0) return undefined;
    let time = 0;
    for (const looks of this.#looks) time += looks.time;
    return time / weight;
  }

  /** Changes a millisecond; undefined before the first look. */
  rate(): number | undefined {
    if (this.weight === 0) return undefined;
    // The slope of the likelihood falls as the rate grows: the root is found by halving, in steps of the logarithm.
    let [low, high] = [-30, 0];
    for (let step = 0; step < 50; step++) {
      const middle = (low + high) / 2;
      if (this.#slope(Math.exp(middle)) > 0) low = middle;
      else high = middle;
    }
    return Math.exp(low);
  }

  /** Derivative of the log-likelihood at this rate. */
  #slope(rate: number): number {
    const known = this.#looks.filter(({ time }) => time > 0);
    let slope = 0;
    for (const { changed, unchanged, time } of known) {
      const interval = time / (changed + unchanged);
      slope += ((changed + DOUBT / known.length) * interval) / Math.expm1(rate * interval);
      slope -= (unchanged + DOUBT / known.length) * interval;
    }
    return slope;
  }
}

/** How long a thing of this rate may be used so that it has changed in no more than a share of `risk` (0..1) of the uses at its end. */
export const lifetimeFor = (rate: number, risk: number): number => -Math.log1p(-risk) / rate;
