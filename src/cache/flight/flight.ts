import type { Body, Sink } from "../../core/body.ts";
import { toError } from "../../core/errors.ts";
import type { Departure } from "../../core/exchange.ts";
import { failed, type Outcome, type Served } from "../../core/outcome.ts";
import type { CacheRequest } from "../rules.ts";
import { Seat, type Shared } from "./seat.ts";

/**
 * Who may get an answer, decided by its head: `all` who ask while it flows; the `wave` that waits for it now; or
 * `nobody` but who it was fetched for.
 */
export type Sharing = "all" | "wave" | "nobody";

/** What the head of an answer means for those who wait for it. */
export interface Judged {
  readonly sharing: Sharing;
  /** Whether this request may get the answer: of several variants it is one. */
  readonly fits: (request: CacheRequest) => boolean;
  /** What the dependency said, before anything was made of it. */
  readonly status: number;
}

/** What a flight fetches. */
export interface Load {
  /** Asks the dependency. `departure` tells that nobody waits any more. Never rejects. */
  run(departure: Departure): Promise<Outcome>;
  /** The head is here. Called once, for a served outcome, before anybody else sees it. */
  judge(served: Served): Judged;
  /** The last octet is here, of an answer for `all`. Never called for less than the whole. */
  commit(chunks: readonly Buffer[], length: number): unknown;
  /** The body turned out longer than what is kept. */
  outgrown(): void;
  /** The body broke off. */
  cut(): void;
  /** Whoever comes from now on must not board any more. Called once. */
  closed(): void;
}

/** The head has come, or never will. */
export interface Landing extends Judged {
  readonly outcome: Outcome;
}

/** A failed load is shared, once. */
const FOR_THE_WAVE: Judged = { sharing: "wave", fits: () => true, status: 0 };

type Stream =
  | { readonly at: "loading" }
  /** `kept` while all of the body is here from its first octet on. */
  | { readonly at: "flowing"; readonly served: Served; kept: boolean }
  /** One seat only, which takes the dependency's body as it is. */
  | { readonly at: "direct"; readonly served: Served }
  | { readonly at: "over"; readonly end: readonly string[] | Error };

/** Octets that the slowest reader of a body that is not kept may be behind. */
const WINDOW = 256 * 1024;

/**
 * One fetch for all who ask for the same: the leader's answer, read by everyone as it grows. It ends early only when
 * nobody is left, so a leader that goes hands over without a word. A reader that is slow delays nobody while the body
 * is short enough to be kept; beyond that all go at the pace of the slowest.
 */
export class Flight implements Sink, Departure, Shared {
  /** Resolves to the same for everyone on board. Never rejects. */
  readonly landing: Promise<Landing>;
  /** Dropped at the end: tables that knew this flight may hold on to it. */
  #load: Load | undefined;
  readonly #longest: number;
  readonly #seats: Seat[] = [];
  #stream: Stream = { at: "loading" };
  /** Goes on although nobody waits: a refresh. */
  #held = false;
  #gone = false;
  #listeners: (() => void)[] = [];
  #chunks: Buffer[] = [];
  /** Chunks that were here before the first of `#chunks`. */
  #dropped = 0;
  #length = 0;
  #paused = false;
  #closed = false;

