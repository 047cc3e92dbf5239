import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { Body, Sink } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { headerValue, type HeaderList } from "../core/headers.ts";
import { failed, refused, type Failed, type Outcome, type Refused, type Served } from "../core/outcome.ts";
import type { Timeouts, Wait } from "../core/timeouts.ts";
import type { Connection } from "./connection.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { lingerThenEnd } from "./linger.ts";
import { problemOf, retryAfterSeconds } from "./problems.ts";
import type { Upload } from "./upload.ts";

/** What every delivery of one edge shares. */
export interface DeliveryParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  /** "1.1 " and our name, for Via. */
  readonly via: string;
  /** Milliseconds a client may take nothing of its answer. */
  readonly writeTimeout: number;
  readonly serverTiming: boolean;
  /** Waits of `listen.requestTimeout`. */
  readonly requests: Timeouts;
  /** Whether clients should take their next request elsewhere. */
  readonly draining: () => boolean;
  /** Whether memory is so short that a client still sending is cut rather than heard out. */
  readonly pressed: () => boolean;
  /** Called when an exchange is over, whichever way; `used`: milliseconds that a dependency was at work for it. */
  readonly over: (exchange: HttpExchange, used: number, now: number) => void;
}

const CLIENT_GONE = 499;
const overdue = (delivery: Delivery): void => delivery.overdue();
/** Octets of a body up to which copying it behind the head is cheaper than a write of its own. */
const ONE_WRITE = 4 * 1024;

/** Writes the outcome of one exchange to its client and tells, once, how that ended. */
export class Delivery implements Sink {
  readonly #parts: DeliveryParts;
  readonly #exchange: HttpExchange;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #upload: Upload | undefined;
  /** Ends the wait for the whole exchange. */
  readonly #wait: Wait;
  /** Whose next request this one may hold up: HTTP/1 only. */
  readonly #connection: Connection | undefined;
  #outcome: Outcome | undefined;
  #body: Body | undefined;
  #status = 0;
  #bytes = 0;
  #whole = false;
  /** The wait for the whole exchange has ended, and that was answered. */
  #late = false;

  constructor(
    parts: DeliveryParts,
    exchange: HttpExchange,
    request: IncomingMessage,
    response: ServerResponse,
    upload: Upload | undefined,
    connection: Connection | undefined,
  ) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#request = request;
    this.#response = response;
    this.#upload = upload;
    this.#connection = connection;
    this.#wait = parts.requests.start(overdue, exchange.startedAt, this);
    response.on("close", () => this.#onClose());
  }

  /** Starts writing. Whatever goes wrong from here on ends in the event, never in a throw. */
  deliver(outcome: Outcome): void {
    if (this.#late) {
      // The wait for the whole exchange ended first, and that was answered.
      if (outcome.kind === "served") outcome.body.cancel(new Error("this exchange is over"));
      return;
    }
    this.#outcome = outcome;
    if (outcome.kind === "handed-on" || outcome.kind === "tunnelled") return;
    if (this.#response.destroyed || this.#exchange.gone) {
      if (outcome.kind === "served") outcome.body.cancel(new Error("the client left"));
      return;
    }
    if (outcome.kind !== "served") this.#problem(outcome);
    else {
      try {
        this.#serve(outcome);
      } catch (thrown) {
        this.#unwritable(outcome, thrown as Error);
      }
    }
  }

  /** Lets the host application answer. Noted before it does: an answer at once may have ended before its outcome is here. */
  handOn(next: () => void): void {
    this.#outcome = { kind: "handed-on" };
    next();
  }

  // Sink

  write(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#response.write(chunk)) return true;
    this.#stall();
    this.#response.once("drain", () => this.#onDrain());
    return false;
  }

  end(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#addTrailers(trailers);
    this.#finish();
  }

