import { lifetimeFor } from "./change-rate.ts";

/** What is known of the answers of one route. Rates are per millisecond. */
export interface Observed {
  /** Lifetime in force, milliseconds. */
  readonly ttl: number;
  /** Changes of one answer. */
  readonly changes: number;
  /** Requests for one answer. */
  readonly requests: number;
  /** Looks that the rate of changes rests on. */
  readonly looks: number;
}

/** A lifetime for a route, with what it rests on and what it would bring. */
export interface Suggestion {
  /** Milliseconds. */
  readonly current: number;
  readonly proposed: number;
  /** Share of requests answered by what is kept, more than now; negative when the proposal is shorter. */
  readonly hitGain: number;
  /** Share of answers that are out of date when their lifetime ends, now and as proposed. */
  readonly staleRisk: { readonly current: number; readonly proposed: number };
  readonly looks: number;
}

/** Bounds of a lifetime, milliseconds, and the share of answers that may be out of date at its end, 0..1. */
export interface Aim {
  readonly min: number;
  readonly max: number;
  readonly risk: number;
}

/** Looks below which nothing is proposed. */
const ENOUGH = 20;

/** Of requests at random for one answer that lives so long: the first of each life is a miss. */
const hitRatio = (requests: number, ttl: number): number => (requests * ttl) / (1 + requests * ttl);

const outdated = (changes: number, ttl: number): number => -Math.expm1(-changes * ttl);

/** The longest lifetime within the aim; undefined while too little was seen. */
export function suggestLifetime({ ttl, changes, requests, looks }: Observed, aim: Aim): Suggestion | undefined {
  if (looks < ENOUGH) return undefined;
  const proposed = Math.min(aim.max, Math.max(aim.min, lifetimeFor(changes, aim.risk)));
  return {
    current: ttl,
    proposed,
    hitGain: hitRatio(requests, proposed) - hitRatio(requests, ttl),
    staleRisk: { current: outdated(changes, ttl), proposed: outdated(changes, proposed) },
    looks,
  };
}
