/** Counts calls under way: a client must not be closed under a request whose body is still being collected. */
export class InUse {
  #calls = 0;
  #idle: (() => void) | undefined;

  enter(): void {
    this.#calls++;
  }

  leave(): void {
    if (--this.#calls === 0) this.#idle?.();
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#calls === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }
}
