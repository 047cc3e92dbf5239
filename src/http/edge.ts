import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { unmapAddress } from "../core/address.ts";
import type { Clock, Random } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { Exchange, RouteFacts, Standing, Upgrade } from "../core/exchange.ts";
import { failed, refused, type Outcome, type Refused } from "../core/outcome.ts";
import { Timeouts } from "../core/timeouts.ts";
import { formatTraceparent, passTracestate } from "../core/trace.ts";
import { Connection } from "./connection.ts";
import { Delivery, type DeliveryParts } from "./delivery.ts";
import { createHeadReader, type Head } from "./fields.ts";
import { createForwarding, type Hop } from "./forwarding.ts";
import { countHostWork } from "./host-work.ts";
import { HttpExchange } from "./http-exchange.ts";
import { judge, unmatched, type EdgeMatch, type JudgedRequest, type Judgement } from "./judge.ts";
import type { MemoryGuard } from "./memory.ts";
import { isHandshake, isHttp2, sessionOf } from "./protocol.ts";
import type { SaturationGuard } from "./saturation.ts";
import type { ListenSettings } from "./settings.ts";
import { answerFault, turnAway } from "./turn-away.ts";
import { lookEvery, Upload, type UploadLimits } from "./upload.ts";

export interface EdgeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  readonly settings: ListenSettings;
  /** Our name in Via and CDN-Loop. */
  readonly name: string;
  /** The judgement in force; a reload puts another in its place. */
  readonly judgement: () => Judgement;
  readonly draining: () => boolean;
  readonly memory: MemoryGuard;
  readonly saturation: SaturationGuard;
}

/** A request as a server hands it over. */
interface Inbound {
  readonly connection: Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Hands it to the host application. */
  readonly handOn: ((exchange: Exchange) => void) | undefined;
  /** Makes it a tunnel. */
  readonly join: Upgrade["join"] | undefined;
}

