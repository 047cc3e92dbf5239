import type { Cancel, Clock, Random } from "./clock.ts";

/** Milliseconds from one attempt of a connection to its next one, and up to a fifth more. */
const PERIOD = 1000;
const JITTER = 0.2;
/** Milliseconds that spread the first attempt after a loss, so that a fleet does not come back as one. */
const SPREAD = 500;

/** When one of several connections to a server is tried anew. */
export interface Turns {
  /** Calls for an attempt now, whatever was before: the first one. */
  start(): void;
  /** Plans the next attempt, unless one is planned. `first`: the connection stood until now. */
  plan(first?: boolean): void;
  /** Takes the planned attempt back: the connection stands, which is reason enough to try all others now. */
  succeeded(): void;
  /** Takes the planned attempt back. */
  cancel(): void;
  leave(): void;
}

class Turn {
  readonly attempt: () => void;
  /** When the latest attempt counts as made: one that was made early, as at the time it was planned for. */
  last = Number.NEGATIVE_INFINITY;
  planned: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(attempt: () => void) {
    this.attempt = attempt;
  }
}

/**
 * When the connections of this process to one server are tried anew: each once a second at most, taken over any time,
 * and by turns. So one of them finds early that the server is back, and then all others are tried at once: what they so
 * make too early they leave out later.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #turns = new Set<Turn>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** One more connection. `attempt`: makes an attempt to connect; never called before `start` or `plan`. */
  join(attempt: () => void): Turns {
    const turn = new Turn(attempt);
    this.#turns.add(turn);
    return {
      start: () => this.#attempt(turn, this.#clock.now()),
      plan: (first) => this.#plan(turn, first === true),
      succeeded: () => {
        this.#cancel(turn);
        this.#tryOthers(turn);
      },
      cancel: () => this.#cancel(turn),
      leave: () => {
        this.#cancel(turn);
        this.#turns.delete(turn);
      },
    };
  }

  #plan(turn: Turn, first: boolean): void {
    if (turn.planned) return;
    const now = this.#clock.now();
    const period = PERIOD * (1 + JITTER * this.#random());
    const spread = first ? now + SPREAD * this.#random() : now;
    const isNew = turn.last === Number.NEGATIVE_INFINITY && !first;
    const own = (isNew ? now : turn.last) + period;
    const at = this.#apart(Math.max(own, spread), period / this.#turns.size);
    turn.planned = { at, cancel: this.#clock.after(at - now, () => this.#attempt(turn, at), "background") };
  }

  /** The first moment from `from` on that is so far from all planned ones. */
  #apart(from: number, gap: number): number {
    const planned = [...this.#turns].flatMap((turn) => (turn.planned ? [turn.planned.at] : []));
    let at = from;
    for (const other of planned.sort((one, another) => one - another)) {
      if (Math.abs(at - other) < gap) at = other + gap;
    }
    return at;
  }

  #attempt(turn: Turn, countsAt: number): void {
    this.#cancel(turn);
    turn.last = countsAt;
    turn.attempt();
  }

  /** Not those that have made one early already. */
  #tryOthers(than: Turn): void {
    const latest = this.#clock.now() + PERIOD * (1 + JITTER);
    for (const turn of this.#turns) {
      if (turn !== than && turn.planned && turn.planned.at <= latest) this.#attempt(turn, turn.planned.at);
    }
  }

  #cancel(turn: Turn): void {
    turn.planned?.cancel();
    turn.planned = undefined;
  }
}