  /** An answer of HTTP/1.0 ends where its connection does, and a stream of HTTP/2 without an error looks whole. */
  fail(): void {
    const { httpVersion, httpVersionMajor, socket } = this.#request;
    if (httpVersionMajor === 2) streamOf(this.#response).close(constants.NGHTTP2_INTERNAL_ERROR);
    else if (httpVersion === "1.0" && this.#response.socket === socket) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  #serve(outcome: Served): void {
    const { status, body } = outcome;
    this.#status = status;
    const headers = this.#fields(outcome.headers, outcome.dependencyMs);
    const whole = body.takeWhole();
    if (whole) {
      const bytes = whole.length === 1 ? whole[0]! : Buffer.concat(whole);
      const bodiless = status === 204 || status === 304 || this.#exchange.method === "HEAD";
      if (body.length === undefined && !bodiless) headers.push("Content-Length", String(bytes.length));
      this.#response.writeHead(status, headers);
      this.#bytes = bodiless ? 0 : bytes.length;
      this.#finish(bytes, body.latin1);
      return;
    }
    this.#response.writeHead(status, headers);
    this.#body = body;
    body.pipe(this);
    if (this.#bytes === 0) this.#response.flushHeaders();
  }

  /** The dependency's head has a field that Node refuses to write: answered as its fault. */
  #unwritable(outcome: Served, error: Error): void {
    outcome.body.cancel(error);
    if (this.#response.headersSent) this.#response.destroy();
    else {
      this.#outcome = failed("bad-response", "the dependency's answer has a field that cannot be passed on", error);
      this.#problem(this.#outcome);
    }
  }

  #problem(outcome: Refused | Failed): void {
    // The host application threw after it had begun its answer.
    if (this.#response.headersSent) return this.fail();
    const problem = problemOf(outcome, this.#exchange.id, this.#exchange.class, 0);
    this.#status = problem.status;
    const body = Buffer.from(problem.body);
    const own: HeaderList = ["Content-Type", "application/problem+json", "Content-Length", String(body.length)];
    own.push("Cache-Control", "no-store");
    if (outcome.headers) own.push(...outcome.headers);
    if (problem.retryAfterMs !== undefined) own.push("Retry-After", retryAfterSeconds(problem.retryAfterMs));
    this.#response.writeHead(problem.status, this.#fields(own, undefined));
    this.#bytes = this.#exchange.method === "HEAD" ? 0 : body.length;
    this.#finish(body);
  }

  /** The fields of the answer: the dependency's, then ours. */
  #fields(own: HeaderList, dependencyMs: number | undefined): HeaderList {
    const fields = [...own, "X-Request-Id", this.#exchange.id, "Via", this.#parts.via];
    if (this.#parts.serverTiming && dependencyMs !== undefined) {
      fields.push("Server-Timing", `dependency;dur=${dependencyMs.toFixed(1)}`);
    }
    if (this.#request.httpVersionMajor === 1 && (this.#parts.draining() || this.#leavesBody())) {
      fields.push("Connection", "close");
    }
    return fields;
  }

  #leavesBody(): boolean {
    return this.#upload !== undefined && !this.#upload.consumed && !this.#request.complete;
  }

  /** `text`: the same as Latin-1, if somebody has it. */
  #finish(last?: Buffer, text?: string): void {
    this.#whole = true;
    const response = this.#response;
    const unread = this.#leavesBody();
    const http1 = this.#request.httpVersionMajor === 1;
    if (unread && http1 && !this.#parts.pressed()) {
      lingerThenEnd(this.#request, response, last, this.#parts.clock);
      return this.#stallIfBehind();
    }
    if (!last || last.length === 0) response.end();
    // A short body as text goes out in one write with the head; as a buffer it would take a second one.
    else if (last.length <= ONE_WRITE) response.end(text ?? last.toString("latin1"), "latin1");
    else response.end(last);
    // RFC 9113 section 8.1: behind the answer, a stream is told not to send the rest of its body.
    if (unread && !http1) streamOf(response).close(constants.NGHTTP2_NO_ERROR);
    this.#stallIfBehind();
  }

  #stallIfBehind(): void {
    const response = this.#response;
    if ((response.socket?.writableLength ?? 0) > 0) this.#stall();
  }

  /** From now on the client must take something every `writeTimeout`, or it is cut. */
  #stall(): void {
    const { writeTimeout } = this.#parts;
    if (this.#request.httpVersionMajor === 1) this.#response.socket?.setTimeout(writeTimeout);
    else this.#response.setTimeout(writeTimeout, () => this.#response.destroy());
  }

  #onDrain(): void {
    if (this.#request.httpVersionMajor === 1) this.#response.socket?.setTimeout(0);
    else this.#response.setTimeout(0);
    this.#body?.resume();
  }

  #addTrailers(trailers: readonly string[]): void {
    const http2 = this.#request.httpVersionMajor === 2;
    const pairs: [string, string][] = [];
    for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i]!, trailers[i + 1]!]);
    this.#response.addTrailers(http2 ? Object.fromEntries(pairs) : pairs);
  }

  /** The whole exchange took longer than `listen.requestTimeout`; event streams may. */
  overdue(): void {
    const outcome = this.#outcome;
    if (outcome?.kind === "tunnelled") return;
    if (outcome?.kind === "served" && headerValue(outcome.headers, "content-type")?.startsWith("text/event-stream"))
      return;
    if (outcome || this.#response.headersSent) this.#response.destroy();
    else {
      const slow = this.#upload !== undefined && !this.#upload.consumed;
      this.deliver(
        slow
          ? refused("body-timeout", "the body came too slowly for the time one request may take; send it faster")
          : failed("timeout", "no answer came within the time one request may take"),
      );
      this.#late = true;
      this.#exchange.depart();
    }
  }

  #onClose(): void {
    this.#wait.cancel();
    this.#connection?.end(this.#request, this.#response);
    const { clock, bus, over } = this.#parts;
    const finished = hasFinished(this.#request, this.#response);
    if (!finished) {
      this.#exchange.depart();
      this.#body?.cancel(new Error("the client left"));
    }
    const outcome = this.#outcome ?? failed("client-gone", "the client left before the answer");
    const now = clock.now();
    const durationMs = now - this.#exchange.startedAt;
    over(this.#exchange, usedBy(outcome, durationMs), now);
    const tunnelled = outcome.kind === "tunnelled";
    const handedOn = outcome.kind === "handed-on";
    const hostStatus = handedOn && this.#response.headersSent ? this.#response.statusCode : 0;
    bus.pass("spillway:exchange", {
      gateway: bus.gateway,
      exchange: this.#exchange,
      outcome,
      status: tunnelled ? outcome.status : hostStatus || this.#status || CLIENT_GONE,
      whole: tunnelled || (finished && (this.#whole || handedOn)),
      bytesOut: this.#bytes,
      durationMs,
      dependencyMs: outcome.kind === "served" ? outcome.dependencyMs : undefined,
    });
  }
}

/** Milliseconds that a dependency was at work: up to its head, or until it was given up. */
function usedBy(outcome: Outcome, durationMs: number): number {
  if (outcome.kind === "served" || outcome.kind === "refused") return outcome.dependencyMs ?? 0;
  return outcome.kind === "failed" && outcome.reason === "timeout" ? durationMs : 0;
}

const streamOf = (response: ServerResponse): ServerHttp2Stream => (response as unknown as Http2ServerResponse).stream;

/** Whether all that was written has gone out. A stream of HTTP/2 says so too when the client has reset it. */
function hasFinished(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.httpVersionMajor !== 2) return response.writableFinished;
  const { rstCode, aborted } = streamOf(response);
  return response.writableFinished && rstCode === constants.NGHTTP2_NO_ERROR && !aborted;
}
