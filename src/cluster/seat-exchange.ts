/** The primary's side of lending: what workers say of their seats, and what each may use of the others'. */
import { lend, type Desk } from "../admission/lending.ts";
import type { Clock } from "../core/clock.ts";

/** A worker's desks, by name of their dependency. */
export type Desks = Readonly<Record<string, Desk>>;

/** Seats that a worker borrows by name of the dependency, negative where it lends; 0 is left out. */
export type Lent = Readonly<Record<string, number>>;

/** Milliseconds between two rounds. */
export const ROUND = 200;
/** Milliseconds after which what a worker said is not counted on: it may hang. */
const FRESH = 3 * ROUND;

interface Said {
  readonly at: number;
  readonly desks: Desks;
}

/** `W` is a worker. One that is gone takes its seats along. */
export class SeatExchange<W> {
  readonly #clock: Clock;
  readonly #tell: (worker: W, lent: Lent) => void;
  readonly #said = new Map<W, Said>();
  readonly #lent = new Map<W, string>();

  constructor(clock: Clock, tell: (worker: W, lent: Lent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** What a worker has and needs. */
  heard(worker: W, desks: Desks): void {
    this.#said.set(worker, { at: this.#clock.now(), desks });
  }

  gone(worker: W): void {
    this.#said.delete(worker);
    this.#lent.delete(worker);
  }

  /** Deals out anew and tells each worker whose seats change. Who has said nothing of late neither lends nor borrows. */
  round(): void {
    const since = this.#clock.now() - FRESH;
    const present = [...this.#said].filter(([, { at }]) => at >= since);
    const lent = new Map<W, Record<string, number>>(present.map(([worker]) => [worker, {}]));
    const names = new Set(present.flatMap(([, { desks }]) => Object.keys(desks)));
    for (const name of names) {
      const at = present.flatMap(([worker, { desks }]) => (desks[name] ? [{ worker, desk: desks[name] }] : []));
      const deltas = lend(at.map(({ desk }) => desk));
      for (const [i, delta] of deltas.entries()) if (delta !== 0) lent.get(at[i]!.worker)![name] = delta;
    }
    for (const worker of this.#said.keys()) this.#settle(worker, lent.get(worker) ?? {});
  }

  #settle(worker: W, lent: Lent): void {
    const text = JSON.stringify(lent);
    if ((this.#lent.get(worker) ?? "{}") === text) return;
    this.#lent.set(worker, text);
    this.#tell(worker, lent);
  }
}
