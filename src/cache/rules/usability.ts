/** Age, lifetime and stale windows of a stored answer (RFC 9111 section 4.2, RFC 5861). Durations are milliseconds. */
import type { CachePolicy, StoredHead, Usability } from "../rules.ts";
import { joinedHeader } from "../../core/headers.ts";
import { trimBlanks } from "./characters.ts";
import { dateOf, isOperators, isProvoked, originLifetime } from "./lifetime.ts";
import { readSeconds } from "./directives.ts";
import { readRuling, type Ruling } from "./targeted.ts";

/**
 * How long past its lifetime an answer may stand in for a dependency that fails, when its origin neither says how long
 * nor forbids it (RFC 9111 section 4.2.4).
 */
const UNSAID_STALE_IF_ERROR = 86_400_000;

/** Longest life of a stored error: long enough to spare a dependency in trouble, too short to poison. */
const ERROR_LIFETIME = 5000;

/** RFC 9111 section 5.1: the first member that is a number of seconds, over all lines; 0 when there is none. */
export function ageField(headers: readonly string[]): number {
  const text = joinedHeader(headers, "age");
  if (text === undefined) return 0;
  for (const member of text.split(",")) {
    const age = readSeconds(trimBlanks(member));
    if (age !== undefined) return age;
  }
  return 0;
}

/** RFC 9111 section 4.2.3. A clock that was set back makes nothing younger than it came. */
export function correctedAge(stored: StoredHead, now: number): number {
  const apparent = Math.max(0, stored.receivedAt - dateOf(stored.headers, stored.receivedAt));
  const delay = Math.max(0, stored.receivedAt - stored.requestedAt);
  const initial = Math.max(apparent, ageField(stored.headers) + delay);
  return initial + Math.max(0, now - stored.receivedAt);
}

export type Windows = Omit<Usability, "age">;

function byOrigin(stored: StoredHead, ruling: Ruling): Windows {
  const { directives } = ruling;
  const error = isProvoked(stored.status);
  const told = directives.mustRevalidate || directives.proxyRevalidate || directives.noCache;
  const mustRevalidate = told || directives.sMaxAge !== undefined || error;
  const whole = directives.noCache ? 0 : originLifetime(stored, ruling, stored.receivedAt);
  return {
    lifetime: error ? Math.min(whole, ERROR_LIFETIME) : whole,
    staleWhileRevalidate: mustRevalidate ? 0 : (directives.staleWhileRevalidate ?? 0),
    staleIfError: mustRevalidate ? 0 : (directives.staleIfError ?? UNSAID_STALE_IF_ERROR),
    mustRevalidate,
  };
}

/**
 * What of a stored answer's usability does not change with time: for who keeps it beside the answer.
 * An operator's policy overrides lifetime and windows, `no-cache` and `s-maxage` with them, for the statuses its `ttl` is
 * for. It does not override must-revalidate and proxy-revalidate: such an answer is fresh for the `ttl` and never stale.
 * A stored error lives 5 s at most and is never used stale.
 */
export function windows(stored: StoredHead, policy: CachePolicy): Windows {
  const ruling = readRuling(stored.headers);
  if (policy.by === "origin" || !isOperators(policy, stored.status)) return byOrigin(stored, ruling);
  const mustRevalidate = ruling.directives.mustRevalidate || ruling.directives.proxyRevalidate;
  return {
    lifetime: policy.ttl,
    staleWhileRevalidate: mustRevalidate ? 0 : policy.staleWhileRevalidate,
    staleIfError: mustRevalidate ? 0 : policy.staleIfError,
    mustRevalidate,
  };
}

/** How a stored answer may be used at `now`. */
export function usability(stored: StoredHead, policy: CachePolicy, now: number): Usability {
  const { lifetime, staleWhileRevalidate, staleIfError, mustRevalidate } = windows(stored, policy);
  return { age: correctedAge(stored, now), lifetime, staleWhileRevalidate, staleIfError, mustRevalidate };
}

/** Beyond its own windows: what a degradation level or an operator may still want of it. */
const LONGER_GRACE = 10;

/** Wall-clock milliseconds from which on a stored answer is of no use, be the windows stretched tenfold. */
export function usefulUntil(stored: StoredHead, policy: CachePolicy): number {
  const { lifetime, staleWhileRevalidate, staleIfError } = windows(stored, policy);
  const grace = Math.max(staleWhileRevalidate, staleIfError) * LONGER_GRACE;
  return stored.receivedAt + Math.max(0, lifetime - correctedAge(stored, stored.receivedAt)) + grace;
}
