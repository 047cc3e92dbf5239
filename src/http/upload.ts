import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { BodyReadiness, RequestBody } from "../core/exchange.ts";
import type { Timeouts, Wait } from "../core/timeouts.ts";

/** What a client's body may cost. */
export interface UploadLimits {
  /** Octets in all; more is `too-large`. */
  readonly maxBody: number;
  /** Octets a second on average after {@link GRACE_MS}; less is `too-slow`. 0: none. */
  readonly bodyRate: number;
  /** Milliseconds without a single octet; more is `too-slow`. */
  readonly bodyTimeout: number;
  /** How often a body under way is looked at; {@link lookEvery} of `bodyTimeout`. */
  readonly looks: Timeouts;
}

/** Milliseconds between two looks at a body under way: often enough to see a pause of `bodyTimeout` in time. */
export const lookEvery = (bodyTimeout: number): number => Math.min(1000, Math.max(5, bodyTimeout / 4));

/** Octets collected before a dependency is asked; a body that fits can be sent again and needs no streaming. */
export const COLLECTED = 64 * 1024;
/** A body may start slowly for so long. */
const GRACE_MS = 5000;
/** Octets on the wire for each octet of body that chunked framing may cost (CVE-2023-39326). */
const MOST_OVERHEAD = 16;

type Phase = "idle" | "collecting" | "streaming" | "over";

/** The body of an HTTP request as it comes from the client. Reads nothing until somebody asks. */
export class Upload implements RequestBody {
  readonly length: number | undefined;
  readonly #request: IncomingMessage;
  readonly #limits: UploadLimits;
  readonly #clock: Clock;
  readonly #begin: (() => void) | undefined;
  #phase: Phase = "idle";
  #chunks: Buffer[] = [];
  #held = 0;
  #total = 0;
  #wireAtStart = 0;
  /** Milliseconds in which the client could have sent: time in which we hold it back does not count. */
  #sendingMs = 0;
  #lookedAt = 0;
  #seen = 0;
  #readAt = 0;
  #ending: "end" | "too-large" | "too-slow" | "gone" | undefined;
  #readiness: Promise<BodyReadiness> | undefined;
  #settle: ((readiness: BodyReadiness) => void) | undefined;
  #wake: (() => void) | undefined;
  #look: Wait | undefined;

  /** `begin` is called when reading starts: it sends 100 Continue to a client that waits for it. */
  constructor(
    request: IncomingMessage,
    length: number | undefined,
    limits: UploadLimits,
    clock: Clock,
    begin?: () => void,
  ) {
    this.#request = request;
    this.length = length;
    this.#limits = limits;
    this.#clock = clock;
    this.#begin = begin;
  }

  /** Whether all of it was read; what is left on the connection otherwise is the edge's to deal with. */
  get consumed(): boolean {
    return this.#ending === "end";
  }

  get whole(): Buffer | undefined {
    if (this.#ending !== "end" || this.#phase === "streaming") return undefined;
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  ready(): Promise<BodyReadiness> {
    if (this.#readiness) return this.#readiness;
    if (this.length !== undefined && this.length > this.#limits.maxBody) {
      return (this.#readiness = Promise.resolve("too-large"));
    }
    if (this.#request.readableDidRead) return (this.#readiness = Promise.resolve("read-before"));
    this.#readiness = new Promise((resolve) => {
      this.#settle = resolve;
      this.#start();
    });
    return this.#readiness;
  }

  async *stream(): AsyncGenerator<Buffer> {
    if (this.#phase === "streaming") throw new Error("this body is already being streamed");
    await this.ready();
    this.#phase = "streaming";
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      this.#held = 0;
      for (const chunk of chunks) yield chunk;
      if (this.#chunks.length > 0) continue;
      if (this.#ending === "end") return;
      if (this.#ending) throw new Error(`the client's body ended early: ${this.#ending}`);
      this.#resume();
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  /** Why the body could not be read to its end, once that is known. */
  get fault(): "too-large" | "too-slow" | "gone" | undefined {
    return this.#ending === "end" ? undefined : this.#ending;
  }

  #start(): void {
    this.#phase = "collecting";
    const request = this.#request;
    this.#wireAtStart = request.socket?.bytesRead ?? 0;
    if (request.destroyed || request.errored) {
      this.#end("gone");
      return;
    }
    request.on("data", this.#onData);
    request.on("aborted", () => this.#end("gone"));
    request.on("end", () => this.#end(this.#isWhole() ? "end" : "gone"));
    request.on("close", () => this.#end("gone"));
    request.on("error", () => this.#end("gone"));
    this.#lookedAt = this.#readAt = this.#clock.now();
    this.#look = this.#limits.looks.start(this.#onLook);
    this.#begin?.();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#total += chunk.length;
    if (this.#total > this.#limits.maxBody || this.#overhead()) {
      this.#end("too-large");
      return;
    }
    this.#held += chunk.length;
    this.#chunks.push(chunk);
    if (this.#held >= COLLECTED) {
      this.#request.pause();
      this.#resolve("streaming");
    }
    this.#wakeUp();
  };

  /** HTTP/2 streams that were reset end like whole ones: only the code, and the octets missing, tell. */
  #isWhole(): boolean {
    const { stream } = this.#request as { stream?: { readonly rstCode?: number; readonly aborted?: boolean } };
    if (stream?.rstCode || stream?.aborted) return false;
    return this.length === undefined || this.length === this.#total;
  }

  #resume(): void {
    if (!this.#request.isPaused()) return;
    this.#lookedAt = this.#readAt = this.#clock.now();
    this.#request.resume();
  }

  readonly #onLook = (): void => {
    const now = this.#clock.now();
    if (!this.#request.isPaused()) {
      this.#sendingMs += now - this.#lookedAt;
      if (this.#total > this.#seen) this.#readAt = now;
      this.#seen = this.#total;
      if (now - this.#readAt >= this.#limits.bodyTimeout || this.#tooSlow()) {
        this.#end("too-slow");
        return;
      }
    }
    this.#lookedAt = now;
    this.#look = this.#limits.looks.start(this.#onLook);
  };

  #tooSlow(): boolean {
    return this.#sendingMs > GRACE_MS && this.#total < (this.#limits.bodyRate * this.#sendingMs) / 1000;
  }

  #overhead(): boolean {
    // A connection of HTTP/2 carries other streams too, and has no chunks.
    if (this.length !== undefined || this.#request.httpVersionMajor !== 1) return false;
    const wire = (this.#request.socket?.bytesRead ?? 0) - this.#wireAtStart;
    return wire > COLLECTED && wire > this.#total * MOST_OVERHEAD;
  }

  #end(ending: "end" | "too-large" | "too-slow" | "gone"): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#look?.cancel();
    if (ending !== "end") {
      this.#request.removeListener("data", this.#onData);
      this.#request.pause();
    }
    this.#resolve(ending === "end" ? "whole" : ending);
    this.#wakeUp();
  }

  #resolve(readiness: BodyReadiness): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle && this.#phase === "collecting") settle(readiness);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
