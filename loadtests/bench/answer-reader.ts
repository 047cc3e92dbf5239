/**
 * Cuts a stream of bytes into HTTP/1.1 answers, for the generators in Node. It knows Content-Length and, by their last
 * chunk, chunked bodies: enough for JSON answers to GET, no parser for anything else.
 */
const END_OF_HEAD = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

export class AnswerReader {
  readonly #onAnswer: (status: number, head: string) => void;
  #head = "";
  #rest: Buffer = Buffer.alloc(0);
  #status = 0;
  /** Octets of the current body still to come; undefined between answers. */
  #missing: number | undefined;
  #chunked = false;

  constructor(onAnswer: (status: number, head: string) => void) {
    this.#onAnswer = onAnswer;
  }

  feed(read: Buffer): void {
    let data = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    for (;;) {
      const next = this.#step(data);
      if (next === undefined) break;
      data = next;
    }
    this.#rest = data;
  }

  /** What is left after one step, or undefined when more has to be read first. */
  #step(data: Buffer): Buffer | undefined {
    if (this.#chunked) return this.#readChunked(data);
    if (this.#missing !== undefined) return this.#readCounted(data, this.#missing);
    const end = data.indexOf(END_OF_HEAD);
    if (end === -1) return undefined;
    const head = data.toString("latin1", 0, end);
    this.#head = head;
    this.#status = Number(head.slice(9, 12));
    this.#chunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    this.#missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    return data.subarray(end + END_OF_HEAD.length);
  }

  #readCounted(data: Buffer, missing: number): Buffer | undefined {
    if (data.length < missing) return undefined;
    this.#finish();
    return data.subarray(missing);
  }

  #readChunked(data: Buffer): Buffer | undefined {
    const end = data.indexOf(LAST_CHUNK);
    if (end === -1) return undefined;
    this.#finish();
    return data.subarray(end + LAST_CHUNK.length);
  }

  #finish(): void {
    this.#missing = undefined;
    this.#chunked = false;
    this.#onAnswer(this.#status, this.#head);
  }
}
