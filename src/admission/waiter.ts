import type { Exchange } from "../core/exchange.ts";
import type { AdmissionSeen, Outcome } from "../core/outcome.ts";
import type { Permit } from "./permit.ts";
import type { Waiting } from "./tenant-line.ts";

/** What a gate looks at of an exchange. */
export type Asking = Pick<Exchange, "class" | "tenant" | "cohort" | "deadline" | "departure" | "route">;

/** What a wait comes to: a seat, or how the exchange ends without one. */
export type Settled = Permit | Outcome;

const NOBODY = (): void => {};

/** An exchange in the queue of a gate. */
export class Waiter implements Waiting {
  readonly rank: number;
  readonly slot: number;
  /** Whether others waited in its sub-queue when it came. */
  readonly behind: boolean;
  readonly cohort: number;
  /** By the clock; `since` and `until` are running time. */
  readonly cameAt: number;
  readonly since: number;
  readonly until: number;
  readonly deadline: number;
  readonly route: string;
  /** What was seen when it came. */
  readonly seen: AdmissionSeen;
  order = 0;
  gone = false;
  /** Takes back that the gate listens for the client to leave. */
  stays: () => void = NOBODY;
  #settle: (settled: Settled) => void;

  constructor(
    asking: Asking,
    place: Pick<Waiter, "rank" | "slot" | "behind" | "cohort" | "cameAt" | "since" | "until">,
    seen: AdmissionSeen,
    settle: (settled: Settled) => void,
  ) {
    this.rank = place.rank;
    this.slot = place.slot;
    this.behind = place.behind;
    this.cohort = place.cohort;
    this.cameAt = place.cameAt;
    this.since = place.since;
    this.until = place.until;
    this.deadline = asking.deadline;
    this.route = asking.route.name;
    this.seen = seen;
    this.#settle = settle;
  }

  /** Ends the wait. Lists may still hold it, so it lets go of everything else. */
  settle(settled: Settled): void {
    const settle = this.#settle;
    this.stays();
    this.#settle = this.stays = NOBODY;
    settle(settled);
  }
}
