/** Which part of a whole stored answer a request wants (RFC 9110 section 14). */
import type { CacheRequest, StoredHead } from "../rules.ts";
import { hasHeader } from "../../core/headers.ts";
import { readDigits, trimBlanks } from "../../core/characters.ts";
import { entityTagOf, lastModifiedOf } from "./conditional.ts";
import { parseDate } from "./date.ts";
import { stronglyEqual } from "./entity-tag.ts";
import { singleField } from "./fields.ts";
import { dateOf } from "./lifetime.ts";

export type RangeVerdict =
  /** The whole answer. */
  | { readonly kind: "none" }
  /** Octets `first` to `last`, both included. */
  | { readonly kind: "one"; readonly first: number; readonly last: number }
  | { readonly kind: "unsatisfiable" };

const NONE: RangeVerdict = { kind: "none" };
const UNSATISFIABLE: RangeVerdict = { kind: "unsatisfiable" };

/** RFC 9110 section 8.8.2.2: a date of change is a strong validator once it is this much older than the answer. */
const STRONG_AFTER = 1000;

/** RFC 9110 section 13.1.5: the part is only wanted of what the client has; weak validators do not tell. */
function holds(request: CacheRequest, stored: StoredHead): boolean {
  if (!hasHeader(request.headers, "if-range")) return true;
  const validator = singleField(request.headers, "if-range")?.trim();
  if (validator === undefined) return false;
  const tag = entityTagOf(stored.headers);
  if (validator.includes('"')) return tag !== undefined && stronglyEqual(validator, tag);
  const modified = lastModifiedOf(stored);
  if (modified === undefined || parseDate(validator, stored.receivedAt) !== modified) return false;
  return dateOf(stored.headers, stored.receivedAt) - modified >= STRONG_AFTER;
}

/** One range-spec (RFC 9110 section 14.1.2), not a list of them, of a body of `length` octets. */
function readSpec(spec: string, length: number): RangeVerdict {
  const dash = spec.indexOf("-");
  if (dash < 0) return NONE;
  const from = spec.slice(0, dash);
  const to = spec.slice(dash + 1);
  const end = readDigits(to);
  if (from === "") {
    if (end === undefined) return NONE;
    if (end === 0 || length === 0) return UNSATISFIABLE;
    return { kind: "one", first: Math.max(0, length - end), last: length - 1 };
  }
  const first = readDigits(from);
  if (first === undefined || (to !== "" && end === undefined)) return NONE;
  if (end !== undefined && end < first) return NONE;
  if (first >= length) return UNSATISFIABLE;
  return { kind: "one", first, last: Math.min(end ?? length - 1, length - 1) };
}

/**
 * The part of a stored answer of `length` octets that a request wants. "none" when it has no `Range`, one of another unit,
 * a malformed one or several: then the whole answer is right (RFC 9110 section 14.2). To be asked after `notModified`.
 */
export function readRange(request: CacheRequest, stored: StoredHead, length: number): RangeVerdict {
  const range = singleField(request.headers, "range");
  if (range === undefined || request.method !== "GET" || stored.status !== 200) return NONE;
  const equals = range.indexOf("=");
  if (equals < 0 || trimBlanks(range.slice(0, equals)).toLowerCase() !== "bytes") return NONE;
  if (!holds(request, stored)) return NONE;
  return readSpec(trimBlanks(range.slice(equals + 1)), length);
}
