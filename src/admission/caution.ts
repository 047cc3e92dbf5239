import { CLASSES, RANKS } from "./classes.ts";

const LEAST = 0.4;
const LESS = 0.1;
/** A millisecond: from the least to the most in 20 s. */
const MORE = (1 - LEAST) / 20_000;

/**
 * How much of its longest wait a class may be foreseen to wait. A forecast is a mean: whoever is let in at the very edge
 * waits in vain every other time, and is refused late. So the edge gives way with each that did and comes back with time:
 * refusals are told on arrival. Times are monotonic milliseconds.
 */
export class Caution {
  readonly #shares = new Float64Array(CLASSES.length).fill(1);
  readonly #since = new Float64Array(CLASSES.length);

  /** Of the longest wait of a class, 0.4 to 1; always 1 of the two highest, to whom an answer matters more than an early refusal. */
  share(rank: number, now: number): number {
    if (rank < RANKS.default) return 1;
    return Math.min(1, this.#shares[rank]! + (now - this.#since[rank]!) * MORE);
  }

  /** One has waited in vain. */
  late(rank: number, now: number): void {
    this.#shares[rank] = Math.max(LEAST, this.share(rank, now) - LESS);
    this.#since[rank] = now;
  }
}
