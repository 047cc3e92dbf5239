/** What the answer to a HEAD does to a stored answer to GET (RFC 9111 section 4.3.5). */
import type { CachePolicy, CacheResponse, StoredHead } from "../rules.ts";
import { readDigits } from "../../core/characters.ts";
import { entityTagOf } from "./conditional.ts";
import { firstLine, singleField } from "./fields.ts";
import { usability, type Reading } from "./usability.ts";

/** `same`: its fields are news of what is stored. `other`: what is stored is stale. `unknown`: it does not tell. */
export type HeadVerdict = "same" | "other" | "unknown";

/**
 * Whether a HEAD was about the stored answer, whose body has `length` octets: all of ETag, Last-Modified, Content-Length and
 * Content-Encoding that it has must be those stored. One that has neither a validator nor a length tells nothing of the body.
 */
export function judgeHead(stored: StoredHead, length: number, { status, headers }: CacheResponse): HeadVerdict {
  if (status !== 200) return "unknown";
  if (stored.status !== 200) return "other";
  const tag = entityTagOf(headers);
  const modified = firstLine(headers, "last-modified");
  const octets = firstLine(headers, "content-length");
  if (tag !== undefined && tag !== entityTagOf(stored.headers)) return "other";
  if (modified !== undefined && modified !== firstLine(stored.headers, "last-modified")) return "other";
  if (octets !== undefined && readDigits(octets) !== length) return "other";
  const coding = singleField(headers, "content-encoding");
  if (coding !== undefined && coding !== singleField(stored.headers, "content-encoding")) return "other";
  return tag === undefined && modified === undefined && octets === undefined ? "unknown" : "same";
}

/** The stored head as one whose lifetime ends at `now`, if it has not ended: stale windows count from then on. */
export function expiredHead(stored: StoredHead, policy: CachePolicy, now: number, reading: Reading): StoredHead {
  const { age, lifetime } = usability(stored, policy, now, reading);
  return age >= lifetime ? stored : { ...stored, receivedAt: stored.receivedAt - (lifetime - age) };
}
