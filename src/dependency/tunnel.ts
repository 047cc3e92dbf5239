import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { StreamedBody } from "../core/body.ts";
import type { Cancel } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import type { Exchange, Upgrade } from "../core/exchange.ts";
import { headerValue, joinedHeader, withoutHeaders, type HeaderList } from "../core/headers.ts";
import { failed, type Outcome } from "../core/outcome.ts";
import type { Wait } from "../core/timeouts.ts";
import type { HeadReader } from "./answer.ts";
import { Attempt } from "./attempt.ts";
import { failureOf, isOurOwn } from "./faults.ts";
import { editHeaders, type HeaderEdits } from "./fields.ts";
import type { DependencyUse } from "./port.ts";
import { isPast, pastDeadline, whenPast } from "./remaining.ts";
import { requestOptions } from "./request.ts";
import { Wire } from "./wire.ts";

/** RFC 6455 section 4.2.2: what a server that understood the handshake answers to a key. */
export const acceptOf = (key: string): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/**
 * Asks the dependency for a WebSocket and joins both ends once it has agreed with a valid 101; any other answer is
 * passed on as the answer it is.
 */
export function openTunnel(use: DependencyUse, exchange: Exchange, upgrade: Upgrade): Promise<Outcome> {
  const { clock, name } = use.dependency;
  if (isPast(exchange, clock)) return Promise.resolve(pastDeadline(name));
  return new Promise((resolve) => {
    const attempt = new Attempt(use.dependency, exchange, undefined, clock.now());
    const { target } = attempt;
    const wire = new Wire();
    const client = target.open(wire);
    const asking = new Asking(use, exchange, upgrade, wire, (outcome, socket) => {
      if (outcome.kind === "served" || outcome.kind === "tunnelled") attempt.answered(outcome.status, clock.now());
      else if (isTargetsFault(outcome)) attempt.failed();
      if (socket) socket.once("close", () => attempt.end());
      else attempt.end();
      resolve(outcome);
      void client.close();
    });
    const options = requestOptions(use, exchange, target);
    options.upgrade = "websocket";
    asking.expires(whenPast(exchange, clock, asking.onDeadline));
    try {
      client.dispatch(options, asking);
    } catch (thrown) {
      asking.onResponseError(undefined, toError(thrown));
    }
  });
}

const isTargetsFault = (outcome: Outcome): boolean =>
  outcome.kind === "failed" && outcome.reason !== "client-gone" && !(outcome.error && isOurOwn(outcome.error));

/** A 101 has no body, whatever it says. */
const LENGTH: ReadonlySet<string> = new Set(["content-length"]);

const isWebSocket = (raw: readonly (Buffer | string)[]): boolean =>
  joinedHeader(raw.map(String), "upgrade")?.toLowerCase() === "websocket";

type Controller = Dispatcher.DispatchController;

class Asking implements Dispatcher.DispatchHandler {
  readonly #name: string;
  readonly #edits: HeaderEdits | undefined;
  readonly #upgrade: Upgrade;
  readonly #resolve: (outcome: Outcome, tunnel?: Duplex) => void;
  readonly #wait: Wait;
  readonly #stays: () => void;
  readonly #wire: Wire;
  readonly #readHead: HeadReader;
  #expiry: Cancel | undefined;
  #controller: Controller | undefined;
  #body: StreamedBody | undefined;
  #ended = false;
  #over = false;

  constructor(
    { dependency: { name, readHead }, policy, heads }: DependencyUse,
    exchange: Exchange,
    upgrade: Upgrade,
    wire: Wire,
    resolve: (outcome: Outcome, tunnel?: Duplex) => void,
  ) {
    this.#name = name;
    this.#wire = wire;
    this.#readHead = readHead;
    this.#edits = policy.responseHeaders;
    this.#upgrade = upgrade;
    this.#resolve = resolve;
    this.#wait = heads.start(() => this.#giveUp(failed("timeout", `${name} gave no answer within ${heads.ms} ms`)));
    this.#stays = exchange.departure.onGone(() =>
      this.#giveUp(failed("client-gone", "the client left before the answer")),
    );
  }

  /** What takes the wait for the client's deadline back. */
  expires(expiry: Cancel | undefined): void {
    this.#expiry = expiry;
  }

  readonly onDeadline = (): void => this.#giveUp(pastDeadline(this.#name));

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("nobody waits for this request any more"));
  }

  onRequestUpgrade(controller: Controller, status: number, _headers: unknown, socket: Duplex): void {
    socket.on("error", () => socket.destroy());
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[];
    const head = this.#readHead(raw, status, false);
    if (this.#over || !head) {
      socket.destroy();
      this.#settle(failed("bad-response", `${this.#name} gave an answer that is not valid HTTP/1.1`));
      return;
    }
    if (
      status !== 101 ||
      !isWebSocket(raw) ||
      headerValue(head.headers, "sec-websocket-accept") !== acceptOf(this.#upgrade.key)
    ) {
      socket.destroy();
      this.#settle(failed("bad-response", `${this.#name} switched protocols without a valid WebSocket handshake`));
      return;
    }
    this.#settle({ kind: "tunnelled", status: 101 }, socket);
    this.#upgrade.join(socket, withoutHeaders(this.#edited(head.headers), LENGTH));
  }

  onResponseStart(controller: Controller, status: number): void {
    if (status < 200 || this.#over) return;
    const head = this.#readHead((controller.rawHeaders ?? []) as (Buffer | string)[], status, false);
    if (!head || status > 599) {
      this.#giveUp(failed("bad-response", `${this.#name} gave an answer that is not valid HTTP/1.1`));
      return;
    }
    const source = {
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      cancel: (reason: Error) => controller.abort(reason),
    };
    const body = (this.#body = new StreamedBody(source, head.length));
    const outcome: Outcome = { kind: "served", status, headers: this.#edited(head.headers), body, by: "dependency" };
    process.nextTick(() => this.#handOn(outcome));
  }

  /** Of an answer that is no 101, once it is known whether more than it came with it. */
  #handOn(outcome: Outcome): void {
    if (!this.#wire.spoilt) this.#settle(outcome);
    else if (this.#ended) this.#settle(failed("bad-response", `${this.#name} sent more than one answer`));
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#ended = true;
    process.nextTick(() => {
      if (this.#wire.spoilt) this.#body?.fail(new Error("more than one answer came"));
      else this.#body?.finish();
    });
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    if (this.#over) this.#body?.fail(error);
    else this.#settle(failureOf(error, this.#controller !== undefined, this.#name));
  }

  #edited(headers: HeaderList): HeaderList {
    return this.#edits ? editHeaders(headers, this.#edits) : headers;
  }

  #giveUp(outcome: Outcome): void {
    if (this.#over) return;
    this.#settle(outcome);
    this.#controller?.abort(new Error("this request was given up"));
  }

  #settle(outcome: Outcome, tunnel?: Duplex): void {
    if (this.#over) return;
    this.#over = true;
    this.#wait.cancel();
    this.#expiry?.();
    this.#stays();
    this.#resolve(outcome, tunnel);
  }
}
