import type { Clock } from "../../core/clock.ts";
import type { Purge } from "./ledger.ts";

/** Targets that are remembered at most, and for how many milliseconds. */
const MOST_TARGETS = 10_000;
export const REMEMBERED_FOR = 30_000;

interface Applied {
  readonly position: number;
  readonly purge: Purge;
  readonly at: number;
}

/**
 * What was read from the log of late. A log that loses its end (a failover to a replica that was behind) gets it back
 * from whoever has read it, so who was asked for a purge may be gone by then.
 */
export class RecentPurges {
  readonly #clock: Clock;
  #applied: Applied[] = [];
  #targets = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(position: number, purge: Purge): void {
    this.#applied.push({ position, purge, at: this.#clock.now() });
    this.#targets += purge.targets.length;
    if (this.#targets > 2 * MOST_TARGETS) this.#shrink();
  }

  /** Takes out what stood above a position. */
  takeAbove(position: number): readonly Purge[] {
    this.#shrink();
    const taken = this.#applied.filter((applied) => applied.position > position);
    this.#applied = this.#applied.filter((applied) => applied.position <= position);
    return taken.map(({ purge }) => purge);
  }

  /** Keeps the newest. Done rarely, so that each costs little. */
  #shrink(): void {
    const since = this.#clock.now() - REMEMBERED_FOR;
    let from = this.#applied.length;
    let targets = 0;
    for (; from > 0; from--) {
      const { purge, at } = this.#applied[from - 1]!;
      if (at < since || targets + purge.targets.length > MOST_TARGETS) break;
      targets += purge.targets.length;
    }
    this.#applied = this.#applied.slice(from);
    this.#targets = targets;
  }
}
