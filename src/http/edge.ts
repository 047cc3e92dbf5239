import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { Exchange, PriorityClass, RouteFacts, TraceContext, Upgrade } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import { failed, refused, type Refused } from "../core/outcome.ts";
import type { Handler } from "../core/stage.ts";
import { Timeouts } from "../core/timeouts.ts";
import { Connection } from "./connection.ts";
import { Delivery, type DeliveryParts } from "./delivery.ts";
import { createHeadReader, type Head } from "./fields.ts";
import { createForwarding, isLoop, type Hop } from "./forwarding.ts";
import { HttpExchange } from "./http-exchange.ts";
import { passInterim } from "./interim.ts";
import { isHandshake, isHttp2 } from "./protocol.ts";
import type { ListenSettings } from "./settings.ts";
import { answerFault, turnAway } from "./turn-away.ts";
import { lookEvery, Upload, type UploadLimits } from "./upload.ts";

/** A route as the edge sees it. */
export interface EdgeRoute {
  readonly facts: RouteFacts;
  readonly handler: Handler;
  readonly classOf: (headers: HeaderList) => PriorityClass;
  readonly websocket: boolean;
}

export type EdgeMatch =
  | { readonly kind: "found"; readonly value: EdgeRoute; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

/** How requests are judged before any stage sees them. Given from outside: the edge knows no routes. */
export interface Judgement {
  readHost(
    value: string,
    scheme: "http" | "https",
  ): { kind: "ok"; authority: string } | { kind: "bad"; detail: string };
  readTarget(
    raw: string,
    method: string,
    authority: string,
    scheme: "http" | "https",
  ):
    | { kind: "ok"; target: string; path: string; query: string }
    | { kind: "asterisk" }
    | { kind: "bad"; detail: string };
  match(authority: string, path: string, method: string): EdgeMatch;
  trusts(address: string): boolean;
  clientAddress(peer: string, forwardedFor: string | undefined, forwarded: string | undefined): string;
  trace(traceparent: string | undefined): TraceContext;
}

export interface EdgeParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly settings: ListenSettings;
  /** Our name in Via and CDN-Loop. */
  readonly name: string;
  /** The judgement in force; a reload puts another in its place. */
  readonly judgement: () => Judgement;
  readonly draining: () => boolean;
}

const OTHER: RouteFacts = { name: "_other", dependency: undefined };
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** Turns requests of Node's HTTP servers (1.1 and 2) or of a host application into exchanges and answers them. */
export class Edge {
  readonly #parts: EdgeParts;
  readonly #readHead = createHeadReader();
  readonly #connections = new WeakMap<object, Connection>();
  // A count, not a set: a set that turns over thousands of exchanges a second leaves its old tables behind in old
  // space, and each keeps the requests it held alive until the next full collection.
  #open = 0;
  readonly #delivery: DeliveryParts;
  readonly #limits: UploadLimits;
  readonly #requests: Timeouts;

