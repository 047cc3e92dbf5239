import type { Dispatcher } from "undici";
import { StreamedBody, type BodySource } from "../core/body.ts";
import type { Cancel } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { Exchange, RequestBody } from "../core/exchange.ts";
import { failed, type Outcome, type Served } from "../core/outcome.ts";
import { bodyOutcome } from "../core/readiness.ts";
import type { Place } from "../core/line.ts";
import type { Wait } from "../core/timeouts.ts";
import { readTrailers } from "./answer.ts";
import { Attempt } from "./attempt.ts";
import type { Claim, Connection } from "./connections.ts";
import { failureOf, isBrokenConnection, isOurOwn } from "./faults.ts";
import { editHeaders } from "./fields.ts";
import type { DependencyUse, Target } from "./port.ts";
import { isPast, pastDeadline, whenPast } from "./remaining.ts";
import { requestOptions } from "./request.ts";
import { isRepeatable } from "./resend.ts";

type Controller = Dispatcher.DispatchController;

/**
 * Sends one exchange to its dependency and gives back the head of the answer, its body still flowing. A body of the request
 * is ready by then: admission has seen to that.
 */
export function forwardCall(use: DependencyUse, exchange: Exchange): Promise<Outcome> {
  return new Promise((resolve) => {
    use.dependency.inUse.enter();
    const call = new Call(use, exchange, resolve);
    if (call.begin()) call.send();
  });
}

/** Interim answers that a dependency may send before its final one. */
const MOST_INTERIM = 16;
/** After so many connections that turned out to be closed, the dependency is at fault. */
const MOST_RESENDS = 2;
const NOTHING = (): void => {};
// One function for all calls in place of a closure each.
const afterRead = (call: Call): void => call.afterRead();
const afterError = (call: Call, error: Error): void => call.afterError(error);
const headLate = (call: Call): void => call.headLate();
const bodyLate = (call: Call): void => call.bodyLate();

type CallPhase = "connecting" | "asked" | "answering" | "over";

/** One exchange with one target, from dispatch to the last octet. undici's handler and the source of the body in one. */
class Call implements Dispatcher.DispatchHandler, BodySource, Claim {
  readonly #use: DependencyUse;
  readonly #exchange: Exchange;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #startedAt: number;
  #phase: CallPhase = "connecting";
  #attempt: Attempt | undefined;
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
  /** The answer, until it is handed on. */
  #served: Served | undefined;
  /** Octets of its body that are still to come; more than any number when that is not known. */
  #left = Infinity;
  /** What completes a body of known length. */
  #last: Buffer | undefined;
  #ended = false;
  /** An event stream: it may pause for as long as it likes. */
  #endless = false;

  constructor(use: DependencyUse, exchange: Exchange, resolve: (outcome: Outcome) => void) {
    this.#use = use;
    this.#exchange = exchange;
    this.#resolve = resolve;
    this.#startedAt = use.dependency.clock.now();
  }

