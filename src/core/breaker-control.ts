/** How a breaker is told by hand: `isolated` refuses all, `forced-closed` lets all through. */
export type HeldState = "isolated" | "forced-closed";

export type BreakerState = "closed" | "open" | "half-open" | HeldState;

/** A breaker's state by hand, until `ttl` milliseconds have passed. */
export interface BreakerHold {
  readonly state: HeldState;
  readonly ttl: number;
  /** Why, in the words of who did it. */
  readonly reason: string;
}

/** Holds the breaker of a dependency, or gives it back to itself. */
export interface BreakerAsk {
  readonly dependency: string;
  readonly hold: BreakerHold | undefined;
}

/** What one process made of it; undefined: it has no such dependency. */
export interface BreakerAnswer {
  readonly changed: { readonly before: BreakerState; readonly after: BreakerState } | undefined;
}

/** The breaker of one dependency in one process. */
export interface BreakerReading {
  readonly mode: "enforce" | "shadow" | "off";
  readonly state: BreakerState;
  /** Milliseconds it has been in that state. */
  readonly forMs: number;
  /** Milliseconds until it asks again (open) or until a state by hand ends. */
  readonly leftMs: number | undefined;
  /** Why it is in that state; "" when closed. */
  readonly reason: string;
  /** Share of requests that pass; less than 1 when open or half-open. */
  readonly share: number;
  /** In the window: calls that ended, failed, were slow. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** Since it was made. */
  readonly opened: number;
  readonly refused: number;
  readonly wouldRefuse: number;
}
