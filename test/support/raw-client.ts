import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { headerValue } from "../../src/core/headers.ts";
import { ByteReader, type Closing, printable } from "./byte-reader.ts";
import { announcedFraming, type Framing, readBody, readFields } from "./raw-message.ts";
import { deadline } from "./wait.ts";

export interface InterimResponse {
  readonly status: number;
  readonly headers: string[];
}

/** One response as it stood on the wire. */
export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Flat `[name, value, ...]`: order, spelling and repetition as received. */
  readonly headers: string[];
  /** 1xx answers that came before it. */
  readonly interim: readonly InterimResponse[];
  readonly framing: Framing;
  readonly body: Buffer;
  /** Size of each chunk; empty unless chunked. */
  readonly chunks: readonly number[];
  readonly trailers: string[];
  /** Every octet of it, interim answers included. */
  readonly raw: Buffer;
  /** First value of a field; `lower` in lower case. */
  header(lower: string): string | undefined;
  text(): string;
  json(): unknown;
}

export interface ReadOptions {
  /** Default 10,000, while this process gets ahead: see `deadline`. */
  readonly timeoutMs?: number;
  /** Method of the request it answers, because HEAD and CONNECT have no body. Default GET. */
  readonly method?: string;
}

/** A TCP connection that speaks exactly the octets it is told to. The test ends it: `destroy()`, or `using`. */
export interface RawClient extends Disposable {
  /** Sends strings as latin1 and buffers as they are, each piece in a segment of its own as far as TCP lets us. */
  send(...pieces: readonly (string | Buffer)[]): Promise<void>;
  /** Sends FIN and goes on reading. */
  end(): void;
  /** Sends RST. */
  reset(): void;
  destroy(): void;
  /** Stops reading, so that the peer meets a full window; `resumeReading` goes on. */
  pauseReading(): void;
  resumeReading(): void;
  readResponse(options?: ReadOptions): Promise<RawResponse>;
  /** Head only, with the body left in the stream: for answers that never end. */
  readHead(options?: ReadOptions): Promise<Pick<RawResponse, "version" | "status" | "reason" | "headers" | "interim">>;
  /** Waits until the octets that are here and not yet read hold `text`; takes none. */
  readUntil(text: string, options?: Pick<ReadOptions, "timeoutMs">): Promise<string>;
  /** Takes the octets that came and were not read. */
  rest(): Buffer;
  /** Everything ever received. */
  received(): Buffer;
  /** How the peer ended the connection; undefined while it stands. */
  readonly closing: Closing | undefined;
  /** Resolves with how the peer ended it. Never rejects. */
  readonly closed: Promise<Closing>;
  /** Port of our side. */
  readonly localPort: number;
}

export interface ConnectOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** TLS without looking at the certificate, with these ALPN protocols. Default: plain TCP. */
  readonly alpn?: string[];
}

export async function connectRaw(port: number, options: ConnectOptions = {}): Promise<RawClient> {
  const to = { port, host: options.host ?? "127.0.0.1", allowHalfOpen: true };
  const socket: Socket = options.alpn
    ? connectTls({ ...to, ALPNProtocols: options.alpn, rejectUnauthorized: false })
    : connect(to);
  await once(socket, options.alpn ? "secureConnect" : "connect");
  socket.setNoDelay(true);
  const { reader, closed } = attachReader(socket);
  return makeClient(socket, reader, closed);
}

/** Feeds a reader from a socket and tells FIN, RST and our own end apart. Swallows the socket's errors. */
export function attachReader(socket: Socket): { readonly reader: ByteReader; readonly closed: Promise<Closing> } {
  const reader = new ByteReader();
  const closed = new Promise<Closing>((resolve) => {
    const ended = (closing: Closing): void => {
      reader.end(closing);
      resolve(reader.closing ?? closing);
    };
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("end", () => ended("fin"));
    socket.on("error", () => ended("reset"));
    socket.on("close", () => ended("destroyed"));
  });
  return { reader, closed };
}

function makeClient(socket: Socket, reader: ByteReader, closed: Promise<Closing>): RawClient {
  const within = <T>(reading: Promise<T>, timeoutMs: number | undefined, what: string): Promise<T> =>
    deadline(reading, timeoutMs ?? 10_000, what).catch((error: Error) => {
      throw new Error(`${error.message}; received so far: ${printable(reader.received())}`, { cause: error });
    });
  return {
    send: (...pieces) => sendPieces(socket, pieces),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    destroy: () => void socket.destroy(),
    [Symbol.dispose]: () => void socket.destroy(),
    pauseReading: () => void socket.pause(),
    resumeReading: () => void socket.resume(),
    readResponse: (options = {}) =>
      within(parseResponse(reader, options.method), options.timeoutMs, "a whole response"),
    readHead: (options = {}) => within(parseHead(reader), options.timeoutMs, "the head of a response"),
    readUntil: (text, options = {}) => within(reader.watchFor(text), options.timeoutMs, `${printable(text)} to come`),
    rest: () => reader.rest(),
    received: () => reader.received(),
    get closing() {
      return reader.closing;
    },
    closed,
    localPort: socket.localPort ?? 0,
  };
}

/** Writes each piece on its own, one turn of the event loop apart. Resolves when the last is handed to the kernel. */
export async function sendPieces(socket: Socket, pieces: readonly (string | Buffer)[]): Promise<void> {
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? Buffer.from(piece, "latin1") : piece;
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : setImmediate(resolve)));
    });
  }
}

async function parseHead(reader: ByteReader) {
  const interim: InterimResponse[] = [];
  for (;;) {
    const line = await reader.line("a status line");
    const found = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(line);
    if (!found) throw new Error(`not a status line: ${printable(line)}`);
    const status = Number(found[2]);
    const headers = await readFields(reader, `the ${status} response`);
    if (status >= 200 || status === 101) {
      return { version: found[1]!, status, reason: found[3] ?? "", headers, interim };
    }
    interim.push({ status, headers });
  }
}

async function parseResponse(reader: ByteReader, method = "GET"): Promise<RawResponse> {
  reader.taken();
  const head = await parseHead(reader);
  const framing = responseFraming(method, head.status, head.headers);
  const { body, chunks, trailers } = await readBody(reader, framing, `the ${head.status} response`);
  return {
    ...head,
    framing,
    body,
    chunks,
    trailers,
    raw: reader.taken(),
    header: (lower) => headerValue(head.headers, lower),
    text: () => body.toString(),
    json: () => JSON.parse(body.toString()),
  };
}

function responseFraming(method: string, status: number, headers: readonly string[]): Framing {
  const bodiless = method === "HEAD" || status === 101 || status === 204 || status === 304;
  if (bodiless || (method === "CONNECT" && status < 300)) return { by: "none" };
  return announcedFraming(headers, `the ${status} response`) ?? { by: "close" };
}