  /** False: the client's time is over, and that was the answer. */
  begin(): boolean {
    const { clock, name } = this.#use.dependency;
    if (isPast(this.#exchange, clock)) {
      this.#settle(pastDeadline(name));
      return false;
    }
    this.#expiry = whenPast(this.#exchange, clock, () => this.#onDeadline());
    return true;
  }

  send(): void {
    this.#use.dependency.resends.earn();
    this.#wait = this.#use.heads.start(headLate, this.#startedAt, this);
    this.#staysFor = this.#exchange.departure.onGone(this.#onGone);
    if (this.#phase !== "over") this.#claim(undefined, this.#startedAt);
  }

  #claim(except: Target | undefined, now: number): void {
    this.#attempt = new Attempt(this.#use.dependency, this.#exchange, except, now);
    this.#place = this.#attempt.target.connections.claim(this);
  }

  // the line's side

  get streams(): boolean {
    return this.#exchange.body !== undefined && this.#exchange.body.whole === undefined;
  }

  granted(connection: Connection): void {
    this.#connection = connection;
    this.#dispatch(this.#attempt!.target, connection);
  }

  #dispatch(target: Target, connection: Connection): void {
    const options = requestOptions(this.#use, this.#exchange, target);
    if (this.streams) options.body = this.#sending(this.#exchange.body!) as unknown as Buffer;
    try {
      connection.client.dispatch(options, this);
    } catch (thrown) {
      this.onResponseError(undefined, toError(thrown));
    }
  }

  /** While it is the client that is waited for, the dependency is not late: the wait for the head begins anew behind each part. */
  async *#sending(body: RequestBody): AsyncGenerator<Buffer> {
    const { heads, dependency } = this.#use;
    const parts = body.stream()[Symbol.asyncIterator]();
    try {
      for (;;) {
        if (this.#phase === "asked") this.#wait?.cancel();
        const { done, value } = await parts.next();
        if (this.#phase === "asked") this.#wait = heads.start(headLate, dependency.clock.now(), this);
        if (done === true) return;
        yield value;
      }
    } finally {
      await parts.return?.();
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
    const head = this.#use.dependency.readHead(raw, status, this.#use.policy.trailers);
    if (!head || (status >= 100 && status < 200 && ++this.#interims > MOST_INTERIM) || status < 100 || status > 599) {
      this.#attempt?.failed();
      this.#giveUp(failed("bad-response", `${this.#use.dependency.name} gave an answer that is not valid HTTP/1.1`));
      return;
    }
    if (status < 200) {
      const { responseHeaders } = this.#use.policy;
      this.#exchange.interim(status, responseHeaders ? editHeaders(head.headers, responseHeaders) : head.headers);
      return;
    }
    this.#phase = "answering";
    this.#expiry?.();
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#endless = head.eventStream;
    const body = (this.#body = new StreamedBody(this, head.length));
    if (head.length !== undefined) this.#left = head.length;
    const edits = this.#use.policy.responseHeaders;
    const now = this.#use.dependency.clock.now();
    this.#attempt?.answered(status, now);
    this.#served = {
      kind: "served",
      status,
      headers: edits ? editHeaders(head.headers, edits) : head.headers,
      body,
      by: "dependency",
      dependencyMs: now - this.#startedAt,
    };
    process.nextTick(afterRead, this);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#wait?.restart();
    this.#left -= chunk.length;
    if (this.#left === 0) this.#last = chunk;
    else this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#ended = true;
    if (!this.#served) process.nextTick(afterRead, this);
  }

  /**
   * undici is done with the octets of one read, in which the answer began or ended: only now is it known whether more
   * came than the answer. Then it is no answer, and one that has begun to go out is cut before the end it had
   * announced (security rule S18).
   */
  afterRead(): void {
    const served = this.#served;
    const spoilt = this.#connection?.wire.spoilt === true;
    // Broken off in the read that brought its head: undici is about to tell.
    if (spoilt && !this.#ended && this.#phase === "answering") return;
    this.#served = undefined;
    if (this.#ended) this.#end(spoilt);
    else if (!this.#endless && this.#phase === "answering") this.#awaitBody();
    if (served)
      this.#resolve(spoilt ? failed("bad-response", `${this.#use.dependency.name} sent more than its answer`) : served);
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    // While undici deals with a connection that it could not make, that one takes no other request.
    if (this.#controller) this.afterError(error);
    else process.nextTick(afterError, this, error);
  }

  afterError(error: Error): void {
    const phase = this.#phase;
    if (phase === "over") {
      this.#release();
      return;
    }
    if (phase === "answering" && !this.#served) {
      this.#attempt?.failed();
      this.#close();
      this.#release();
      this.#body?.fail(error);
    } else if (phase === "asked" && this.#mayResend(error)) this.#resend(undefined);
    else {
      const fault = bodyOutcome(this.#exchange.body?.fault);
      const isTheirs = !fault && !isOurOwn(error);
      if (isTheirs) this.#attempt?.failed();
      if (isTheirs && phase === "connecting" && this.#mayGoElsewhere()) return this.#resend(this.#attempt?.target);
      this.#release();
      this.#settle(fault ?? failureOf(error, phase !== "connecting", this.#use.dependency.name));
    }
  }

  #resend(except: Target | undefined): void {
    this.#resends++;
    this.#phase = "connecting";
    this.#controller = undefined;
    this.#release();
    this.#attempt?.end();
    this.#claim(except, this.#use.dependency.clock.now());
  }

  // the body's side

  pause(): void {
    if (this.#phase === "over") return;
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (this.#phase === "over") return;
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

  headLate(): void {
    // In line for a connection it was us who had none.
    if (this.#connection) this.#attempt?.failed();
    this.#giveUp(failed("timeout", `${this.#use.dependency.name} gave no answer within ${this.#use.heads.ms} ms`));
  }

  /** A deadline as long as the dependency may take is no shorter than its own limit, and says as much about it. */
  #onDeadline(): void {
    const { deadline, startedAt } = this.#exchange;
    if (deadline - startedAt > this.#use.heads.ms - 1) this.headLate();
    else {
      const { name, clock } = this.#use.dependency;
      if (this.#connection) this.#attempt?.late();
      this.#giveUp(pastDeadline(name, this.#phase === "asked" ? clock.now() - this.#startedAt : undefined));
    }
  }

  bodyLate(): void {
    if (this.#paused) return this.#awaitBody();
    const error = new Error(`${this.#use.dependency.name} paused for longer than its bodyTimeout`);
    this.#attempt?.failed();
    this.#close();
    this.#controller?.abort(error);
    this.#body?.fail(error);
  }

  #awaitBody(): void {
    this.#wait = this.#use.dependency.bodies.start(bodyLate, this.#use.dependency.clock.now(), this);
  }

  /** A request may go again if a connection that had idled ended before any answer. */
  #mayResend(error: Error): boolean {
    if (this.#resends >= MOST_RESENDS || !isBrokenConnection(error) || this.#interims > 0) return false;
    return this.#connection?.carried !== 0 && isRepeatable(this.#exchange) && this.#use.dependency.resends.spend();
  }

  /** Nothing was sent yet: another target may take it, if its body is still all here. */
  #mayGoElsewhere(): boolean {
    const { balancer, resends } = this.#use.dependency;
    return this.#resends < MOST_RESENDS && balancer.members.length > 1 && !this.streams && resends.spend();
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
    this.#attempt?.end();
    this.#use.dependency.inUse.leave();
  }

  #end(spoilt: boolean): void {
    this.#release();
    if (this.#phase === "over") return;
    this.#close();
    if (spoilt) this.#body?.fail(new Error("more came than the answer, or its connection broke at its end"));
    else {
      if (this.#last) this.#body?.push(this.#last);
      const raw = (this.#controller?.rawTrailers ?? []) as (Buffer | string)[];
      this.#body?.finish(this.#use.policy.trailers && raw.length > 0 ? readTrailers(raw) : undefined);
    }
  }

  #release(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) this.#attempt?.target.connections.release(connection);
  }
}
