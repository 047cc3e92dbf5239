/** Parts of a window: it moves on by one of them at a time. */
const PARTS = 10;

/**
 * Calls of the last while, those that failed and those that were slow: a ring of ten parts, so that the window reaches
 * back nine to ten tenths of its length. Takes times that do not go back.
 */
export class Window {
  readonly #span: number;
  readonly #calls = new Uint32Array(PARTS);
  readonly #failures = new Uint32Array(PARTS);
  readonly #slow = new Uint32Array(PARTS);
  /** Number of the newest part, counted from time 0. */
  #newest = Number.NEGATIVE_INFINITY;
  calls = 0;
  failures = 0;
  slow = 0;

  /** `ms`: its length. */
  constructor(ms: number) {
    this.#span = ms / PARTS;
  }

  add(now: number, failed: boolean, slow: boolean): void {
    this.moveTo(now);
    const at = this.#newest % PARTS;
    this.#calls[at]!++;
    this.calls++;
    if (failed) {
      this.#failures[at]!++;
      this.failures++;
    }
    if (slow) {
      this.#slow[at]!++;
      this.slow++;
    }
  }

  /** Forgets what is older than the window. */
  moveTo(now: number): void {
    const newest = Math.floor(now / this.#span);
    if (newest <= this.#newest) return;
    if (newest - this.#newest >= PARTS) this.clear();
    else for (let part = this.#newest + 1; part <= newest; part++) this.#forget(part % PARTS);
    this.#newest = newest;
  }

  clear(): void {
    for (let at = 0; at < PARTS; at++) this.#forget(at);
  }

  #forget(at: number): void {
    this.calls -= this.#calls[at]!;
    this.failures -= this.#failures[at]!;
    this.slow -= this.#slow[at]!;
    this.#calls[at] = this.#failures[at] = this.#slow[at] = 0;
  }
}
