/** How far past its best a kept answer may be used: one machine for freshness, stale windows and fail-safe. Milliseconds. */
import type { Usability } from "./rules.ts";

/** What a degradation level makes of the stale windows: stretched by `factor` (1 or more), or of `any` length. */
export interface Grace {
  readonly factor: number;
  readonly any: boolean;
}

export const NO_GRACE: Grace = { factor: 1, any: false };

/**
 * In order of age:
 * - `fresh`: answered, nothing is asked;
 * - `refresh-ahead`: answered as fresh, and fetched anew behind it before it gets stale;
 * - `stale-while-revalidate`: answered, and fetched anew behind it (RFC 5861 section 3);
 * - `stale-if-error`: answered when the dependency fails, is refused or is slow (RFC 5861 section 4);
 * - `fail-safe`: the same, beyond the window that the answer or its `ttl` has: by an operator's leave;
 * - `drop`: of no use without the dependency's consent.
 */
export type Phase = "fresh" | "refresh-ahead" | "stale-while-revalidate" | "stale-if-error" | "fail-safe" | "drop";

/** How an answer may be used, with the operator's fail-safe window beside its own. */
export interface Spans extends Usability {
  /** Past `lifetime`, as the other windows. 0: none. */
  readonly failSafe: number;
}

/** The windows as they hold now. What must be revalidated has none, whatever a level or an operator would like. */
export function spansOf(usable: Usability, failSafe: number, { factor, any }: Grace): Spans {
  const { age, lifetime, mustRevalidate, staleWhileRevalidate, staleIfError } = usable;
  if (mustRevalidate) return { ...usable, staleWhileRevalidate: 0, staleIfError: 0, failSafe: 0 };
  return {
    age,
    lifetime,
    mustRevalidate,
    staleWhileRevalidate: staleWhileRevalidate * factor,
    staleIfError: staleIfError * factor,
    saysHowStale: usable.saysHowStale,
    failSafe: any ? Number.POSITIVE_INFINITY : failSafe * factor,
  };
}

/** `early`: milliseconds before the end of its lifetime from which on it is to be fetched anew. 0: not before. */
export function phaseOf(spans: Spans, early = 0): Phase {
  const { age, lifetime } = spans;
  if (age < lifetime) return early > 0 && age + early >= lifetime ? "refresh-ahead" : "fresh";
  if (spans.mustRevalidate) return "drop";
  const staleness = age - lifetime;
  if (staleness < spans.staleWhileRevalidate) return "stale-while-revalidate";
  if (staleness < spans.staleIfError) return "stale-if-error";
  return staleness < spans.failSafe ? "fail-safe" : "drop";
}

/** The spans as the rules of RFC 9111 take them, fail-safe being a longer stale-if-error. */
export const asUsability = (spans: Spans): Usability => ({
  ...spans,
  staleIfError: Math.max(spans.staleIfError, spans.failSafe),
});

/** Whether a dependency that is slow, and may be well, is reason enough for a stale answer: somebody has to have said so. */
export const yieldsToSlow = (spans: Spans): boolean =>
  spans.saysHowStale || spans.age - spans.lifetime < spans.failSafe;
