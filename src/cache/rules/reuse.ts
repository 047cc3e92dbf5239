/** What a stored answer is to a request (RFC 9111 section 4), the secondary key being the same. */
import type { CachePolicy, CacheRequest, ReuseVerdict, StoredHead, Usability } from "../rules.ts";
import { joinedHeader } from "../../core/headers.ts";
import { readDirectives, type Directives } from "./directives.ts";
import { usability } from "./usability.ts";

const requestDirectives = (request: CacheRequest): Directives =>
  readDirectives(joinedHeader(request.headers, "cache-control"));

/** RFC 9111 section 5.2.1.7: the client wants what is stored or a 504, but no request to the dependency. */
export const onlyIfCached = (request: CacheRequest): boolean => requestDirectives(request).onlyIfCached;

/** RFC 9111 section 5.4: `Pragma: no-cache` counts only where there is no `Cache-Control`. */
function wantsNews(request: CacheRequest, directives: Directives): boolean {
  const control = joinedHeader(request.headers, "cache-control");
  if (control !== undefined) return directives.noCache;
  return readDirectives(joinedHeader(request.headers, "pragma")).noCache;
}

/** Whether the request asks for something younger than what is stored (RFC 9111 sections 5.2.1.1 to 5.2.1.4). */
function isTooOld(request: CacheRequest, directives: Directives, { age, lifetime }: Usability): boolean {
  if (wantsNews(request, directives)) return true;
  const { maxAge, minFresh } = directives;
  if (maxAge !== undefined && (age > maxAge || maxAge === 0)) return true;
  return minFresh !== undefined && lifetime - age < minFresh;
}

/** Whether a stale answer may go out while a refresh runs: by its own window, or because the client takes it stale. */
function mayGoStale(directives: Directives, usable: Usability): boolean {
  if (usable.mustRevalidate) return false;
  const staleness = usable.age - usable.lifetime;
  if (directives.maxStale !== undefined) return staleness <= directives.maxStale;
  // RFC 9111 section 5.2.1.1: who gives a max-age takes nothing stale.
  return directives.maxAge === undefined && staleness < usable.staleWhileRevalidate;
}

/**
 * What to do with a stored answer of this usability. `onError` says whether it may stand in when the dependency fails or
 * refuses: within its lifetime and `stale-if-error` window, and never when it must be revalidated. What a client wants
 * (`no-cache` and the like) does not take that away: it is a preference.
 */
export function judgeUsable(request: CacheRequest, usable: Usability): ReuseVerdict {
  const directives = requestDirectives(request);
  const onError = !usable.mustRevalidate && usable.age < usable.lifetime + usable.staleIfError;
  if (isTooOld(request, directives, usable)) return { use: "bypass", onError };
  if (usable.age < usable.lifetime) return { use: "fresh" };
  return mayGoStale(directives, usable) ? { use: "stale-while-revalidate" } : { use: "revalidate", onError };
}

/** {@link judgeUsable} for a stored answer at `now`. */
export const judgeReuse = (request: CacheRequest, stored: StoredHead, policy: CachePolicy, now: number): ReuseVerdict =>
  judgeUsable(request, usability(stored, policy, now));
