import type { Dispatcher } from "undici";
import { StreamedBody, type BodySource } from "../core/body.ts";
import type { Cancel } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { Exchange } from "../core/exchange.ts";
import { failed, type Outcome } from "../core/outcome.ts";
import type { Place } from "../core/line.ts";
import type { Timeouts, Wait } from "../core/timeouts.ts";
import { readAnswerHead, readTrailers } from "./answer.ts";
import type { Claim, Connection, RequestOptions } from "./connections.ts";
import { failureOf, isBrokenConnection } from "./faults.ts";
import { editHeaders, requestFields } from "./fields.ts";
import type { ForwardPolicy, HttpDependency, Target } from "./port.ts";
import { bodyOutcome, unreadyBody } from "./readiness.ts";
import { isPast, pastDeadline, whenPast } from "./remaining.ts";

type Controller = Dispatcher.DispatchController;

/** Sends one exchange to its dependency and gives back the head of the answer, its body still flowing. */
export function forwardCall(
  dependency: HttpDependency,
  policy: ForwardPolicy,
  heads: Timeouts,
  exchange: Exchange,
): Promise<Outcome> {
  return new Promise((resolve) => {
    dependency.inUse.enter();
    const call = new Call(dependency, policy, heads, exchange, resolve);
    const body = exchange.body;
    if (!call.begin()) return;
    if (body) {
      void unreadyBody(body).then((unready) => {
        if (call.over) return;
        if (unready) call.refuse(unready);
        else call.send();
      });
    } else call.send();
  });
}

/** Interim answers that a dependency may send before its final one. */
const MOST_INTERIM = 16;
/** After so many connections that turned out to be closed, the dependency is at fault. */
const MOST_RESENDS = 2;
const NOTHING = (): void => {};

type CallPhase = "connecting" | "asked" | "answering" | "over";

/** One exchange with one target, from dispatch to the last octet. undici's handler and the source of the body in one. */
class Call implements Dispatcher.DispatchHandler, BodySource, Claim {
  readonly #dependency: HttpDependency;
  readonly #policy: ForwardPolicy;
  readonly #exchange: Exchange;
  readonly #heads: Timeouts;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #startedAt: number;
  #phase: CallPhase = "connecting";
  #target: Target | undefined;
  #connection: Connection | undefined;
  /** In the line for a connection; undefined when it had to wait for none. */
  #place: Place | undefined;
  #controller: Controller | undefined;
  #wait: Wait | undefined;
  /** Ends the wait for the client's deadline, which counts up to the head. */
  #expiry: Cancel | undefined;
  #staysFor: () => void = NOTHING;
  #body: StreamedBody | undefined;
  #paused = false;
  #interims = 0;
  #resends = 0;
  #endsByClose = false;

  constructor(
    dependency: HttpDependency,
    policy: ForwardPolicy,
    heads: Timeouts,
    exchange: Exchange,
    resolve: (outcome: Outcome) => void,
  ) {
    this.#dependency = dependency;
    this.#policy = policy;
    this.#heads = heads;
    this.#exchange = exchange;
    this.#resolve = resolve;
    // Without a body nothing has been waited for since the edge read the clock.
    this.#startedAt = exchange.body ? dependency.clock.now() : exchange.startedAt;
  }

