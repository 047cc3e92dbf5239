import type { Random } from "../../core/clock.ts";

/** Share of the seats in use that a drain leaves, so that nobody waits inside the dependency; the second where their number is in doubt. */
const DEPTH = 0.75;
const DEEP = 0.6;
/** Milliseconds between drains, at least so many mean latencies, and up to a part more by chance: so that gateways do not drain together. */
const EVERY = 20_000;
const LATENCIES = 60;
const JITTER = 0.3;
/** The same after a drain that moved a baseline by more than that share, and the shortest pause of all. */
const SOON = 4000;
const MOVED = 0.2;
const SHORTEST = 1000;
/** Calls that are enough, and mean latencies after which fewer have to do. */
const CALLS = 60;
const LASTS = 5;
/** Mean latencies that calls of the drain are waited for after it. */
const LINGERS = 6;
/** Mean latencies, and milliseconds, until it is given up if the seats do not become free. */
const PATIENCE = 4;
const PATIENT = 1000;

type State =
  | { readonly is: "open" }
  /** Seats are given to nobody until no more than `seats` are taken. */
  | {
      readonly is: "emptying";
      readonly seats: number;
      readonly used: number;
      readonly taken: number;
      readonly until: number;
    }
  /** What begins now meets nobody waiting. */
  | {
      readonly is: "measuring";
      readonly seats: number;
      readonly used: number;
      readonly taken: number;
      readonly since: number;
      readonly until: number;
    }
  /** The seats are open again; calls that began in the drain are still under way. */
  | {
      readonly is: "ending";
      readonly used: number;
      readonly taken: number;
      readonly since: number;
      readonly until: number;
      readonly giveUp: number;
    };

/** A short time with so few calls under way that their latency is the dependency's own. */
export class Drain {
  readonly #random: Random;
  #state: State = { is: "open" };
  #due = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #began = 0;
  #ended = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get active(): boolean {
    return this.#state.is !== "open";
  }

  cap(seats: number, now: number): number {
    const state = this.#state;
    if (state.is !== "emptying" && state.is !== "measuring") return seats;
    return now >= state.until ? seats : Math.min(seats, state.seats);
  }

  /** Whether a call that began then is one to measure. */
  measures(startedAt: number): boolean {
    const state = this.#state;
    return (state.is === "measuring" || state.is === "ending") && startedAt >= state.since && startedAt <= state.until;
  }

  /** Starts one if it is due, or if what was read is doubtful and the last one is over for a while. */
  start(now: number, used: number, taken: number, latency: number, doubtful: boolean): boolean {
    const pause = Math.max(SHORTEST, 10 * latency);
    if (now < this.#due && !(doubtful && now - this.#last > pause)) return false;
    const seats = Math.max(1, Math.floor((doubtful || this.#last === Number.NEGATIVE_INFINITY ? DEEP : DEPTH) * used));
    const until = now + Math.max(PATIENT, PATIENCE * latency);
    this.#began = this.#ended = 0;
    this.#state = { is: "emptying", seats, used, taken, until };
    return true;
  }

  began(now: number, inFlight: number, latency: number): void {
    const state = this.#state;
    if (state.is === "emptying" && inFlight <= state.seats && now < state.until) {
      const until = now + LASTS * latency;
      this.#state = { ...state, is: "measuring", since: now, until };
      this.#began = 1;
    } else if (state.is === "measuring" && now <= state.until) {
      this.#began++;
      if (this.#began >= CALLS) this.#release(now, latency);
    }
  }

  ended(): void {
    this.#ended++;
  }

  /** Whether all is known that it can tell. */
  over(now: number, latency: number): boolean {
    if (this.#state.is === "emptying") return now >= this.#state.until;
    if (this.#state.is === "measuring" && now > this.#state.until) this.#release(this.#state.until, latency);
    return this.#state.is === "ending" && (this.#ended >= this.#began || now > this.#state.giveUp);
  }

  stop(): { readonly taken: number; readonly used: number } {
    const state = this.#state;
    this.#state = { is: "open" };
    return state.is === "open" ? { taken: 0, used: 0 } : state;
  }

  /** The next one is due at once. */
  now(now: number): void {
    this.#due = now;
  }

  soon(now: number, latency: number): void {
    this.#due = Math.min(this.#due, now + Math.max(SOON, 10 * latency));
  }

  /** After one that moved a baseline by such a share. */
  plan(now: number, latency: number, moved: number): void {
    this.#last = now;
    const pause = moved > MOVED ? Math.max(SOON, 10 * latency) : Math.max(EVERY, LATENCIES * latency);
    this.#due = now + pause * (1 + JITTER * this.#random());
  }

  #release(at: number, latency: number): void {
    const state = this.#state;
    if (state.is !== "measuring") return;
    this.#state = {
      is: "ending",
      used: state.used,
      taken: state.taken,
      since: state.since,
      until: at,
      giveUp: at + LINGERS * latency,
    };
  }
}
