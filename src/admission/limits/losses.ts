/** Share of calls from which on drops count at all, and the multiple of what is usual. */
const FEW = 0.02;
const USUAL = 2;
/** The usual share forgets as if it were of so many calls. */
const MEMORY = 200;

/**
 * How many calls are dropped while hardly any are under way. A dependency that always drops some is not helped by fewer
 * calls: only what is well above counts as overload.
 */
export class Losses {
  #calls = 0;
  #share = 0;

  /** A call that met nobody waiting. */
  saw(dropped: boolean): void {
    this.#calls = Math.min(MEMORY, this.#calls + 1);
    this.#share += ((dropped ? 1 : 0) - this.#share) / this.#calls;
  }

  /** Whether a window has more drops than is usual. */
  unusual(dropped: number, calls: number): boolean {
    return dropped > Math.max(FEW, USUAL * this.#share) * calls;
  }
}
