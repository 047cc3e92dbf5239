/** Conditional requests, those of clients and our own, and what a 304 does to a stored answer (RFC 9111 section 4.3). */
import type { CacheRequest, CacheResponse, StoredHead } from "../rules.ts";
import { joinedHeader, withoutHeaders, type HeaderList } from "../../core/headers.ts";
import { storedHead, type Receipt } from "./age.ts";
import { parseDate } from "./date.ts";
import { entityTags, isStrong, weaklyEqual } from "./entity-tag.ts";
import { firstLine, hopByHop, singleField } from "./fields.ts";
import { dateOf } from "./lifetime.ts";
import { readRuling } from "./targeted.ts";

/** `ETag` of an answer; undefined when it has none, or more than one. */
export function entityTagOf(headers: readonly string[]): string | undefined {
  const tag = singleField(headers, "etag")?.trim();
  return tag === "" ? undefined : tag;
}

/** `Last-Modified` of an answer, as a time; undefined when it is no date. */
export function lastModifiedOf({ headers, receivedAt }: StoredHead): number | undefined {
  const text = singleField(headers, "last-modified");
  return text === undefined ? undefined : parseDate(text.trim(), receivedAt);
}

function matchesTag(field: string, stored: StoredHead): boolean {
  const wanted = entityTags(field);
  if (wanted.includes("*")) return true;
  const tag = entityTagOf(stored.headers);
  return tag !== undefined && wanted.some((one) => weaklyEqual(one, tag));
}

/** RFC 9111 section 4.3.2: against `Last-Modified`, without one against `Date`. */
function isUnchangedSince(request: CacheRequest, stored: StoredHead): boolean {
  const text = singleField(request.headers, "if-modified-since");
  const since = text === undefined ? undefined : parseDate(text.trim(), stored.receivedAt);
  if (since === undefined) return false;
  return (lastModifiedOf(stored) ?? dateOf(stored.headers, stored.receivedAt)) <= since;
}

/**
 * Whether a client that is answered from `stored` has it already, and gets a 304. `If-None-Match` goes before
 * `If-Modified-Since` (RFC 9110 section 13.2.2); a condition that cannot be read does not hold. Only for GET and HEAD and a
 * stored 2xx (section 13.2.1).
 */
export function notModified(request: CacheRequest, stored: StoredHead): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  if (stored.status < 200 || stored.status > 299) return false;
  const tags = joinedHeader(request.headers, "if-none-match");
  return tags === undefined ? isUnchangedSince(request, stored) : matchesTag(tags, stored);
}

/** Fields that make a request to the dependency conditional on a stored answer; empty when it has no validator. */
export function validators(stored: StoredHead): HeaderList {
  const fields: HeaderList = [];
  const tag = entityTagOf(stored.headers);
  if (tag !== undefined) fields.push("If-None-Match", tag);
  const modified = firstLine(stored.headers, "last-modified");
  if (modified !== undefined && lastModifiedOf(stored) !== undefined) fields.push("If-Modified-Since", modified);
  return fields;
}

/** About the body a 304 has not. */
const BODY_FIELDS = ["content-length", "content-encoding", "content-type", "content-language", "content-range"];

/**
 * The fields of a stored answer that belong in a 304 made of it (RFC 9110 section 15.4.5). All but those about the body and
 * Set-Cookie: a browser checks some, as those of CORS, on the 304 itself.
 */
export const headersOf304 = (stored: StoredHead): HeaderList =>
  withoutHeaders(stored.headers, new Set([...hopByHop(stored.headers), ...BODY_FIELDS, "set-cookie"]));

/**
 * RFC 9111 section 4.3.4: whether a 304 is about this stored answer. Not when it has a strong entity tag that is another,
 * nor when it has a date of change that is another and no tag.
 */
export function isAbout(stored: StoredHead, response304: CacheResponse): boolean {
  const tag = entityTagOf(response304.headers);
  const own = entityTagOf(stored.headers);
  if (tag !== undefined && own !== undefined) return isStrong(tag) ? tag === own : weaklyEqual(tag, own);
  if (tag !== undefined) return !isStrong(tag);
  const modified = firstLine(response304.headers, "last-modified");
  return modified === undefined || own !== undefined || modified === firstLine(stored.headers, "last-modified");
}

/** RFC 9111 section 3.2, and Set-Cookie, which is one client's. The stored body keeps the type and coding it came with. */
const NEVER_MERGED = ["content-length", "content-encoding", "content-range", "content-type", "set-cookie"];

/**
 * The stored head after a 304 (RFC 9111 section 3.2): its fields take the place of those of the same name. Fields the 304
 * itself forbids to keep are left out. `Age` and `Date` are never those of the old answer: they would make it old at once.
 * The result has to be judged again: a 304 may say no-store.
 */
export function updated(stored: StoredHead, response304: CacheResponse, receipt: Receipt): StoredHead {
  const { withheld } = readRuling(response304.headers).directives;
  const dropped = new Set([...hopByHop(response304.headers), ...NEVER_MERGED, ...withheld]);
  const fresh = withoutHeaders(response304.headers, dropped);
  const replaced = new Set(["age", "date", ...withheld]);
  for (let i = 0; i < fresh.length; i += 2) replaced.add(fresh[i]!.toLowerCase());
  const headers = [...withoutHeaders(stored.headers, replaced), ...fresh];
  return storedHead({ status: stored.status, headers }, receipt);
}
