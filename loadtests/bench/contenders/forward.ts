/**
 * The least a streaming reverse proxy on undici can do and still be one: drops hop-by-hop fields both ways, streams
 * bodies with back-pressure, gives up upstream when the client goes, answers 502. No routing, no limits, no
 * breaker, no metrics, no log: everything a gateway adds is counted from here.
 *
 * Done for speed: fields stay raw name-value pairs in one flat array each way, nothing is spread into objects by us;
 * an answer that ends within {@link SMALL} octets leaves in one write, head and body together.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

/** Octets of body up to which an answer is kept back to leave in one write. */
const SMALL = 65_536;

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
  const pool = new Pool(upstream, { connections: 64 });
  return (req, res) => {
    const { method = "GET", url = "/", headers } = req;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    pool.dispatch({ method, path: url, headers: requestFields(req), body: hasBody ? req : null }, new Relay(res));
  };
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
  readonly #res: ServerResponse;
  #controller: Dispatcher.DispatchController | undefined;
  /** Chunks of a small answer kept back; undefined once the answer streams. */
  #kept: Buffer[] | undefined;
  #ended = false;

  constructor(res: ServerResponse) {
    this.#res = res;
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
    this.#ended = true;
    const kept = this.#kept;
    if (kept === undefined || kept.length === 0) this.#res.end();
    else this.#res.end(kept.length === 1 ? kept[0] : Buffer.concat(kept));
  }

  onResponseError(): void {
    this.#ended = true;
    if (this.#res.headersSent) this.#res.destroy();
    else this.#res.writeHead(502).end();
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
