/** Freshness lifetimes (RFC 9111 section 4.2), by the fields of an answer alone. Durations are milliseconds. */
import type { CachePolicy, CacheResponse } from "../rules.ts";
import { hasHeader } from "../../core/headers.ts";
import { parseDate } from "./date.ts";
import { fieldLines, firstLine } from "./fields.ts";
import type { Ruling } from "./targeted.ts";

const DAY = 86_400_000;

/** No guess lives longer than this. */
const LONGEST_GUESS = DAY;

/** RFC 9110 section 15.1, less the errors of {@link isProvoked}. */
const HEURISTIC: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 308, 404, 410]);

/** Statuses an operator's `ttl` is for. */
const OPERATOR: ReadonlySet<number> = new Set([200, 203, 206, 301, 308, 404, 410]);

const PROVOKED: ReadonlySet<number> = new Set([400, 403, 405, 413, 414, 429, 431]);

/** An error that one client may have caused for all others, or a failure: never kept on a guess, nor for long. */
export const isProvoked = (status: number): boolean => status >= 500 || PROVOKED.has(status);

/** Whether the operator's `ttl` decides on an answer of this status; if not, the origin's fields do. */
export const isOperators = (policy: CachePolicy, status: number): boolean =>
  policy.by === "operator" && OPERATOR.has(status);

/** RFC 9111 section 3: whether the origin says how long the answer may be used, be it not at all. */
export const hasExplicitLifetime = (headers: readonly string[], { directives, targeted }: Ruling): boolean =>
  directives.maxAge !== undefined || directives.sMaxAge !== undefined || (!targeted && hasHeader(headers, "expires"));

/** RFC 9111 section 4.2.2: whether a guess is allowed for this status; `public` allows it for others. */
export const allowsGuess = (status: number, { directives }: Ruling): boolean =>
  !isProvoked(status) && (HEURISTIC.has(status) || directives.public);

/** `Date` of an answer; `receivedAt` when it is missing or no date (RFC 9110 section 6.6.1). */
export function dateOf(headers: readonly string[], receivedAt: number): number {
  const text = firstLine(headers, "date");
  return (text === undefined ? undefined : parseDate(text, receivedAt)) ?? receivedAt;
}

/** RFC 9111 section 5.3: what is no date, or comes twice, is in the past. */
function expiresLifetime(headers: readonly string[], receivedAt: number): number | undefined {
  const lines = fieldLines(headers, "expires");
  if (lines.length === 0) return undefined;
  const expires = lines.length === 1 ? parseDate(lines[0]!.trim(), receivedAt) : undefined;
  return expires === undefined ? 0 : Math.max(0, expires - dateOf(headers, receivedAt));
}

/** A tenth of the time since the last change, a day at most; 0 without a valid `Last-Modified` in the past. */
function guess(headers: readonly string[], receivedAt: number): number {
  const text = firstLine(headers, "last-modified");
  const modified = text === undefined ? undefined : parseDate(text, receivedAt);
  if (modified === undefined) return 0;
  return Math.min(LONGEST_GUESS, Math.max(0, (dateOf(headers, receivedAt) - modified) / 10));
}

/** The origin's lifetime (RFC 9111 section 4.2.1): s-maxage, max-age, Expires, and at last a guess. 0 means stale at once. */
export function originLifetime(response: CacheResponse, ruling: Ruling, receivedAt: number): number {
  const { directives, targeted } = ruling;
  const stated = directives.sMaxAge ?? directives.maxAge;
  if (stated !== undefined) return stated;
  const expires = targeted ? undefined : expiresLifetime(response.headers, receivedAt);
  if (expires !== undefined) return expires;
  return allowsGuess(response.status, ruling) ? guess(response.headers, receivedAt) : 0;
}
