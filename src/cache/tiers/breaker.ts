import type { Clock, Random } from "../../core/clock.ts";

/** What a call to a tier that is not in this process came to, for the breaker. */
export type CallFailure =
  /** No reply within the deadline: each further call would cost as much. */
  | "timeout"
  /** It failed at once. */
  | "failed";

/**
 * `closed`: calls go through. `open`: none does until `until`. `half-open`: one is under way and decides,
 * unless nothing is heard of it until `until`. Monotonic milliseconds; `pause` is how long it was open last.
 */
export type BreakerState =
  | { readonly at: "closed"; readonly failures: number }
  | { readonly at: "open"; readonly until: number; readonly pause: number }
  | { readonly at: "half-open"; readonly until: number; readonly pause: number };

/** Failures in a row that open it; of those that cost a deadline, one does. */
const MOST_FAILURES = 5;
/** Milliseconds it stays open at first, doubled by each probe that fails, and at the longest. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 500;
/** Milliseconds after which a probe of which nothing was heard is given up for another. */
const LOST_PROBE = 250;

export const CLOSED: BreakerState = { at: "closed", failures: 0 };

/** What a call that is to be made now makes of it, and how the call may go. */
export function admitted(state: BreakerState, now: number): readonly [BreakerState, "pass" | "probe" | "no"] {
  if (state.at === "closed") return [state, "pass"];
  if (now < state.until) return [state, "no"];
  return [{ at: "half-open", until: now + LOST_PROBE, pause: state.pause }, "probe"];
}

/** `random` in [0, 1) shortens the pause by up to a quarter, so that a fleet does not probe as one. */
export function failedOnce(state: BreakerState, failure: CallFailure, now: number, random: number): BreakerState {
  if (state.at === "open") return state;
  if (state.at === "half-open") return opened(Math.min(state.pause * 2, LONGEST_PAUSE), now, random);
  const failures = state.failures + 1;
  return failure === "timeout" || failures >= MOST_FAILURES
    ? opened(FIRST_PAUSE, now, random)
    : { at: "closed", failures };
}

const opened = (pause: number, now: number, random: number): BreakerState => ({
  at: "open",
  until: now + pause * (1 - random / 4),
  pause,
});

/** A late success of a call from before it opened says nothing of now. */
export const succeededOnce = (state: BreakerState): BreakerState => (state.at === "open" ? state : CLOSED);

/** There is a new connection, or a probe that told nothing: the next call may try it. */
export const untried = (state: BreakerState): BreakerState =>
  state.at === "closed" ? state : { at: "open", until: Number.NEGATIVE_INFINITY, pause: state.pause };

/** Told of each opening and closing, a probe that fails excepted. */
export type BreakerListener = (state: "open" | "closed", reason: string) => void;

/** A breaker in use. */
export class Breaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tell: BreakerListener;
  #state: BreakerState = CLOSED;

  constructor(clock: Clock, random: Random, tell: BreakerListener) {
    this.#clock = clock;
    this.#random = random;
    this.#tell = tell;
  }

  get state(): BreakerState["at"] {
    return this.#state.at;
  }

  /** Whether a call may be made now. After `probe` a success or a failure has to follow. */
  admit(): "pass" | "probe" | "no" {
    if (this.#state.at === "closed") return "pass";
    const [state, pass] = admitted(this.#state, this.#clock.now());
    this.#state = state;
    return pass;
  }

  succeeded(): void {
    const before = this.#state;
    if (before === CLOSED) return;
    this.#state = succeededOnce(before);
    if (before.at === "half-open") this.#tell("closed", "");
  }

  failed(failure: CallFailure, reason: string): void {
    const before = this.#state;
    this.#state = failedOnce(before, failure, this.#clock.now(), this.#random());
    if (before.at === "closed" && this.#state.at === "open") this.#tell("open", reason);
  }

  /** An answer came late: the other side lives. The next call finds out whether it is in time again. */
  revived(): void {
    if (this.#state.at === "open") this.untried();
  }

  /** There is a new connection, or a call came to its end without the other side: the next one may try it. */
  untried(): void {
    this.#state = untried(this.#state);
  }
}
