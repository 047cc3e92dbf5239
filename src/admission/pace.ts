import { CLASSES } from "./classes.ts";

/** Weight of one more call in the averages, once there have been as many as this asks for. */
const WEIGHT = 0.05;
/** Milliseconds over which arrivals are averaged, and the least between two looks at them. */
const MEMORY = 500;
const LOOK = 100;
/** How many may wait for a dependency of which nothing is known yet, or that is very fast. */
const MOST_TURNS = 2000;
/** What is left to a class, at least, however much comes above it: what the guard against starving gives. */
const LEAST_SHARE = 0.05;

/** One moment by the clock, and in running time. */
interface Instant {
  readonly now: number;
  readonly time: number;
}

/**
 * How fast seats of a dependency come free, from what was seen: pure maths for the forecast of a wait. Times are
 * monotonic milliseconds.
 */
export class Pace {
  #calls = 0;
  #heldMs = 0;
  #turnMs = 0;
  #answers = 0;
  #answerMs = 0;
  #medianMs = 0;
  /** When a seat was last given to somebody or came free, in running time. */
  #lastMove = 0;
  /** Let in since the last look, and a millisecond on average, by rank. */
  readonly #entered = new Float64Array(CLASSES.length);
  readonly #rates = new Float64Array(CLASSES.length);
  #lookedAt: number;

  constructor(now: number) {
    this.#lookedAt = now;
  }

  /** Mean time a seat was held, weighted to the newest calls; 0 before the first has ended. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /** Median time to the head of an answer, roughly; 0 before the first. */
  get medianMs(): number {
    return this.#medianMs;
  }

  /** One of this rank got a seat or a place in the queue. */
  entered(rank: number): void {
    this.#entered[rank]! += 1;
  }

  /** A seat was given to somebody, or is free again, however its call went. `time` is running time. */
  moved(time: number): void {
    this.#lastMove = time;
  }

  /** A head has come after `ms`. */
  answered(ms: number): void {
    if (this.#answers++ === 0) this.#answerMs = this.#medianMs = ms;
    this.#answerMs += (ms - this.#answerMs) * WEIGHT;
    // Stochastic approximation (Robbins and Monro 1951): as many steps up as down, at the median.
    this.#medianMs = Math.max(0, this.#medianMs + Math.sign(ms - this.#medianMs) * WEIGHT * this.#answerMs);
  }

  /**
   * A seat was held for `ms`, one of so many. More seats than the dependency can use at once are held for longer, fewer
   * for less long: what stays the same is how soon one of them comes free.
   */
  freed(ms: number, seats: number): void {
    const weight = Math.max(WEIGHT, 1 / ++this.#calls);
    this.#heldMs += (ms - this.#heldMs) * weight;
    this.#turnMs += (ms / seats - this.#turnMs) * weight;
  }

  /**
   * Milliseconds until a seat for one of this rank, when all `seats` are taken and `ahead` go before it: turns, over the
   * pace at which seats come free, less what arrives above it meanwhile.
   */
  forecast(rank: number, ahead: number, seats: number, { now, time }: Instant): number {
    // Nothing moves: whoever has a seat has had it for that long. A dependency that hangs shows before a call ends.
    const each = Math.max(this.#turnMs, (time - this.#lastMove) / seats);
    const left = Math.max(LEAST_SHARE, 1 - this.#above(rank, now) * each);
    return ((ahead + 1) * each) / left;
  }

  /** How many seats come free in so many milliseconds; many, as long as nothing is known. */
  turnsWithin(ms: number, seats: number): number {
    return Math.min(MOST_TURNS, this.#heldMs === 0 ? MOST_TURNS : Math.floor((seats * ms) / this.#heldMs));
  }

  /** Arrivals a millisecond in the classes above. */
  #above(rank: number, now: number): number {
    const passed = now - this.#lookedAt;
    if (passed >= LOOK) this.#look(passed, now);
    let above = 0;
    for (let at = 0; at < rank; at++) above += this.#rates[at]!;
    return above;
  }

  #look(passed: number, now: number): void {
    const weight = 1 - Math.exp(-passed / MEMORY);
    for (let at = 0; at < CLASSES.length; at++) {
      this.#rates[at]! += (this.#entered[at]! / passed - this.#rates[at]!) * weight;
      this.#entered[at] = 0;
    }
    this.#lookedAt = now;
  }
}
