/** Parts of an answer: what a 206 is a part of, and when two of them are one (RFC 9111 sections 3.3 and 3.4). */
import type { CacheResponse } from "../rules.ts";
import { withoutHeaders } from "../../core/headers.ts";
import { readDigits } from "../../core/characters.ts";
import { entityTagOf } from "./conditional.ts";
import { stronglyEqual } from "./entity-tag.ts";
import { singleField } from "./fields.ts";

/** Octets `first` to `last`, both included, of `complete` in all. */
export interface Span {
  readonly first: number;
  readonly last: number;
  readonly complete: number;
}

const DIGITS_AT_MOST = 15;

function readCount(text: string): number | undefined {
  return text.length > DIGITS_AT_MOST ? undefined : readDigits(text);
}

/**
 * `Content-Range` of a single part (RFC 9110 section 14.4). Undefined when it is absent, comes twice, is of another unit,
 * does not say how long the whole is, or contradicts itself.
 */
export function spanOf(headers: readonly string[]): Span | undefined {
  const text = singleField(headers, "content-range")?.trim() ?? "";
  if (text.slice(0, 6).toLowerCase() !== "bytes ") return undefined;
  const dash = text.indexOf("-");
  const slash = text.indexOf("/");
  if (dash < 0 || slash < dash) return undefined;
  const first = readCount(text.slice(6, dash));
  const last = readCount(text.slice(dash + 1, slash));
  const complete = readCount(text.slice(slash + 1));
  if (first === undefined || last === undefined || complete === undefined) return undefined;
  return first <= last && last < complete ? { first, last, complete } : undefined;
}

export const lengthOf = ({ first, last }: Span): number => last - first + 1;

const isWhole = ({ first, last, complete }: Span): boolean => first === 0 && last === complete - 1;

/**
 * What two parts are together: of one representation by the same strong entity tag and length, with no gap between them.
 * Undefined: they are not to be combined.
 */
export function joinedSpan(before: CacheResponse, after: CacheResponse): Span | undefined {
  const one = spanOf(before.headers);
  const other = spanOf(after.headers);
  const tag = entityTagOf(before.headers);
  if (!one || !other || tag === undefined || one.complete !== other.complete) return undefined;
  if (!stronglyEqual(tag, entityTagOf(after.headers) ?? "")) return undefined;
  if (one.first > other.last + 1 || other.first > one.last + 1) return undefined;
  return { first: Math.min(one.first, other.first), last: Math.max(one.last, other.last), complete: one.complete };
}

/** Octets `first` to `last`, both included. */
export type Octets = Pick<Span, "first" | "last">;

/**
 * The one run of octets of `wanted` that `part` does not have: from where it ends, or up to where it begins. Undefined when
 * nothing is missing, when they share no octet, or when something is missing on both sides.
 */
export function gapOf(part: Octets, wanted: Octets): Octets | undefined {
  const holds = (at: number): boolean => at >= part.first && at <= part.last;
  if (holds(wanted.first) === holds(wanted.last)) return undefined;
  return holds(wanted.first)
    ? { first: part.last + 1, last: wanted.last }
    : { first: wanted.first, last: part.first - 1 };
}

const OF_A_PART = ["content-length", "content-range"];

/**
 * The head of what is kept of `span`: the newer fields in place of those of the same name, and 200 in place of 206 once
 * nothing is missing. Without `before` that of `after` alone.
 */
export function headOfSpan<Head extends CacheResponse>(after: Head, span: Span, before?: CacheResponse): Head {
  const dropped = new Set(OF_A_PART);
  const newer = withoutHeaders(after.headers, dropped);
  for (let i = 0; i < newer.length; i += 2) dropped.add(newer[i]!.toLowerCase());
  const headers = before ? [...withoutHeaders(before.headers, dropped), ...newer] : newer;
  const whole = isWhole(span);
  if (!whole) headers.push("Content-Range", `bytes ${span.first}-${span.last}/${span.complete}`);
  headers.push("Content-Length", String(lengthOf(span)));
  return { ...after, status: whole ? 200 : 206, headers };
}
