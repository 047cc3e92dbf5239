/** Where a body goes: the client, a compressor, a cache entry. Called only between `pipe` and the first `end` or `fail`. */
export interface Sink {
  /** Takes a chunk. `false` asks for a pause; the sink calls `body.resume()` once it has room again. */
  write(chunk: Buffer): boolean;
  /** All octets have come. `trailers` is flat `[name, value, ...]`, usually empty. */
  end(trailers: readonly string[]): void;
  /** The rest will never come: what was written must not be passed off as whole. */
  fail(error: Error): void;
}

/** How a body ended: whole, cut by its producer, or given up by its consumer. */
export type BodyEnding = "complete" | "cut" | "cancelled";

/**
 * The body of an answer on its way out. Chunks are pushed as they come, without copies; what comes before
 * a sink is attached is held. A permit or a timer that must live until the last octet hangs on `whenDone`.
 */
export interface Body {
  /** Octets announced, when known before the end. */
  readonly length: number | undefined;
  /** What `takeWhole` gives as Latin-1 text, where somebody has that at hand: a short one goes out in one write with its head. */
  readonly latin1?: string | undefined;
  /** Whether all octets are here, so that nothing is asked of the producer any more. */
  readonly arrived: boolean;
  /** The chunks, when all of them are already here; then no sink is needed. Ends the body as `complete`. */
  takeWhole(): Buffer[] | undefined;
  /** Attaches the one sink. Throws if the body was already taken. */
  pipe(sink: Sink): void;
  /** Lets a paused producer go on. */
  resume(): void;
  /** Gives the body up: the producer stops and its connection is freed. Nothing more reaches the sink. */
  cancel(reason: Error): void;
  /** Called once, at the end of the body or at once when it is over. Listeners run in order and must not throw. */
  whenDone(listener: (ending: BodyEnding) => void): void;
  /** Called at most once, at the first pause for want of room at the consumer. Never of a body that is here whole. */
  whenHeldBack(listener: () => void): void;
}

/** What a producer of a streamed body must offer. */
export interface BodySource {
  pause(): void;
  resume(): void;
  cancel(reason: Error): void;
}

const NO_TRAILERS: readonly string[] = Object.freeze([]);

/** What was held is being written; the sink may resume or cancel, and the producer push, from within a write. */
type Emptying = { readonly at: "emptying"; readonly sink: Sink; readonly chunks: Buffer[]; room: boolean };

type Phase =
  | { readonly at: "held"; readonly chunks: Buffer[] }
  | Emptying
  | { readonly at: "flowing"; readonly sink: Sink }
  | { readonly at: "over"; readonly ending: BodyEnding };

/** A body whose octets are pushed by a producer: `push`, then `finish` or `fail`. */
export class StreamedBody implements Body {
  readonly length: number | undefined;
  readonly #source: BodySource;
  #phase: Phase = { at: "held", chunks: [] };
  #arrived: "more" | "whole" | Error = "more";
  #trailers: readonly string[] = NO_TRAILERS;
  #held = 0;
  #listeners: ((ending: BodyEnding) => void)[] | undefined;
  #heldBack: (() => void) | undefined;

  /** `length` in octets as announced, if it was. */
  constructor(source: BodySource, length: number | undefined) {
    this.#source = source;
    this.length = length;
  }

  get arrived(): boolean {
    return this.#arrived === "whole";
  }

