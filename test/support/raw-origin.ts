import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { headerValue } from "../../src/core/headers.ts";
import { type ByteReader, type Closing, EndedEarly, printable } from "./byte-reader.ts";
import { attachReader, sendPieces } from "./raw-client.ts";
import { announcedFraming, type Framing, persists, readBody, readFields } from "./raw-message.ts";
import { deadline } from "./wait.ts";

export interface RawRequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Flat `[name, value, ...]`: order, spelling and repetition as received. */
  readonly headers: string[];
  readonly framing: Framing;
  /** Every octet of the head, the empty line included. */
  readonly rawHead: Buffer;
  /** First value of a field; `lower` in lower case. */
  header(lower: string): string | undefined;
}

/** One request as it stood on the wire. */
export interface RawRequest extends RawRequestHead {
  /** Decoded. */
  readonly body: Buffer;
  /** As framed: with chunk sizes and trailers. */
  readonly rawBody: Buffer;
  /** Size of each chunk; empty unless chunked. */
  readonly chunks: readonly number[];
  readonly trailers: string[];
}

/** The origin's end of one connection. */
export interface OriginConnection {
  /** From 0, in order of arrival. */
  readonly index: number;
  readonly socket: Socket;
  /** Exactly one request. Undefined when the peer ended between two. Waits for ever without `timeoutMs`. */
  readRequest(options?: { readonly timeoutMs?: number }): Promise<RawRequest | undefined>;
  /** The head alone, such as to answer before the body; then `readBody`. */
  readHead(): Promise<RawRequestHead | undefined>;
  readBody(head: RawRequestHead): Promise<RawRequest>;
  /** Strings as latin1; each piece in a segment of its own as far as TCP lets us. */
  send(...pieces: readonly (string | Buffer)[]): Promise<void>;
  /** Sends FIN. */
  end(): void;
  /** Sends RST. */
  reset(): void;
  /** Stops reading, so that the peer meets a full window. */
  pauseReading(): void;
  resumeReading(): void;
  /** Everything ever received on it. */
  received(): Buffer;
  readonly closing: Closing | undefined;
  /** Resolves with how the peer ended it. Never rejects. */
  readonly closed: Promise<Closing>;
}

export interface RawOrigin extends AsyncDisposable {
  readonly port: number;
  /** Such as `http://127.0.0.1:3001`. */
  readonly url: string;
  /** Every octet received, a buffer a connection, in order of arrival. */
  readonly received: readonly Buffer[];
  /** Connections ever accepted. */
  readonly connections: number;
  /** Connections that stand now. */
  readonly open: number;
  /** What the handler threw, except that a peer left in the middle of a message. */
  readonly errors: readonly Error[];
  /** Destroys what is open. Rejects with the first of `errors`, so that a failed assertion in a handler is seen. */
  close(): Promise<void>;
}

type ConnectionHandler = (connection: OriginConnection) => void | Promise<void>;

