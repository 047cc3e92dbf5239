import type { Departure } from "../../core/exchange.ts";

/** The departure of a request that no client has sent: it leaves when it is told. */
export class Leaving implements Departure {
  #gone = false;
  readonly #listeners = new Set<() => void>();

  get gone(): boolean {
    return this.#gone;
  }

  onGone(listener: () => void): () => void {
    if (this.#gone) {
      listener();
      return () => {};
    }
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Only the first call counts. */
  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
