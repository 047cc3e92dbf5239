import type { Random } from "../../core/clock.ts";

/** Share of the seats in use that a drain leaves, so that nobody waits inside; `DEEP` while their number is in doubt. */
const DEPTH = 0.75;
const DEEP = 0.6;
/** Milliseconds between drains and at least so many latencies, so that they cost 1 % at most; longer by chance up to `JITTER`. */
const EVERY = 20_000;
const LATENCIES = 150;
const JITTER = 0.3;
/** The same after a drain that moved a baseline by more than `MOVED`, and before one because of a doubt. */
const SOON = 4000;
const SOON_LATENCIES = 10;
const MOVED = 0.2;
const DOUBT = 1000;
/** Calls that are enough; after so many latencies those that there are, if they are enough for a mean, and at last any. */
const ENOUGH = 600;
const MEASURES = 5;
const FEWEST = 30;
const LASTS = 12;
/** Latencies that calls of a drain are waited for after it. */
const LINGERS = 6;
/**
 * Latencies of late, within bounds in milliseconds, after which a drain is given up because seats do not become free: long
 * bodies hold them. Each time the pause until the next one doubles, so often at most.
 */
const PATIENCE = 3;
const PATIENT = 1000;
const LONGEST = 10_000;
const DOUBLINGS = 5;

/** What is known when a drain starts. */
interface Before {
  /** Seats in use then, as far as the baselines were right. */
  readonly used: number;
  /** Seats taken then. */
  readonly taken: number;
}

interface Plan extends Before {
  /** Seats that are left. */
  readonly seats: number;
}

type State =
  | { readonly is: "open" }
  /** No seat is given until no more than those left are taken. */
  | { readonly is: "emptying"; readonly plan: Plan; readonly until: number }
  /** What begins meets nobody waiting. */
  | { readonly is: "measuring"; readonly plan: Plan; readonly since: number; readonly until: number }
  /** All seats are given again; calls of the drain are still under way. */
  | { readonly is: "ending"; readonly plan: Plan; readonly since: number; readonly until: number };

/**
 * A short time with so few calls under way that their latency is the dependency's own. `latency` is everywhere that of a
 * call that meets nobody waiting, as far as it is known; `latest` that of calls of late, which is longer while they wait or
 * while what is known is wrong.
 */
export class Drain {
  readonly #fewest: number;
  readonly #random: Random;
  #state: State = { is: "open" };
  #due = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #began = 0;
  #ended = 0;
  /** Drains in a row that measured nothing. */
  #futile = 0;

  constructor(fewest: number, random: Random) {
    this.#fewest = fewest;
    this.#random = random;
  }

  get active(): boolean {
    return this.#state.is !== "open";
  }

  /** Seats out of those that there are. */
  cap(seats: number, now: number): number {
    const state = this.#state;
    if (state.is !== "emptying" && state.is !== "measuring") return seats;
    return now >= state.until ? seats : Math.min(seats, state.plan.seats);
  }

  /** Starts one if it is due, or because of a doubt if the last one is over for a while. Says whether it did. */
  start(now: number, before: Before, latency: number, latest: number, doubt: boolean): boolean {
    const pause = Math.max(DOUBT, SOON_LATENCIES * latency) * 2 ** this.#futile;
    if (now < this.#due && !(doubt && now - this.#last > pause)) return false;
    const deep = doubt || this.#last === Number.NEGATIVE_INFINITY;
    const seats = Math.max(this.#fewest, Math.floor((deep ? DEEP : DEPTH) * before.used));
    const until = now + Math.min(LONGEST, Math.max(PATIENT, PATIENCE * latest));
    this.#began = this.#ended = 0;
    this.#state = { is: "emptying", plan: { ...before, seats }, until };
    return true;
  }

  began(now: number, inFlight: number, latency: number, latest: number): void {
    const state = this.#state;
    if (state.is === "emptying" && inFlight <= state.plan.seats && now < state.until) {
      this.#state = { is: "measuring", plan: state.plan, since: now, until: now + LASTS * latest };
      this.#began = 1;
    } else if (state.is === "measuring" && now <= state.until) {
      this.#began++;
      const enough = now - state.since >= MEASURES * latency ? FEWEST : ENOUGH;
      if (this.#began >= enough) this.#release(now);
    }
  }

  /**
   * Whether a call is one to measure. Others may begin at the very moment that the drain ends: the seats that were taken
   * tell them apart.
   */
  measures(startedAt: number, inFlight: number): boolean {
    const state = this.#state;
    if (state.is !== "measuring" && state.is !== "ending") return false;
    return startedAt >= state.since && startedAt <= state.until && inFlight <= state.plan.seats;
  }

  /** A call to measure ended. */
  ended(): void {
    this.#ended++;
  }

  /** Whether all is known that it can tell. */
  over(now: number, latest: number): boolean {
    if (this.#state.is === "measuring" && now > this.#state.until) this.#release(this.#state.until);
    const state = this.#state;
    if (state.is === "emptying") return now >= state.until;
    return state.is === "ending" && (this.#ended >= this.#began || now > state.until + LINGERS * latest);
  }

  stop(): Before {
    const state = this.#state;
    this.#state = { is: "open" };
    return state.is === "open" ? { taken: 0, used: 0 } : state.plan;
  }

  /** The next one is due at once. */
  now(now: number): void {
    this.#due = Math.min(this.#due, now);
  }

  /** The next one is due soon. */
  soon(now: number, latency: number): void {
    this.#due = Math.min(this.#due, now + Math.max(SOON, SOON_LATENCIES * latency));
  }

  /** When the next one is due after one that moved a baseline by the share `moved`. */
  plan(now: number, latency: number, moved: number): void {
    const far = moved > MOVED;
    this.#futile = this.#began === 0 ? Math.min(DOUBLINGS, this.#futile + 1) : 0;
    const pause = Math.max(far ? SOON : EVERY, (far ? SOON_LATENCIES : LATENCIES) * latency) * 2 ** this.#futile;
    this.#last = now;
    this.#due = now + pause * (1 + JITTER * this.#random());
  }

  #release(at: number): void {
    const state = this.#state;
    if (state.is !== "measuring") return;
    this.#state = { is: "ending", plan: state.plan, since: state.since, until: at };
  }
}
