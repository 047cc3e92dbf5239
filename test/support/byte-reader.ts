/** How the other side ended a connection: an orderly FIN, a RST, or not at all because we destroyed it ourselves. */
export type Closing = "fin" | "reset" | "destroyed";

/** The connection ended before the octets that were waited for had come. */
export class EndedEarly extends Error {
  override readonly name = "EndedEarly";
}

/** Octets as they come off a socket, taken by those who wait for a line or a number of them. One waiter at a time. */
export class ByteReader {
  #buffered: Buffer[] = [];
  #size = 0;
  #taken: Buffer[] = [];
  #received: Buffer[] = [];
  #closing: Closing | undefined;
  #wake: (() => void) | undefined;

  get closing(): Closing | undefined {
    return this.#closing;
  }

  /** Octets that have come and nobody has taken. */
  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#buffered.push(chunk);
    this.#size += chunk.length;
    this.#wake?.();
  }

  end(closing: Closing): void {
    this.#closing ??= closing;
    this.#wake?.();
  }

  /** Everything that ever came, taken or not. */
  received(): Buffer {
    if (this.#received.length > 1) this.#received = [Buffer.concat(this.#received)];
    return this.#received[0] ?? Buffer.alloc(0);
  }

  /** What was taken since the last call. */
  taken(): Buffer {
    const taken = Buffer.concat(this.#taken);
    this.#taken = [];
    return taken;
  }

  /** Takes what is here now. */
  rest(): Buffer {
    return this.#take(this.#size);
  }

  /** False when the connection ended and nothing is left. */
  async some(): Promise<boolean> {
    while (this.#size === 0 && !this.#closing) await this.#more();
    return this.#size > 0;
  }

  async exactly(count: number, what: string): Promise<Buffer> {
    while (this.#size < count) await this.#moreOf(`${what}: ${this.#size} of ${count} octets`);
    return this.#take(count);
  }

  /** A line without its CRLF. A bare LF is an error: no peer of ours may send one. */
  async line(what: string): Promise<string> {
    let from = 0;
    for (;;) {
      const all = this.#joined();
      const at = all.indexOf(0x0a, from);
      if (at >= 0) {
        const line = this.#take(at + 1).toString("latin1");
        if (!line.endsWith("\r\n")) throw new Error(`${what} ends with a bare LF: ${printable(line)}`);
        return line.slice(0, -2);
      }
      from = all.length;
      await this.#moreOf(`${what}: no end of line`);
    }
  }

  /** Everything until a FIN. A reset is an error: the rest may be missing. */
  async toEnd(what: string): Promise<Buffer> {
    while (!this.#closing) await this.#more();
    if (this.#closing !== "fin") throw new EndedEarly(`${what}: ended by ${this.#closing} after ${this.#size} octets`);
    return this.rest();
  }

  /** Waits until what is here and not taken holds `text`, as latin1, and returns it all; takes nothing. */
  async watchFor(text: string): Promise<string> {
    for (;;) {
      const all = this.#joined().toString("latin1");
      if (all.includes(text)) return all;
      await this.#moreOf(`the wait for ${printable(text)}`);
    }
  }

  #joined(): Buffer {
    if (this.#buffered.length > 1) this.#buffered = [Buffer.concat(this.#buffered)];
    return this.#buffered[0] ?? Buffer.alloc(0);
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    const taken = all.subarray(0, count);
    this.#buffered = count < all.length ? [all.subarray(count)] : [];
    this.#size -= taken.length;
    if (taken.length > 0) this.#taken.push(taken);
    return taken;
  }

  async #moreOf(progress: string): Promise<void> {
    if (this.#closing) throw new EndedEarly(`the connection ended (${this.#closing}) in the middle of ${progress}`);
    await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Octets for a message: control characters escaped, at most `limit` of them. */
export function printable(bytes: Buffer | string, limit = 2000): string {
  const text = typeof bytes === "string" ? bytes : bytes.toString("latin1");
  const cut = text.length > limit ? `${text.slice(0, limit)}... (${text.length} octets)` : text;
  return JSON.stringify(cut);
}
