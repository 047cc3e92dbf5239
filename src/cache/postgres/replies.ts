/**
 * What a server sends is read by the client's parser inside an event of the socket, where what it throws would end the
 * process; and a text without its end it would look for without end. So each message with texts is held until it is
 * whole, and looked over first (PostgreSQL, "Message Formats").
 */
import type { Client } from "pg";

/** What reads a server's octets off a stream. */
interface ReplyReader {
  attachListeners(stream: ReplySource): void;
}

interface ReplySource {
  on(event: string, listener: (octets: Buffer) => void): unknown;
  destroy(error?: Error): unknown;
}

/** Octets that are no PostgreSQL end the connection, and nothing more. */
export function containReplies(client: Client): void {
  const reader = client.connection as unknown as ReplyReader;
  const attach = reader.attachListeners.bind(reader);
  reader.attachListeners = (stream) => {
    const contained = (listener: (octets: Buffer) => void) => {
      const whole = createReplyCheck();
      return (octets: Buffer): void => {
        try {
          const checked = whole(octets);
          if (checked.length > 0) listener(checked);
        } catch (thrown) {
          stream.destroy(new Error(`what the server sent is not understood: ${String(thrown)}`));
        }
      };
    };
    attach({
      on: (event, listener) => stream.on(event, event === "data" ? contained(listener) : listener),
      destroy: (error) => stream.destroy(error),
    });
  };
}

/** Octets of the kind and the length of a message. */
const HEAD = 5;
/** Octets of a message: the longest frame as hexadecimal text, and room. */
const LONGEST = 160 * 1024 * 1024;
/** Octets of a message that is held until it is whole. */
const LONGEST_HELD = 1024 * 1024;
/** Octets of a column's description behind its name. */
const COLUMN = 18;
/** The kind of authentication that lists its mechanisms. */
const SASL = 10;

/** By the kind of message: what stands in it. Other kinds have no texts but those whose length is told. */
const texts: Readonly<Record<string, (reader: TextReader) => void>> = {
  // CommandComplete, ParameterStatus, NotificationResponse
  C: (reader) => void reader.text(),
  S(reader) {
    reader.text();
    reader.text();
  },
  A(reader) {
    reader.skip(4);
    reader.text();
    reader.text();
  },
  // ErrorResponse, NoticeResponse
  E: (reader) => reader.fields(),
  N: (reader) => reader.fields(),
  // RowDescription
  T(reader) {
    for (let columns = reader.int16(); columns > 0; columns--) {
      reader.text();
      reader.skip(COLUMN);
    }
  },
  R(reader) {
    if (reader.int32() !== SASL) return reader.rest();
    while (reader.text() > 0);
  },
};

/** Takes octets as they come and gives back those that may be parsed by now. Throws at what is no message. */
export function createReplyCheck(): (octets: Buffer) => Buffer {
  let held: Buffer = Buffer.alloc(0);
  /** Octets left of a message that is passed on as it comes. */
  let passing = 0;
  return (octets) => {
    const all = held.length > 0 ? Buffer.concat([held, octets]) : octets;
    let at = Math.min(passing, all.length);
    passing -= at;
    while (all.length - at >= HEAD) {
      const kind = String.fromCharCode(all[at]!);
      const length = all.readUInt32BE(at + 1) + 1;
      if (length < HEAD || length > LONGEST) throw new RangeError(`a message of ${length} octets`);
      const look = texts[kind];
      const left = all.length - at;
      if (look && length > LONGEST_HELD) throw new RangeError(`a message ${kind} of ${length} octets`);
      if (look && length > left) break;
      if (look) look(new TextReader(all, at + HEAD, at + length));
      const passed = Math.min(length, left);
      passing = length - passed;
      at += passed;
    }
    held = all.subarray(at);
    return all.subarray(0, at);
  };
}

/** Reads one message up to its end. Throws at what reaches past that. */
class TextReader {
  readonly #octets: Buffer;
  readonly #end: number;
  #at: number;

  constructor(octets: Buffer, at: number, end: number) {
    this.#octets = octets;
    this.#at = at;
    this.#end = end;
  }

  skip(octets: number): void {
    this.#at += octets;
    if (this.#at > this.#end) throw new RangeError("a message that ends too early");
  }

  int16(): number {
    this.skip(2);
    return this.#octets.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.skip(4);
    return this.#octets.readInt32BE(this.#at - 4);
  }

  /** Its length, without the zero that ends it. */
  text(): number {
    const zero = this.#octets.indexOf(0, this.#at);
    if (zero < 0 || zero >= this.#end) throw new RangeError("a text without an end");
    const length = zero - this.#at;
    this.#at = zero + 1;
    return length;
  }

  /** Each a kind and a text, and a zero behind the last. */
  fields(): void {
    for (;;) {
      this.skip(1);
      if (this.#octets[this.#at - 1] === 0) return;
      this.text();
    }
  }

  rest(): void {
    this.#at = this.#end;
  }
}
