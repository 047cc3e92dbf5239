/** Shares of calls from which on a dependency is not asked any more, each in (0, 1]. */
export interface Rates {
  readonly errorRate: number;
  readonly slowCallRate: number;
}

/** Calls, and how many of them failed or were slow. */
export interface Counted {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** Which share of so many calls is too high; undefined while they are fewer than `least`, or none is. */
export function excessOf(counted: Counted, rates: Rates, least: number): "errors" | "slow" | undefined {
  if (counted.calls < least) return undefined;
  if (counted.failures > 0 && counted.failures >= rates.errorRate * counted.calls) return "errors";
  return counted.slow > 0 && counted.slow >= rates.slowCallRate * counted.calls ? "slow" : undefined;
}

/** The last time a breaker was open. */
export interface OpenBefore {
  /** How long it was to be, before jitter. */
  readonly pause: number;
  /** For how long it has been closed since; 0: it was not. */
  readonly closedFor: number;
}

/**
 * Milliseconds to stay open: `openFor` at first, twice the last when it opens again before it was closed for as long as
 * it had been open, `longestOpen` at most.
 */
export function pauseAfter(before: OpenBefore | undefined, openFor: number, longestOpen: number): number {
  if (!before || before.closedFor > before.pause) return openFor;
  return Math.min(before.pause * 2, Math.max(openFor, longestOpen));
}

/** A pause that is a quarter longer or shorter, by `random` in [0, 1): a fleet does not probe as one. */
export const jittered = (pause: number, random: number): number => pause * (0.75 + random / 2);
