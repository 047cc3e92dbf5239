/** Milliseconds that count between two looks, at most. */
const MOST = 20;

/**
 * Time in which this process gets ahead: while it stands still, for want of a processor or for work of its own, nobody has
 * waited for the dependency. It runs between looks at the clock, which somebody has to take every few milliseconds, and
 * rests while nobody does. `now` is monotonic milliseconds.
 */
export class RunningTime {
  #passed = 0;
  #lookedAt = 0;

  at(now: number): number {
    return this.#passed + Math.min(now - this.#lookedAt, MOST);
  }

  /** A look at the clock. */
  look(now: number): void {
    this.#passed = this.at(now);
    this.#lookedAt = now;
  }

  /** From now on somebody looks: what was before does not count. */
  begin(now: number): void {
    this.#lookedAt = now;
  }
}
