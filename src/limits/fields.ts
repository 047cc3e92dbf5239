/**
 * What clients are told of their quota: draft-ietf-httpapi-ratelimit-headers-10. Names of rules need no escaping: they are
 * letters, digits, `_`, `.` and `-`.
 */
import type { Taken } from "./counter.ts";
import type { Rule } from "./settings.ts";

/** Its members of `RateLimit-Policy`. `t` and `w` are whole seconds. */
export function policyOf({ name, limit, window, concurrent }: Rule): readonly string[] {
  const rate = limit === undefined || window === undefined ? [] : [`"${name}";q=${limit};w=${window / 1000}`];
  const both = rate.length > 0;
  const seats = concurrent === undefined ? [] : [`"${seatsName(name, both)}";q=${concurrent};qu="concurrent-requests"`];
  return [...rate, ...seats];
}

/** Of a rule that has both, the cap has a name of its own. */
const seatsName = (name: string, both: boolean): string => (both ? `${name}.concurrent` : name);

/** A member of `RateLimit`: what is left, and the time after which all of it is back. */
export const stateOf = (name: string, { remaining, resetMs }: Taken): string =>
  `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
