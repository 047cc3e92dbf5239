import { StreamedBody, type Body, type BodySource, type Sink } from "../core/body.ts";
import type { Departure } from "../core/exchange.ts";
import { failed, type Outcome, type Served } from "../core/outcome.ts";

/**
 * Who may get an answer, decided by its head: `all` who ask while it flows; the `wave` that waits for it now; or
 * `nobody` but who it was fetched for.
 */
export type Sharing = "all" | "wave" | "nobody";

/** What a flight fetches. */
export interface Load {
  /** Asks the dependency. `departure` tells that nobody waits any more. Never rejects. */
  run(departure: Departure): Promise<Outcome>;
  /** The head is here. Called once, for a served outcome. */
  judge(served: Served): Sharing;
  /** The last octet is here, of an answer for `all`. */
  commit(served: Served, chunks: readonly Buffer[], length: number): void;
  /** The head has landed and everybody knows. */
  landed?(): void;
}

/** The head has come, or never will. */
export interface Landing {
  readonly outcome: Outcome;
  /** Of what has no body to share: `wave`. */
  readonly sharing: Sharing;
}

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
export class Flight implements Sink, Departure {
  /** Resolves to the same for everyone on board. Never rejects. */
  readonly landing: Promise<Landing>;
  readonly #load: Load;
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

  /** Starts at once. `longest`: octets of a body that is kept. */
  constructor(load: Load, longest: number) {
    this.#load = load;
    this.#longest = longest;
    const { promise, resolve } = Promise.withResolvers<Landing>();
    this.landing = promise;
    void load.run(this).then((outcome) => resolve(this.#land(outcome)));
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

  get loading(): boolean {
    return this.#stream.at === "loading";
  }

  /** Whether the body can still be read from its first octet on. */
  get whole(): boolean {
    return this.#stream.at === "flowing" && this.#stream.kept;
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
    if (stream.kept && this.#length > this.#longest) stream.kept = false;
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
    if (stream.kept) this.#load.commit(stream.served, this.#chunks, this.#length);
    this.#finish(trailers);
  }

  fail(error: Error): void {
    this.#finish(error);
  }

  // the seats' side

  /** The body of a seat; undefined: take the dependency's own. */
  ending(): readonly string[] | Error | undefined {
    return this.#stream.at === "over" ? this.#stream.end : undefined;
  }

  /** Chunk number `at`, counted from the first octet; undefined when it has not come. */
  chunk(at: number): Buffer | undefined {
    return this.#chunks[at - this.#dropped];
  }

  /** The dependency's own body, for the one seat of an answer that is not shared. */
  direct(): Body | undefined {
    return this.#stream.at === "direct" ? this.#stream.served.body : undefined;
  }

  /** A seat has read on. */
  moved(): void {
    const before = this.#paused;
    this.#trim();
    if (before && !this.#paused && this.#stream.at === "flowing") this.#stream.served.body.resume();
  }

  leave(seat: Seat): void {
    const at = this.#seats.indexOf(seat);
    if (at < 0) return;
    this.#seats[at] = this.#seats.at(-1)!;
    this.#seats.pop();
    if (this.#seats.length > 0) this.moved();
    else if (!this.#held || !this.whole) this.#abandon();
    else this.moved();
  }

  #land(outcome: Outcome): Landing {
    if (outcome.kind !== "served") {
      this.#finish([]);
      this.#load.landed?.();
      return { outcome, sharing: "wave" };
    }
    const { body } = outcome;
    if (this.#gone) {
      body.cancel(new Error("nobody waits for this answer any more"));
      return { outcome: failed("client-gone", "the client left before the answer"), sharing: "nobody" };
    }
    const sharing = this.#load.judge(outcome);
    const kept = sharing === "all" && (body.length ?? 0) <= this.#longest;
    if (!kept && this.#seats.length <= 1) {
      this.#stream = { at: "direct", served: outcome };
      if (this.#seats.length === 0) this.#abandon();
    } else {
      this.#stream = { at: "flowing", served: outcome, kept };
      body.pipe(this);
    }
    this.#load.landed?.();
    return { outcome, sharing: sharing === "all" && !kept ? "nobody" : sharing };
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
    this.#listeners = [];
    for (let i = this.#seats.length - 1; i >= 0; i--) this.#seats[i]?.feed();
  }

  /** Nobody is left and nothing is to be kept: the load ends. */
  #abandon(): void {
    const stream = this.#stream;
    if (stream.at === "over") return;
    const error = new Error("nobody waits for this answer any more");
    this.#gone = true;
    const listeners = this.#listeners;
    if (stream.at !== "loading") this.#finish(error);
    this.#chunks = [];
    for (const listener of listeners) listener();
    if (stream.at !== "loading") stream.served.body.cancel(error);
  }
}

/** One request's place in a flight: it waits, then reads or leaves. */
export class Seat implements BodySource {
  /** Whether the load runs in this request's name. */
  readonly leads: boolean;
  /** Number of the next chunk to read. */
  at = 0;
  readonly #flight: Flight;
  #body: StreamedBody | undefined;
  #paused = false;

  constructor(flight: Flight, leads: boolean) {
    this.#flight = flight;
    this.leads = leads;
  }

  /** The body for this request, from the first octet on. Once, after the landing. */
  take(length: number | undefined): Body {
    const direct = this.#flight.direct();
    if (direct) {
      direct.whenDone(() => this.leave());
      return direct;
    }
    this.#body = new StreamedBody(this, length);
    this.feed();
    return this.#body;
  }

  /** This request waits no more, or has no use for the answer. Calling it again does nothing. */
  leave(): void {
    this.#flight.leave(this);
  }

  /** The flight's side: there may be more to read. */
  feed(): void {
    const body = this.#body;
    if (!body) return;
    while (!this.#paused) {
      const chunk = this.#flight.chunk(this.at);
      if (!chunk) return this.#feedEnd(body);
      this.at++;
      body.push(chunk);
    }
  }

  #feedEnd(body: StreamedBody): void {
    const end = this.#flight.ending();
    if (end === undefined) return;
    this.#body = undefined;
    this.leave();
    if (end instanceof Error) body.fail(end);
    else body.finish(end);
  }

  // the body's side

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.feed();
    this.#flight.moved();
  }

  cancel(): void {
    this.#body = undefined;
    this.leave();
  }
}