type Passed = [inbound: Inbound, head: Head, match: EdgeMatch, exchange: HttpExchange, delivery: Delivery];

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

  constructor(parts: EdgeParts) {
    const { clock, bus, settings } = parts;
    this.#parts = parts;
    this.#limits = {
      maxBody: settings.maxBody,
      bodyRate: settings.bodyRate,
      bodyTimeout: settings.bodyTimeout,
      looks: new Timeouts(clock, lookEvery(settings.bodyTimeout)),
    };
    this.#delivery = {
      clock,
      bus,
      via: `1.1 ${parts.name}`,
      writeTimeout: settings.writeTimeout,
      serverTiming: settings.serverTiming,
      requests: new Timeouts(clock, settings.requestTimeout),
      draining: parts.draining,
      pressed: () => parts.memory.refusal !== "none",
      over: (exchange, used, now) => {
        this.#open--;
        if (used > 0) parts.judgement().used(exchange.tenant, used, now);
      },
    };
  }

  /** Whether not even a new connection can be afforded: what it sends would take memory before it could be refused. */
  get full(): boolean {
    return this.#parts.memory.refusal === "all";
  }

  /** Exchanges that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Node's request listener and, with `handOn`, Express' middleware. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, handOn?: (exchange: Exchange) => void): void {
    const connection = this.connectionOf(request);
    if (connection.poison) {
      connection.ignore(this.#parts.settings.maxOutstanding);
      return;
    }
    const inbound: Inbound = { connection, request, response, handOn, join: undefined };
    if (isHttp2(request)) this.#serve(inbound);
    else if (connection.outstanding >= this.#parts.settings.maxOutstanding) connection.socket.destroy();
    else if (connection.begin(request, response)) this.#serve(inbound);
    else connection.postpone(request, () => this.#serve(inbound));
  }

  /** A request that wants to become a tunnel; `response` writes to its socket as long as there is none. */
  handleUpgrade(request: IncomingMessage, response: ServerResponse, join: Upgrade["join"]): void {
    const connection = this.connectionOf(request);
    if (connection.poison) return;
    connection.begin(request, response);
    this.#serve({ connection, request, response, handOn: undefined, join });
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
    const peer = unmapAddress(socket.remoteAddress ?? "");
    const hop: Hop = {
      peer,
      peerTrusted: this.#parts.judgement().trusts(peer),
      scheme: (socket as Partial<TLSSocket>).encrypted ? "https" : "http",
      version,
    };
    return new Connection(socket, hop, createForwarding(hop, this.#parts.name));
  }

  #serve(inbound: Inbound): void {
    try {
      this.#take(inbound);
    } catch (thrown) {
      // What is thrown before there is an exchange costs that request alone, wherever it was begun from.
      this.#parts.bus.publish("spillway:fault", { where: "edge", error: toError(thrown) });
      answerFault(inbound.response, this.#parts.clock);
    }
  }

  #take(inbound: Inbound): void {
    const { connection, request, response, join } = inbound;
    connection.current = response;
    const head = this.#readHead(request.rawHeaders, request.httpVersion);
    if ("fault" in head) {
      this.#away(inbound, refused(head.fault, head.detail));
      return;
    }
    if (head.upgrade !== undefined && !join) {
      // Not taken, so ignored. Node's parser has lost what follows such a request, so it is the last one.
      connection.stop("last");
      response.shouldKeepAlive = false;
    }
    const judgement = this.#parts.judgement();
    const judged = judge(judgement, connection, request, head, this.#parts.name);
    if (judged.kind === "judged") this.#answer(inbound, head, judged, judgement);
    else if (judged.kind === "refused") this.#away(inbound, judged);
    else {
      this.#endsWith(inbound);
      response.writeHead(204, ["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]).end();
    }
  }

  #answer(inbound: Inbound, head: Head, judged: JudgedRequest, judgement: Judgement): void {
    const { connection, request, response, join } = inbound;
    const { match } = judged;
    const route = match.kind === "found" ? match.value : undefined;
    // What follows the head of a handshake belongs to the tunnel.
    const upload = join ? undefined : this.#uploadOf(request, response, head);
    const exchange = this.#exchangeOf(inbound, head, judged, judgement, upload);
    this.#open++;
    const tracked = isHttp2(request) ? undefined : connection;
    const delivery = new Delivery(this.#delivery, exchange, request, response, upload, tracked);
    const { handOn } = inbound;
    if (handOn) {
      exchange.handOn = () => {
        countHostWork(this.#parts, response, exchange.startedAt);
        delivery.handOn(() => handOn(exchange));
      };
    }
    try {
      const standing = route ? route.stand(exchange, head.urgency) : NO_STANDING;
      if (standing instanceof Promise) void this.#passOnce(standing, inbound, head, match, exchange, delivery);
      else {
        exchange.stand(standing);
        this.#pass(inbound, head, match, exchange, delivery);
      }
    } catch (thrown) {
      this.#fault(delivery, exchange.route.name, toError(thrown));
    }
  }

  /** A token is verified first. */
  async #passOnce(standing: Promise<Standing>, ...passed: Passed): Promise<void> {
    const [, , , exchange, delivery] = passed;
    try {
      exchange.stand(await standing);
      if (!exchange.gone) this.#pass(...passed);
    } catch (thrown) {
      this.#fault(delivery, exchange.route.name, toError(thrown));
    }
  }

  /** Who comes first is known: refuses what has to be refused here, and hands on the rest. */
  #pass({ request, join }: Inbound, head: Head, match: EdgeMatch, exchange: HttpExchange, delivery: Delivery): void {
    const route = match.kind === "found" ? match.value : undefined;
    const refusal = this.#refusalOf(exchange);
    if (refusal) delivery.deliver(refusal);
    else if (!route) delivery.deliver(unmatched(match));
    else if (exchange.deadline <= exchange.startedAt) delivery.deliver(expired());
    else if (join && !(route.websocket && isHandshake(request, head))) {
      const why = "this route takes no WebSockets, or the request is not a WebSocket handshake";
      delivery.deliver(refused("upgrade-refused", why));
    } else {
      const outcome = route.handler(exchange);
      if (outcome instanceof Promise) this.#await(outcome, exchange, delivery);
      else delivery.deliver(outcome);
    }
  }

  #await(outcome: Promise<Outcome>, { startedAt, route }: Exchange, delivery: Delivery): void {
    const { clock, saturation } = this.#parts;
    saturation.began();
    outcome.then(
      (ended) => {
        saturation.ended(clock.now() - startedAt);
        delivery.deliver(ended);
      },
      (thrown: unknown) => {
        saturation.ended(clock.now() - startedAt);
        this.#fault(delivery, route.name, toError(thrown));
      },
    );
  }

  #exchangeOf(
    { connection, request, response, join }: Inbound,
    head: Head,
    judged: JudgedRequest,
    judgement: Judgement,
    upload: Upload | undefined,
  ): HttpExchange {
    const { match, authority } = judged;
    const { peer, peerTrusted: trusted, scheme } = connection.hop;
    const trace = judgement.trace(head.traceparent);
    const id = (trusted && head.requestId && REQUEST_ID.test(head.requestId) && head.requestId) || trace.traceId;
    const ours = connection.forwarding(head, authority);
    const headers = [...head.endToEnd, ...ours, "x-request-id", id, "traceparent", formatTraceparent(trace)];
    const tracestate = passTracestate(trace, head.tracestate);
    if (tracestate !== undefined) headers.push("tracestate", tracestate);
    const startedAt = this.#parts.clock.now();
    const deadline = head.urgency && judgement.deadline(head.urgency, startedAt);
    const longest = match.kind === "found" ? match.value.longest : Number.POSITIVE_INFINITY;
    const address = trusted ? judgement.clientAddress(peer, head.forwardedFor, head.forwarded) : peer;
    return new HttpExchange(
      {
        id,
        startedAt,
        method: request.method!,
        target: judged.target,
        path: judged.path,
        query: judged.query,
        scheme,
        authority,
        headers,
        client: { address, trusted },
        route: match.kind === "found" ? match.value.facts : OTHER,
        params: match.kind === "found" ? match.params : NO_PARAMS,
        clientKey: address === peer ? connection.peerKey : undefined,
        cohortOf: judgement.cohortOf,
        deadline: deadline ? Math.min(deadline.at, startedAt + longest) : Number.POSITIVE_INFINITY,
        deadlineFields: deadline?.fields,
        body: upload,
        trace,
        upgrade: join ? { key: head.websocketKey ?? "", join } : undefined,
      },
      response,
    );
  }

  #uploadOf(request: IncomingMessage, response: ServerResponse, head: Head): Upload | undefined {
    const has = isHttp2(request)
      ? !(request as unknown as Http2ServerRequest).stream.endAfterHeaders
      : head.chunked || (head.contentLength ?? 0) > 0;
    if (!has) return undefined;
    const begin = head.expectsContinue ? () => response.writeContinue() : undefined;
    return new Upload(request, head.contentLength, this.#limits, this.#parts.clock, begin);
  }

  /** Refused for want of memory, most important classes last. */
  #refusalOf(exchange: Exchange): Refused | undefined {
    const { refusal } = this.#parts.memory;
    if (refusal === "none") return undefined;
    if (refusal === "most" && (exchange.class === "critical" || exchange.class === "system")) return undefined;
    const retryAfterMs = 1000 + this.#parts.random() * 4000;
    return refused("memory", "the gateway is short of memory; come again a little later", { retryAfterMs });
  }

  #fault(delivery: Delivery, route: string, error: Error): void {
    this.#parts.bus.publish("spillway:fault", { where: `route ${route}`, error });
    delivery.deliver(failed("internal", "the gateway failed on this request; its log tells more", error));
  }

  #away(inbound: Inbound, why: Refused): void {
    const { connection, response } = inbound;
    this.#endsWith(inbound);
    if (!isHttp2(inbound.request)) connection.stop("refused");
    const { traceId } = this.#parts.judgement().trace(undefined);
    turnAway(response, why, this.#parts, connection.hop.peer, traceId);
  }

  /** A request without an exchange ends with its answer. */
  #endsWith({ connection, request, response }: Inbound): void {
    if (!isHttp2(request)) response.on("close", () => connection.end(request, response));
  }
}

/** Of what no route takes. */
const NO_STANDING: Standing = { class: "default", tenant: undefined };

const expired = (): Refused =>
  refused("deadline", "the deadline of this request had passed when it came; look at the clocks, or allow more time");

const REQUEST_ID = /^[\w.:-]{1,128}$/;
