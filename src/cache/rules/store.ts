/** Whether an answer may be stored (RFC 9111 section 3). */
import type { CachePolicy, CacheRequest, CacheResponse, NotStored, StoreVerdict } from "../rules.ts";
import { hasHeader, joinedHeader, withoutHeaders } from "../../core/headers.ts";
import { parseDate } from "./date.ts";
import { audienceOf, withheldFrom, type AudienceOptions } from "./audience.ts";
import { readDirectives } from "./directives.ts";
import { firstLine, hopByHop } from "./fields.ts";
import { allowsGuess, hasExplicitLifetime, isOperators, isProvoked } from "./lifetime.ts";
import { spanOf } from "./partial.ts";
import { readRuling, type Ruling } from "./targeted.ts";
import { varyNames } from "./vary.ts";

export interface StoreOptions extends AudienceOptions {
  /** What to do with an answer that sets a cookie. Default: "refuse". */
  readonly setCookie?: "store" | "refuse";
}

/** Statuses whose caching rules are met here: what `must-understand` asks for (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411,
  412, 415, 417, 421, 422, 423, 424, 425, 426, 428, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 511,
]);

/** Answers one client can provoke for all others: not even with explicit freshness. */
const NEVER: ReadonlySet<number> = new Set([400, 413, 414, 429, 431]);

/** A stored answer is one of a final status; 304 is about another answer, 416 about one request's range. */
const isStorable = (status: number): boolean =>
  Number.isInteger(status) && status >= 200 && status <= 599 && status !== 304 && status !== 416 && !NEVER.has(status);

/** What forbids storing, whatever the lifetime. */
function forbidden(
  request: CacheRequest,
  response: CacheResponse,
  { directives }: Ruling,
  options: StoreOptions,
): NotStored | undefined {
  const understood = UNDERSTOOD.has(response.status);
  // must-understand stands in for no-store where it is met, and forbids where it is not.
  if (directives.noStore && !(directives.mustUnderstand && understood)) return "no-store";
  if (directives.private) return "private";
  if (directives.unreadable) return "unreadable";
  if (directives.mustUnderstand && !understood) return "status";
  if (varyNames(response) === undefined) return "vary-star";
  if (hasHeader(response.headers, "set-cookie") && options.setCookie !== "store") return "set-cookie";
  return withheldFrom(request, audienceOf(directives), options);
}

function forbiddenByRequest(request: CacheRequest): NotStored | undefined {
  const directives = readDirectives(joinedHeader(request.headers, "cache-control"));
  if (directives.noStore) return "request-no-store";
  return directives.unreadable ? "unreadable" : undefined;
}

const hasLastModified = (headers: readonly string[]): boolean =>
  parseDate(firstLine(headers, "last-modified") ?? "", 0) !== undefined;

/** RFC 9111 section 3, last point; `no-cache` with a validator is worth storing, to be asked about each time. */
function hasUse(response: CacheResponse, ruling: Ruling, policy: CachePolicy): boolean {
  const { status, headers } = response;
  if (isOperators(policy, status) || hasExplicitLifetime(headers, ruling)) return true;
  if (!allowsGuess(status, ruling)) return false;
  return hasLastModified(headers) || (ruling.directives.noCache && hasHeader(headers, "etag"));
}

/** A 206 is kept where a part was asked for and it is one whose place is known. */
const isPartAskedFor = (request: CacheRequest, headers: readonly string[]): boolean =>
  hasHeader(request.headers, "range") && spanOf(headers) !== undefined;

/** An answer that only says it cannot be kept may go to those who wait for it; a refusal of one client may not. */
const isPersonal = (reason: NotStored, status: number): boolean =>
  reason !== "no-freshness" || (status < 500 && isProvoked(status));

const refuse = (reason: NotStored, status: number): StoreVerdict => ({
  store: false,
  reason,
  personal: isPersonal(reason, status),
});

/**
 * Whether an answer may be stored for others, by its head and that of the request. An operator's `ttl` stands in for
 * missing freshness, for the statuses it is for; it overrides nothing that is about privacy.
 */
export function judgeStore(
  request: CacheRequest,
  response: CacheResponse,
  policy: CachePolicy,
  options: StoreOptions = {},
): StoreVerdict {
  const { status, headers } = response;
  if (request.method !== "GET") return refuse("method", status);
  if (status === 206 && !isPartAskedFor(request, headers)) return refuse("partial", status);
  if (!isStorable(status)) return refuse("status", status);
  const ruling = readRuling(headers);
  const reason = forbiddenByRequest(request) ?? forbidden(request, response, ruling, options);
  if (reason) return refuse(reason, status);
  if (!hasUse(response, ruling, policy)) return refuse("no-freshness", status);
  const left = new Set([...hopByHop(headers), ...ruling.directives.withheld]);
  return { store: true, headers: withoutHeaders(headers, left) };
}