  constructor(parts: EdgeParts) {
    const { clock, bus, settings } = parts;
    this.#parts = parts;
    this.#limits = {
      maxBody: settings.maxBody,
      bodyRate: settings.bodyRate,
      bodyTimeout: settings.bodyTimeout,
      looks: new Timeouts(clock, lookEvery(settings.bodyTimeout)),
    };
    this.#requests = new Timeouts(clock, settings.requestTimeout);
    this.#delivery = {
      clock,
      bus,
      via: `1.1 ${parts.name}`,
      writeTimeout: settings.writeTimeout,
      serverTiming: settings.serverTiming,
      draining: parts.draining,
      over: () => this.#open--,
    };
  }

  /** Exchanges that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Node's request listener and, with `handOn`, Express' middleware. */
  handle(request: IncomingMessage, response: ServerResponse, handOn?: (exchange: Exchange) => void): void {
    const connection = this.connectionOf(request);
    if (connection.poison) {
      connection.ignore(this.#parts.settings.maxOutstanding);
      return;
    }
    const serve = (): void => this.#serve(connection, request, response, handOn);
    if (!isHttp2(request)) {
      if (connection.outstanding >= this.#parts.settings.maxOutstanding) {
        connection.socket.destroy();
        return;
      }
      response.on("close", () => connection.end(request, response));
      connection.begin(request, response, () => this.#guarded(response, serve));
    } else this.#guarded(response, serve);
  }

  /** A request that Express gave back: it could not read its target, or the edge threw. */
  unrouted(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    if (!thrown) {
      this.handle(request, response);
      return;
    }
    this.#parts.bus.publish("spillway:fault", { where: "edge", error: toError(thrown) });
    if (isHttp2(request)) response.destroy();
    else request.socket.destroy();
  }

  /** A request that wants to become a tunnel; `response` writes to its socket as long as there is none. */
  handleUpgrade(request: IncomingMessage, response: ServerResponse, join: Upgrade["join"]): void {
    const connection = this.connectionOf(request);
    if (connection.poison) return;
    this.#guarded(response, () => this.#serve(connection, request, response, undefined, join));
  }

  /** What is known of the connection a request came on. */
  connectionOf(request: IncomingMessage): Connection {
    const key = isHttp2(request) ? sessionOf(request) : request.socket;
    let connection = this.#connections.get(key);
    if (!connection) {
      connection = this.#createConnection(request.socket, request.httpVersion);
      this.#connections.set(key, connection);
    }
    return connection;
  }

  /** The connection behind a socket, if a request has come on it. */
  knownConnection(socket: Socket): Connection | undefined {
    return this.#connections.get(socket);
  }

  #createConnection(socket: Socket, version: string): Connection {
    const peer = unmapped(socket.remoteAddress ?? "");
    const hop: Hop = {
      peer,
      peerTrusted: this.#parts.judgement().trusts(peer),
      scheme: (socket as Partial<TLSSocket>).encrypted ? "https" : "http",
      version,
    };
    return new Connection(socket, hop, createForwarding(hop, this.#parts.name));
  }

  /** What is thrown before there is an exchange costs that request alone, wherever it was begun from. */
  #guarded(response: ServerResponse, serve: () => void): void {
    try {
      serve();
    } catch (thrown) {
      this.#parts.bus.publish("spillway:fault", { where: "edge", error: toError(thrown) });
      answerFault(response, this.#parts.clock);
    }
  }

  #serve(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    handOn: ((exchange: Exchange) => void) | undefined,
    join?: Upgrade["join"],
  ): void {
    connection.current = response;
    const head = this.#readHead(request.rawHeaders, request.httpVersion);
    if ("fault" in head) {
      this.#away(connection, response, refused(head.fault, head.detail));
      return;
    }
    if (head.upgrade !== undefined && !join) {
      // Not taken, so ignored. Node's parser has lost what follows such a request, so it is the last one.
      connection.stop("last");
      response.shouldKeepAlive = false;
    }
    const judged = this.#judge(connection, request, head);
    if (judged.kind === "refused") this.#away(connection, response, judged);
    else if (judged.kind === "asterisk")
      response.writeHead(204, ["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]).end();
    else this.#exchange(connection, request, response, head, judged, handOn, join);
  }

  #judge(connection: Connection, request: IncomingMessage, head: Head): Judged {
    const judgement = this.#parts.judgement();
    const method = request.method!;
    if (!isHttp2(request) && request.httpVersion !== "1.1" && request.httpVersion !== "1.0")
      return refused("malformed", `HTTP/${request.httpVersion} is not spoken here; use HTTP/1.1`);
    if (method === "TRACE" || method === "CONNECT")
      return refused("unsupported", `${method} is not carried by this gateway`);
    const hostField = hostOf(request, head, connection);
    if (hostField === undefined)
      return refused("malformed", "the request has no Host field, or one that contradicts :authority");
    const host = judgement.readHost(hostField, connection.hop.scheme);
    if (host.kind === "bad") return refused("malformed", host.detail);
    const raw = (request as { originalUrl?: string }).originalUrl ?? request.url!;
    const target = judgement.readTarget(raw, method, host.authority, connection.hop.scheme);
    if (target.kind === "bad") return refused("malformed", target.detail);
    if (target.kind === "asterisk") return target;
    if (isLoop(head.cdnLoop, this.#parts.name))
      return refused("loop", "the request has passed this gateway already: look at its targets");
    const { path, query } = target;
    return {
      kind: "judged",
      target: target.target,
      path,
      query,
      authority: host.authority,
      match: judgement.match(host.authority, path, method),
    };
  }

  #exchange(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    head: Head,
    judged: JudgedRequest,
    handOn: ((exchange: Exchange) => void) | undefined,
    join: Upgrade["join"] | undefined,
  ): void {
    const { clock } = this.#parts;
    const judgement = this.#parts.judgement();
    const { match } = judged;
    const trace = judgement.trace(head.traceparent);
    const { peer, peerTrusted: trusted, scheme } = connection.hop;
    const id =
      (trusted && head.requestId && /^[\w.:-]{1,128}$/.test(head.requestId) && head.requestId) || trace.traceId;
    const headers = head.endToEnd;
    for (const field of connection.forwarding(head, judged.authority)) headers.push(field);
    headers.push(
      "x-request-id",
      id,
      "traceparent",
      `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? "01" : "00"}`,
    );
    if (head.tracestate !== undefined && trace.parentId !== undefined) headers.push("tracestate", head.tracestate);
    // What follows the head of a handshake belongs to the tunnel.
    const upload = join ? undefined : this.#uploadOf(request, response, head);
    const exchange: HttpExchange = new HttpExchange(
      {
        id,
        startedAt: clock.now(),
        method: request.method!,
        target: judged.target,
        path: judged.path,
        query: judged.query,
        scheme,
        authority: judged.authority,
        headers,
        client: { address: trusted ? judgement.clientAddress(peer, head.forwardedFor, head.forwarded) : peer, trusted },
        route: match.kind === "found" ? match.value.facts : OTHER,
        params: match.kind === "found" ? match.params : NO_PARAMS,
        class: match.kind === "found" ? match.value.classOf(headers) : "default",
        body: upload,
        trace,
        upgrade: join ? { key: head.websocketKey ?? "", join } : undefined,
        handOn: handOn && (() => delivery.handOn(() => handOn(exchange))),
      },
      (status, fields) => passInterim(response, status, fields),
    );
    this.#open++;
    const delivery: Delivery = new Delivery(this.#delivery, exchange, request, response, upload, (late) =>
      this.#requests.start(late),
    );
    const handler = match.kind === "found" ? match.value.handler : undefined;
    if (join && !(match.kind === "found" && match.value.websocket && isHandshake(request, head))) {
      delivery.deliver(
        refused("upgrade-refused", "this route takes no WebSockets, or the request is not a WebSocket handshake"),
      );
    } else if (handler) {
      const failedBy = (thrown: unknown): void => {
        const error = toError(thrown);
        this.#parts.bus.publish("spillway:fault", { where: `route ${exchange.route.name}`, error });
        delivery.deliver(failed("internal", "the gateway failed on this request; its log tells more", error));
      };
      try {
        handler(exchange).then((outcome) => delivery.deliver(outcome), failedBy);
      } catch (thrown) {
        failedBy(thrown);
      }
    } else delivery.deliver(unmatched(match));
  }

  #uploadOf(request: IncomingMessage, response: ServerResponse, head: Head): Upload | undefined {
    const has = isHttp2(request)
      ? !(request as unknown as Http2ServerRequest).stream.endAfterHeaders
      : head.chunked || (head.contentLength ?? 0) > 0;
    if (!has) return undefined;
    const begin = head.expectsContinue ? () => response.writeContinue() : undefined;
    return new Upload(request, head.contentLength, this.#limits, this.#parts.clock, begin);
  }

  #away(connection: Connection, response: ServerResponse, why: Refused): void {
    if (!isHttp2(response.req)) connection.stop("refused");
    turnAway(response, why, this.#parts, connection.hop.peer);
  }
}

interface JudgedRequest {
  readonly kind: "judged";
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly authority: string;
  readonly match: EdgeMatch;
}
type Judged = JudgedRequest | { readonly kind: "asterisk" } | Refused;

function unmatched(match: EdgeMatch): Refused {
  if (match.kind !== "wrong-method") return refused("no-route", "no route of this gateway matches this host and path");
  const allow = match.allow.join(", ");
  return refused("method-not-allowed", `this path takes ${allow}`, { headers: ["Allow", allow] });
}

/** The connection of an HTTP/2 request: its session, for the socket is hidden behind a proxy object. */
const sessionOf = (request: IncomingMessage): object =>
  (request as unknown as Http2ServerRequest).stream.session ?? request.socket;

/** The one host a request names; undefined when it names none or two. */
function hostOf(request: IncomingMessage, head: Head, connection: Connection): string | undefined {
  if (request.httpVersionMajor === 2) {
    const authority = (request as unknown as Http2ServerRequest).authority;
    if (authority && head.host !== undefined && head.host.toLowerCase() !== authority.toLowerCase()) return undefined;
    return authority || head.host;
  }
  if (head.host !== undefined || request.httpVersion !== "1.0") return head.host;
  const { localAddress, localPort } = connection.socket;
  return localAddress && `${isIPv6(localAddress) ? `[${localAddress}]` : localAddress}:${localPort}`;
}

/** `::ffff:192.0.2.1` is 192.0.2.1. */
const unmapped = (address: string): string =>
  address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