  /** Producer's side: one more chunk, never empty. */
  push(chunk: Buffer): void {
    const phase = this.#phase;
    if (phase.at === "flowing") {
      if (!phase.sink.write(chunk) && this.#phase === phase) this.#pause();
    } else if (phase.at === "emptying") {
      phase.chunks.push(chunk);
    } else if (phase.at === "held") {
      phase.chunks.push(chunk);
      this.#held += chunk.length;
      if (this.#held >= HELD_AT_MOST) this.#pause();
    }
  }

  /** Producer's side: the body is whole. */
  finish(trailers: readonly string[] = NO_TRAILERS): void {
    if (this.#arrived !== "more") return;
    this.#arrived = "whole";
    this.#trailers = trailers;
    if (this.#phase.at === "flowing") this.#end(this.#phase.sink);
  }

  /** Producer's side: the rest will never come. */
  fail(error: Error): void {
    if (this.#arrived !== "more") return;
    this.#arrived = error;
    const phase = this.#phase;
    if (phase.at === "flowing") this.#fail(phase.sink, error);
    else if (phase.at === "held") phase.chunks.length = 0;
  }

  takeWhole(): Buffer[] | undefined {
    const phase = this.#phase;
    if (phase.at !== "held" || this.#arrived !== "whole" || this.#trailers.length > 0) return undefined;
    this.#over("complete");
    return phase.chunks;
  }

  pipe(sink: Sink): void {
    const phase = this.#phase;
    if (phase.at !== "held") throw new Error("this body was already taken");
    const emptying: Emptying = { at: "emptying", sink, chunks: phase.chunks, room: true };
    const wasPaused = this.#held >= HELD_AT_MOST;
    if (!this.#empty(emptying)) return;
    this.#phase = { at: "flowing", sink };
    if (this.#arrived === "whole") this.#end(sink);
    else if (this.#arrived !== "more") this.#fail(sink, this.#arrived);
    else if (!emptying.room) this.#pause();
    else if (wasPaused) this.#source.resume();
  }

  resume(): void {
    const phase = this.#phase;
    if (phase.at === "emptying") phase.room = true;
    if (phase.at === "emptying" || phase.at === "flowing") this.#source.resume();
  }

  cancel(reason: Error): void {
    if (this.#phase.at === "over") return;
    this.#over("cancelled");
    if (this.#arrived === "more") this.#source.cancel(reason);
  }

  whenDone(listener: (ending: BodyEnding) => void): void {
    if (this.#phase.at === "over") listener(this.#phase.ending);
    else (this.#listeners ??= []).push(listener);
  }

  whenHeldBack(listener: () => void): void {
    const before = this.#heldBack;
    this.#heldBack = before ? () => (before(), listener()) : listener;
  }

  #pause(): void {
    this.#source.pause();
    const heldBack = this.#heldBack;
    this.#heldBack = undefined;
    heldBack?.();
  }

  /** Writes what was held, and what a producer that is resumed meanwhile adds. False when the sink gave the body up. */
  #empty(phase: Emptying): boolean {
    this.#phase = phase;
    for (const chunk of phase.chunks) {
      if (!phase.sink.write(chunk)) phase.room = false;
      if (this.#phase !== phase) return false;
    }
    return true;
  }

  #end(sink: Sink): void {
    this.#over("complete");
    sink.end(this.#trailers);
  }

  #fail(sink: Sink, error: Error): void {
    this.#over("cut");
    sink.fail(error);
  }

  #over(ending: BodyEnding): void {
    this.#phase = { at: "over", ending };
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners) for (const listener of listeners) listener(ending);
  }
}

/** Octets a body holds before a sink is attached; beyond it the producer is paused. */
const HELD_AT_MOST = 256 * 1024;

class WholeBody implements Body {
  readonly arrived = true;
  readonly length: number;
  readonly latin1: string | undefined;
  readonly #bytes: Buffer;
  #ending: BodyEnding | undefined;
  #listeners: ((ending: BodyEnding) => void)[] | undefined;

  constructor(bytes: Buffer, latin1: string | undefined) {
    this.length = bytes.length;
    this.latin1 = latin1;
    this.#bytes = bytes;
  }

  takeWhole(): Buffer[] | undefined {
    if (this.#ending) return undefined;
    this.#over("complete");
    return this.length > 0 ? [this.#bytes] : [];
  }

  pipe(sink: Sink): void {
    if (this.#ending) throw new Error("this body was already taken");
    if (this.length > 0) sink.write(this.#bytes);
    // The sink may have given the body up.
    if (this.#ending) return;
    this.#over("complete");
    sink.end(NO_TRAILERS);
  }

  resume(): void {}

  cancel(): void {
    if (!this.#ending) this.#over("cancelled");
  }

  whenDone(listener: (ending: BodyEnding) => void): void {
    if (this.#ending) listener(this.#ending);
    else (this.#listeners ??= []).push(listener);
  }

  whenHeldBack(): void {}

  #over(ending: BodyEnding): void {
    this.#ending = ending;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners) for (const listener of listeners) listener(ending);
  }
}

/** A body that is already here, whole; `latin1` is the same as text, where somebody has that. */
export const wholeBody = (bytes: Buffer, latin1?: string): Body => new WholeBody(bytes, latin1);
