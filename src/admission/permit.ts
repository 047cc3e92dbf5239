import type { AdmissionSeen } from "../core/outcome.ts";

/**
 * How a call went, as far as it tells of the dependency's capacity. `dropped`: timed out, reset or turned away by it;
 * `ignore` tells nothing.
 */
export type Ending = "success" | "ignore" | "dropped";

/** The gate's side of a permit. */
export interface Seats {
  /** The head of the answer is here, or never will be. `since`: monotonic milliseconds at which it was asked for. */
  answered(permit: Permit, ending: Exclude<Ending, "ignore">, since: number): void;
  /** The seat is free; `counts`: how long it was held tells of the dependency. */
  freed(permit: Permit, counts: boolean): void;
  /** Both at once. */
  over(permit: Permit, ending: Ending, since: number): void;
}

/** For what a permit was given. */
export interface Given {
  readonly route: string;
  readonly rank: number;
  /** Monotonic milliseconds at which it was given. */
  readonly since: number;
  /** Seats taken then, its own included. */
  readonly inFlight: number;
}

/** The right to use one seat of a dependency, until it is given back. */
export class Permit {
  readonly given: Given;
  readonly seen: AdmissionSeen;
  readonly #seats: Seats;
  #ending: Ending | undefined;
  #free = false;

  constructor(seats: Seats, given: Given, seen: AdmissionSeen) {
    this.#seats = seats;
    this.given = given;
    this.seen = seen;
  }

  /**
   * The head of the answer is here, or never will be. Only the first call counts. `since`: monotonic milliseconds at which
   * the dependency was asked for it. Default: with the seat.
   */
  answered(ending: Ending, since = this.given.since): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    if (ending !== "ignore") this.#seats.answered(this, ending, since);
  }

  /** Both at once: the answer is here with all of its octets, or never will be. */
  over(ending: Ending, since = this.given.since): void {
    if (this.#ending !== undefined || this.#free) {
      this.answered(ending, since);
      this.free();
      return;
    }
    this.#ending = ending;
    this.#free = true;
    this.#seats.over(this, ending, since);
  }

  /** Gives the seat back. Only the first call counts. */
  free(): void {
    if (this.#free) return;
    this.#free = true;
    this.#seats.freed(this, this.#ending !== undefined && this.#ending !== "ignore");
  }
}