  /** Starts at once. `longest`: octets of a body that is kept. */
  constructor(load: Load, longest: number) {
    this.#load = load;
    this.#longest = longest;
    const { promise, resolve } = Promise.withResolvers<Landing>();
    this.landing = promise;
    void load
      .run(this)
      .then((outcome) => this.#land(outcome, load))
      .catch((thrown: unknown) => this.#fault(toError(thrown)))
      .then(resolve);
  }

  /** A place for one more; the first one leads. */
  board(): Seat {
    const seat = new Seat(this, this.#seats.length === 0 && !this.#held && this.#stream.at === "loading");
    this.#seats.push(seat);
    return seat;
  }

  /** Lets the load go on to its end whoever leaves. */
  hold(): void {
    this.#held = true;
  }

  /** Whether it is worth going on when nobody waits. */
  get #forItself(): boolean {
    return this.#held && (this.#stream.at === "loading" || (this.#stream.at === "flowing" && this.#stream.kept));
  }

  // Departure, as the dependency sees it

  get gone(): boolean {
    return this.#gone;
  }

  onGone(listener: () => void): () => void {
    if (this.#gone) listener();
    else this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  // Sink of the dependency's body

  write(chunk: Buffer): boolean {
    const stream = this.#stream;
    if (stream.at !== "flowing") return true;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (stream.kept && this.#length > this.#longest) {
      stream.kept = false;
      this.#load?.outgrown();
      this.#close();
    }
    for (let i = this.#seats.length - 1; i >= 0; i--) this.#seats[i]?.feed();
    this.#trim();
    return !this.#paused;
  }

  end(trailers: readonly string[]): void {
    const stream = this.#stream;
    if (stream.at !== "flowing") return;
    const announced = stream.served.body.length;
    if (announced !== undefined && announced !== this.#length) {
      return this.fail(new Error(`${this.#length} octets came of ${announced} announced`));
    }
    if (stream.kept) this.#load?.commit(this.#chunks, this.#length);
    this.#finish(trailers);
  }

  fail(error: Error): void {
    if (this.#stream.at !== "over") this.#load?.cut();
    this.#finish(error);
  }

  // the seats' side

  ending(): readonly string[] | Error | undefined {
    return this.#stream.at === "over" ? this.#stream.end : undefined;
  }

  chunk(at: number): Buffer | undefined {
    return this.#chunks[at - this.#dropped];
  }

  direct(): Body | undefined {
    return this.#stream.at === "direct" ? this.#stream.served.body : undefined;
  }

  moved(): void {
    const before = this.#paused;
    this.#trim();
    if (before && !this.#paused && this.#stream.at === "flowing") this.#stream.served.body.resume();
  }

  leave(seat: Seat): void {
    const at = this.#seats.lastIndexOf(seat);
    if (at < 0) return;
    this.#seats[at] = this.#seats.at(-1)!;
    this.#seats.pop();
    if (this.#seats.length > 0) return this.moved();
    if (!this.#forItself) this.#abandon();
  }

  #land(outcome: Outcome, load: Load): Landing {
    if (outcome.kind !== "served") {
      this.#finish([]);
      return { outcome, ...FOR_THE_WAVE };
    }
    const { body } = outcome;
    if (this.#gone) {
      body.cancel(new Error("nobody waits for this answer any more"));
      return { outcome: failed("client-gone", "the client left before the answer"), ...FOR_THE_WAVE };
    }
    const judged = load.judge(outcome);
    const kept = judged.sharing === "all";
    if (!kept) this.#close();
    if (kept || this.#seats.length > 1) {
      this.#stream = { at: "flowing", served: outcome, kept };
      body.pipe(this);
    } else {
      this.#stream = { at: "direct", served: outcome };
      if (this.#seats.length === 0) this.#abandon();
    }
    return { outcome, ...judged };
  }

  /** A fault of ours: nobody is left waiting for it. */
  #fault(error: Error): Landing {
    this.#finish(error);
    return { outcome: failed("internal", "the answer could not be fetched", error), ...FOR_THE_WAVE };
  }

  #close(): void {
    const load = this.#load;
    if (!load || this.#closed) return;
    this.#closed = true;
    load.closed();
  }

  #trim(): void {
    const stream = this.#stream;
    if (stream.at !== "flowing" || stream.kept) {
      this.#paused = false;
      return;
    }
    let least = this.#dropped + this.#chunks.length;
    for (const seat of this.#seats) least = Math.min(least, seat.at);
    this.#chunks.splice(0, least - this.#dropped);
    this.#dropped = least;
    let behind = 0;
    for (const chunk of this.#chunks) behind += chunk.length;
    this.#paused = behind > WINDOW;
    if (this.#seats.length === 0) this.#abandon();
  }

  #finish(end: readonly string[] | Error): void {
    if (this.#stream.at === "over") return;
    this.#stream = { at: "over", end };
    this.#close();
    this.#load = undefined;
    this.#listeners = [];
    for (let i = this.#seats.length - 1; i >= 0; i--) this.#seats[i]?.feed();
    if (this.#seats.length === 0) this.#chunks = [];
  }

  /** Nobody is left and nothing is to be kept: the load ends. */
  #abandon(): void {
    const stream = this.#stream;
    if (stream.at === "over") {
      this.#chunks = [];
      return;
    }
    const error = new Error("nobody waits for this answer any more");
    this.#gone = true;
    const listeners = this.#listeners;
    this.#close();
    if (stream.at !== "loading") this.#finish(error);
    this.#chunks = [];
    for (const listener of listeners) listener();
    if (stream.at !== "loading") stream.served.body.cancel(error);
  }
}
