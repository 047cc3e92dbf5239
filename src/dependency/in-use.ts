/** Counts calls under way: a client must not be closed under a request whose body is still being collected. */
export class InUse {
  #calls = 0;
  #idle: (() => void) | undefined;
  #over = false;

  enter(): void {
    this.#calls++;
  }

  leave(): void {
    if (--this.#calls === 0) this.#idle?.();
  }

  /** Its connections are being cut: nothing new may be sent. */
  end(): void {
    this.#over = true;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#calls === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }
}
