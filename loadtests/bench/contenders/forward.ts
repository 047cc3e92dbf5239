/**
 * The least a streaming reverse proxy on undici can do and still be one: drops hop-by-hop fields both ways, streams
 * bodies with back-pressure, gives up upstream when the client goes, answers 502. No routing, no limits, no
 * breaker, no metrics, no log: everything a gateway adds is counted from here.
 *
 * Done for speed: fields stay raw name-value pairs in one flat array each way, nothing is spread into objects by us;
 * an answer of at most {@link SMALL} octets leaves in one write, up to {@link TEXT} as one string with the head;
 * connections come from a stack, so that none has to be looked for and the warmest is used first.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Client, type Dispatcher } from "undici";

/** Octets of body up to which an answer is kept back to leave in one write. */
const SMALL = 65_536;

/** Octets up to which it is cheaper to make text of a body, for one string with the head, than to write two buffers. */
const TEXT = 4096;

/** Connections to the upstream. With more requests than that in flight, the others queue on them in turn. */
const CONNECTIONS = 64;

/** Fields of RFC 9110 section 7.6.1 that belong to one connection. Those named in `Connection` come on top. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function forwarder(upstream: string): (req: IncomingMessage, res: ServerResponse) => void {
  const connections = new Connections(upstream);
  return (req, res) => {
    const { method = "GET", url = "/", headers } = req;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    const body = hasBody ? req : null;
    connections.dispatch({ method, path: url, headers: requestFields(req), body }, new Relay(res, connections));
  };
}

class Connections {
  readonly #all: readonly Client[];
  readonly #free: Client[];
  #turn = 0;

  constructor(upstream: string) {
    this.#all = Array.from({ length: CONNECTIONS }, () => new Client(upstream));
    this.#free = [...this.#all];
  }

  dispatch(options: Dispatcher.DispatchOptions, relay: Relay): void {
    const free = this.#free.pop();
    if (free !== undefined) relay.taken = free;
    else this.#turn = (this.#turn + 1) % CONNECTIONS;
    const client = free ?? this.#all[this.#turn];
    client?.dispatch(options, relay);
  }

  give(client: Client): void {
    this.#free.push(client);
  }
}

function requestFields(req: IncomingMessage): string[] {
  const { rawHeaders } = req;
  const named = namedIn(req.headers.connection);
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === "expect" || named?.includes(lower) === true) continue;
    kept.push(name, rawHeaders[i + 1] as string);
  }
  return kept;
}

/** What a `Connection` field names beside `keep-alive` and `close`; undefined when it names nothing, as nearly always. */
function namedIn(connection: string | undefined): string[] | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  return connection.toLowerCase().split(/\s*,\s*/);
}

class Relay implements Dispatcher.DispatchHandler {
  /** To be given back when the exchange ends; undefined for one that queues behind another. */
  taken: Client | undefined;
  readonly #res: ServerResponse;
  readonly #connections: Connections;
  #controller: Dispatcher.DispatchController | undefined;
  /** Chunks of a small answer kept back; undefined once the answer streams. */
  #kept: Buffer[] | undefined;
  #ended = false;

  constructor(res: ServerResponse, connections: Connections) {
    this.#res = res;
    this.#connections = connections;
    res.on("close", () => {
      if (!this.#ended) this.#controller?.abort(new Error("client gone"));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#res.destroyed) controller.abort(new Error("client gone"));
    this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    message?: string,
  ): void {
    if (status < 200) return;
    const length = headers["content-length"];
    this.#res.writeHead(status, message, responseFields(controller, headers));
    if (typeof length === "string" && Number(length) <= SMALL) this.#kept = [];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#kept !== undefined) this.#kept.push(chunk);
    else if (!this.#res.write(chunk)) {
      controller.pause();
      this.#res.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(): void {
    this.#finish();
    const kept = this.#kept;
    if (kept === undefined || kept.length === 0) {
      this.#res.end();
      return;
    }
    const body = kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
    if (body.length <= TEXT) this.#res.end(body.toString("latin1"), "latin1");
    else this.#res.end(body);
  }

  onResponseError(): void {
    this.#finish();
    if (this.#res.headersSent) this.#res.destroy();
    else this.#res.writeHead(502).end();
  }

  #finish(): void {
    this.#ended = true;
    if (this.taken !== undefined) this.#connections.give(this.taken);
    this.taken = undefined;
  }
}

function responseFields(
  controller: Dispatcher.DispatchController,
  headers: Record<string, string | string[] | undefined>,
): string[] {
  const raw = controller.rawHeaders as Buffer[];
  const connection = headers["connection"];
  const named = namedIn(typeof connection === "string" ? connection : connection?.join(","));
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString("latin1");
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named?.includes(lower) === true) continue;
    kept.push(name, (raw[i + 1] as Buffer).toString("latin1"));
  }
  return kept;
}
