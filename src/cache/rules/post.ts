/** When the answer to a POST may stand for that to a later GET (RFC 9110 section 9.3.3). */
import type { CacheResponse } from "../rules.ts";
import { singleField } from "./fields.ts";
import { hasExplicitLifetime } from "./lifetime.ts";
import { readRuling } from "./targeted.ts";
import type { UnsafeTarget } from "./unsafe.ts";

/**
 * Whether a 200 says of itself that it is what a GET of the same target would have brought, and for how long. An
 * operator's `ttl` does not stand in for the latter.
 */
export function standsForGet(method: string, { status, headers }: CacheResponse, target: UnsafeTarget): boolean {
  if (method !== "POST" || status !== 200) return false;
  const location = singleField(headers, "content-location")?.trim();
  if (location === undefined || !hasExplicitLifetime(headers, readRuling(headers))) return false;
  const own = `${target.scheme}://${target.authority}${target.path}${target.query}`;
  return URL.canParse(location, own) && new URL(location, own).href === new URL(own).href;
}