  /** False: the client's time is over, and that was the answer. */
  begin(): boolean {
    const { clock, name } = this.#dependency;
    if (isPast(this.#exchange, clock)) {
      this.#settle(pastDeadline(name));
      return false;
    }
    this.#expiry = whenPast(this.#exchange, clock, this.#onDeadline);
    return true;
  }

  send(): void {
    this.#dependency.resends.earn();
    this.#wait = this.#heads.start(this.#onHeadTimeout, this.#exchange.body ? undefined : this.#startedAt);
    this.#staysFor = this.#exchange.departure.onGone(this.#onGone);
    if (this.#phase !== "over") this.#claim();
  }

  /** Ends before anything was sent. */
  refuse(outcome: Outcome): void {
    this.#settle(outcome);
  }

  #claim(): void {
    this.#target = this.#dependency.pick();
    this.#place = this.#target.connections.claim(this);
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#phase === "over";
  }

  // the line's side

  get streams(): boolean {
    return this.#exchange.body !== undefined && this.#exchange.body.whole === undefined;
  }

  granted(connection: Connection): void {
    this.#connection = connection;
    this.#dispatch(this.#target!, connection);
  }

  #dispatch(target: Target, connection: Connection): void {
    const exchange = this.#exchange;
    const host = this.#dependency.settings.http.host === "client" ? exchange.authority : target.host;
    const headers = requestFields(this.#policy, exchange, host, this.#dependency.clock);
    const options: RequestOptions = {
      path: this.#policy.target(exchange),
      method: exchange.method,
      headers,
    };
    if (exchange.body) {
      const whole = exchange.body.whole;
      if (whole) options.body = whole;
      else {
        if (exchange.body.length !== undefined) headers.push("content-length", String(exchange.body.length));
        options.body = exchange.body.stream() as unknown as Buffer;
      }
    }
    if (target.servername) options.servername = target.servername;
    try {
      connection.client.dispatch(options, this);
    } catch (thrown) {
      this.onResponseError(undefined, toError(thrown));
    }
  }

  // undici's side

  onRequestStart(controller: Controller): void {
    if (this.#phase === "over") controller.abort(new Error("nobody waits for this request any more"));
    else {
      this.#phase = "asked";
      this.#controller = controller;
    }
  }

  onResponseStart(controller: Controller, status: number): void {
    if (this.#phase !== "asked") return;
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[];
    const head = readAnswerHead(raw, status, this.#policy.trailers);
    if (!head || (status >= 100 && status < 200 && ++this.#interims > MOST_INTERIM) || status < 100 || status > 599) {
      this.#giveUp(failed("bad-response", `${this.#dependency.name} gave an answer that is not valid HTTP/1.1`));
      return;
    }
    if (status < 200) {
      const { responseHeaders } = this.#policy;
      this.#exchange.interim(status, responseHeaders ? editHeaders(head.headers, responseHeaders) : head.headers);
      return;
    }
    this.#phase = "answering";
    this.#expiry?.();
    this.#wait?.cancel();
    const now = this.#dependency.clock.now();
    this.#wait = head.eventStream ? undefined : this.#dependency.bodies.start(this.#onBodyTimeout, now);
    this.#endsByClose = head.length === undefined;
    const body = (this.#body = new StreamedBody(this, head.length));
    const edits = this.#policy.responseHeaders;
    this.#resolve({
      kind: "served",
      status,
      headers: edits ? editHeaders(head.headers, edits) : head.headers,
      body,
      by: "dependency",
      dependencyMs: now - this.#startedAt,
    });
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#wait?.restart();
    this.#body?.push(chunk);
  }

  onResponseEnd(controller: Controller): void {
    if (this.#phase === "over") return;
    this.#close();
    this.#release();
    if (this.#endsByClose && this.#target?.breaking()) {
      this.#body?.fail(new Error("the connection that was to end the answer was reset"));
      return;
    }
    const raw = (controller.rawTrailers ?? []) as (Buffer | string)[];
    this.#body?.finish(this.#policy.trailers && raw.length > 0 ? readTrailers(raw) : undefined);
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    const phase = this.#phase;
    if (phase === "over") {
      this.#release();
      return;
    }
    if (phase === "answering") {
      this.#close();
      this.#release();
      this.#body?.fail(error);
    } else if (phase === "asked" && this.#mayResend(error)) {
      this.#resends++;
      this.#phase = "connecting";
      this.#release();
      this.#claim();
    } else {
      this.#release();
      this.#settle(this.#outcomeOf(error, phase === "asked"));
    }
  }

  // the body's side

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#wait?.restart();
    this.#controller?.resume();
  }

  cancel(reason: Error): void {
    this.#close();
    this.#controller?.abort(reason);
  }

  readonly #onGone = (): void => {
    if (this.#phase === "answering") this.#body?.cancel(new Error("the client left"));
    else this.#giveUp(failed("client-gone", "the client left before the answer"));
  };

  readonly #onHeadTimeout = (): void => {
    const limit = this.#heads.ms;
    this.#giveUp(failed("timeout", `${this.#dependency.name} gave no answer within ${limit} ms`));
  };

  /** A deadline as long as the dependency may take is no shorter than its own limit, and says as much about it. */
  readonly #onDeadline = (): void => {
    const { deadline, startedAt } = this.#exchange;
    if (deadline - startedAt > this.#heads.ms - 1) this.#onHeadTimeout();
    else this.#giveUp(pastDeadline(this.#dependency.name));
  };

  readonly #onBodyTimeout = (): void => {
    if (this.#paused) {
      this.#wait = this.#dependency.bodies.start(this.#onBodyTimeout);
      return;
    }
    const error = new Error(`${this.#dependency.name} paused for longer than its bodyTimeout`);
    this.#close();
    this.#controller?.abort(error);
    this.#body?.fail(error);
  };

  /** A safe request without a stream may go again, if a connection that had idled ended before any answer. */
  #mayResend(error: Error): boolean {
    const { method, body } = this.#exchange;
    if (this.#resends >= MOST_RESENDS || !isBrokenConnection(error) || this.#interims > 0) return false;
    if (this.#connection?.carried === 0) return false;
    if (method !== "GET" && method !== "HEAD" && method !== "OPTIONS") return false;
    return (!body || body.whole !== undefined) && this.#dependency.resends.spend();
  }

  #outcomeOf(error: Error, connected: boolean): Outcome {
    return bodyOutcome(this.#exchange.body?.fault) ?? failureOf(error, connected, this.#dependency.name);
  }

  #giveUp(outcome: Outcome): void {
    if (this.#phase === "over") return;
    this.#settle(outcome);
    this.#controller?.abort(new Error("this request was given up"));
  }

  #settle(outcome: Outcome): void {
    this.#close();
    this.#resolve(outcome);
  }

  /** Nothing more is waited for; undici may still have the connection, and gives it back with its last call. */
  #close(): void {
    this.#place?.leave();
    this.#phase = "over";
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#expiry?.();
    this.#staysFor();
    this.#dependency.inUse.leave();
  }

  #release(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) this.#target!.connections.release(connection);
  }
}