/** Port 0, the default, lets the system choose. */
export async function startRawOrigin(onConnection: ConnectionHandler, port = 0): Promise<RawOrigin> {
  const connections: OriginConnection[] = [];
  const errors: Error[] = [];
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = makeConnection(socket, connections.length);
    connections.push(connection);
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    (async () => onConnection(connection))().catch((error: Error) => {
      if (!isDeparture(error)) errors.push(error);
      socket.destroy();
    });
  });
  const taken = await listen(server, port);
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await stopListening(server);
    if (errors[0]) throw errors[0];
  };
  return {
    port: taken,
    url: `http://127.0.0.1:${taken}`,
    get received() {
      return connections.map((connection) => connection.received());
    },
    get connections() {
      return connections.length;
    },
    get open() {
      return open.size;
    },
    errors,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Whether an error only tells that the peer is gone. */
const isDeparture = (error: Error): boolean =>
  error instanceof EndedEarly || ("code" in error && DEPARTURES.has(String(error.code)));

const DEPARTURES: ReadonlySet<string> = new Set([
  "EPIPE",
  "ECONNRESET",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);

function makeConnection(socket: Socket, index: number): OriginConnection {
  const { reader, closed } = attachReader(socket);
  const readRequest = async (): Promise<RawRequest | undefined> => {
    const head = await parseHead(reader);
    return head && parseBody(reader, head);
  };
  return {
    index,
    socket,
    readRequest: (options = {}) =>
      options.timeoutMs === undefined
        ? readRequest()
        : deadline(
            readRequest(),
            options.timeoutMs,
            () => `a request on connection ${index}; received so far: ${printable(reader.received())}`,
          ),
    readHead: () => parseHead(reader),
    readBody: (head) => parseBody(reader, head),
    send: (...pieces) => sendPieces(socket, pieces),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pauseReading: () => void socket.pause(),
    resumeReading: () => void socket.resume(),
    received: () => reader.received(),
    get closing() {
      return reader.closing;
    },
    closed,
  };
}

async function parseHead(reader: ByteReader): Promise<RawRequestHead | undefined> {
  if (!(await reader.some())) return undefined;
  reader.taken();
  const line = await reader.line("a request line");
  const found = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(line);
  if (!found) throw new Error(`not a request line: ${printable(line)}`);
  const headers = await readFields(reader, `the request ${line}`);
  return {
    method: found[1]!,
    target: found[2]!,
    version: found[3]!,
    headers,
    framing: announcedFraming(headers, `the request ${line}`) ?? { by: "none" },
    rawHead: reader.taken(),
    header: (lower) => headerValue(headers, lower),
  };
}

async function parseBody(reader: ByteReader, head: RawRequestHead): Promise<RawRequest> {
  const { body, chunks, trailers } = await readBody(reader, head.framing, `the request ${head.method} ${head.target}`);
  return { ...head, body, chunks, trailers, rawBody: reader.taken() };
}

/** What an echo origin answers, as JSON. */
export interface Echo {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: string[];
  /** Decoded, as latin1. */
  readonly body: string;
  readonly trailers: string[];
}

/** Answers every request with 200 and an {@link Echo} of it; keeps the connection; sends 100 where it is expected. */
export const startEchoOrigin = (port = 0): Promise<RawOrigin> => startRawOrigin(echo, port);

async function echo(connection: OriginConnection): Promise<void> {
  for (;;) {
    const head = await connection.readHead();
    if (!head) return connection.end();
    if (head.header("expect")?.toLowerCase() === "100-continue") await connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    const { method, target, version, headers, body, trailers } = await connection.readBody(head);
    const seen: Echo = { method, target, version, headers, body: body.toString("latin1"), trailers };
    const json = Buffer.from(JSON.stringify(seen));
    const fields = `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`;
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n`);
    await connection.send(method === "HEAD" ? answer : Buffer.concat([answer, json]));
    if (!persists(version, headers)) return connection.end();
  }
}

export interface HttpOrigin extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Requests ever received. */
  readonly requests: number;
  /** Connections ever accepted. */
  readonly connections: number;
  /** Destroys what is open. */
  close(): Promise<void>;
}

/** A `node:http` origin on 127.0.0.1. */
export async function startOrigin(listener: RequestListener, port = 0): Promise<HttpOrigin> {
  let requests = 0;
  let connections = 0;
  const server = createHttpServer((req, res) => {
    requests += 1;
    listener(req, res);
  });
  server.on("connection", () => {
    connections += 1;
  });
  const taken = await listen(server, port);
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await stopListening(server);
  };
  return {
    port: taken,
    url: `http://127.0.0.1:${taken}`,
    get requests() {
      return requests;
    },
    get connections() {
      return connections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A port of 127.0.0.1 on which nobody listens: connecting to it is refused. */
export async function deadPort(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const server = createServer();
    try {
      await listen(server, port);
      await stopListening(server);
      return port;
    } catch (error) {
      if (tries === 50) throw error;
    }
  }
}

/** Ports that no system gives to whoever asks for any: nobody has one by chance, not even between two of its servers. */
const FIRST_PORT = 10_000;
const PORTS = 12_000;

/** Listens on 127.0.0.1 and resolves to the port. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Resolves once the server and its connections are closed; at once when it does not listen. */
export function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
