/** Lifetime and stale windows of a stored answer (RFC 9111 section 4.2, RFC 5861). Durations are milliseconds. */
import type { CachePolicy, StoredHead, Usability } from "../rules.ts";
import { correctedAge } from "./age.ts";
import { audienceOf, type Audience } from "./audience.ts";
import { validators } from "./conditional.ts";
import { isOperators, isProvoked, originLifetime } from "./lifetime.ts";
import { readRuling, type Ruling } from "./targeted.ts";

/**
 * How long past its lifetime an answer may stand in for a dependency that fails, when its origin neither says how long
 * nor forbids it (RFC 9111 section 4.2.4).
 */
const UNSAID_STALE_IF_ERROR = 86_400_000;

/** Longest life of a stored error: long enough to spare a dependency in trouble, too short to poison. */
const ERROR_LIFETIME = 5000;

type Windows = Omit<Usability, "age">;

/** What the fields of a stored answer say, read once and kept beside it: it changes neither with time nor with policy. */
export interface Reading {
  /** As the origin has it. */
  readonly windows: Windows;
  /** must-revalidate or proxy-revalidate: holds under an operator's policy too. */
  readonly insists: boolean;
  readonly audience: Audience;
}

export function readingOf(stored: StoredHead): Reading {
  const ruling = readRuling(stored.headers);
  const { directives } = ruling;
  const insists = directives.mustRevalidate || directives.proxyRevalidate;
  return { windows: byOrigin(stored, ruling), insists, audience: audienceOf(directives) };
}

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
    saysHowStale: directives.staleIfError !== undefined,
    mustRevalidate,
  };
}

/**
 * What of a stored answer's usability does not change with time.
 * An operator's policy overrides lifetime and windows, `no-cache` and `s-maxage` with them, for the statuses its `ttl` is
 * for. Its `ttl` counts from when the answer came: neither an Age it came with nor an origin's clock that is behind shortens
 * it. It does not override must-revalidate and proxy-revalidate: such an answer is fresh for the `ttl` and never stale.
 * A stored error lives 5 s at most and is never used stale.
 */
function windowsOf({ status, initialAge }: StoredHead, { windows, insists }: Reading, policy: CachePolicy): Windows {
  if (policy.by === "origin" || !isOperators(policy, status)) {
    const { most = Number.POSITIVE_INFINITY } = policy;
    return windows.lifetime <= most ? windows : { ...windows, lifetime: most };
  }
  return {
    lifetime: policy.ttl + initialAge,
    staleWhileRevalidate: insists ? 0 : policy.staleWhileRevalidate,
    staleIfError: insists ? 0 : policy.staleIfError,
    saysHowStale: true,
    mustRevalidate: insists,
  };
}

/** How a stored answer may be used at `now`. */
export function usability(
  stored: StoredHead,
  policy: CachePolicy,
  now: number,
  reading: Reading = readingOf(stored),
): Usability {
  const age = correctedAge(stored, now);
  const { lifetime, staleWhileRevalidate, staleIfError, saysHowStale, mustRevalidate } = windowsOf(
    stored,
    reading,
    policy,
  );
  return { age, lifetime, staleWhileRevalidate, staleIfError, saysHowStale, mustRevalidate };
}

/** Beyond its own windows: what a degradation level or an operator may still want of it. */
const LONGER_GRACE = 10;

/** Past its windows an answer with a validator may be asked about (RFC 9111 section 4.3), which spares its body. */
const ASKED_ABOUT = 3_600_000;

/** From when on a stored answer is of no use, be the windows stretched tenfold. */
export function usefulUntil(stored: StoredHead, policy: CachePolicy, reading: Reading): number {
  const { lifetime, staleWhileRevalidate, staleIfError } = windowsOf(stored, reading, policy);
  const windows = Math.max(staleWhileRevalidate, staleIfError) * LONGER_GRACE;
  const grace = validators(stored).length > 0 ? Math.max(windows, ASKED_ABOUT) : windows;
  return stored.receivedAt + Math.max(0, lifetime - stored.initialAge) + grace;
}
