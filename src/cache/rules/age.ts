/** Age of a stored answer (RFC 9111 section 4.2.3). Durations and times are milliseconds. */
import type { CacheResponse, StoredHead } from "../rules.ts";
import { hasHeader, joinedHeader } from "../../core/headers.ts";
import { trimBlanks } from "../../core/characters.ts";
import { formatDate } from "./date.ts";
import { readSeconds } from "./directives.ts";
import { dateOf } from "./lifetime.ts";

/** When an answer was asked for and when its head came. */
export interface Receipt {
  /** Both on the cache's own line of time. */
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** By the wall clock when the head came. */
  readonly wall: number;
}

/** RFC 9111 section 5.1: the first member that is a number of seconds, over all lines; 0 when there is none. */
export function ageField(headers: readonly string[]): number {
  const text = joinedHeader(headers, "age");
  if (text === undefined) return 0;
  for (const member of text.split(",")) {
    const age = readSeconds(trimBlanks(member));
    if (age !== undefined) return age;
  }
  return 0;
}

/**
 * corrected_initial_age: how old an answer was when it came. Of the wall clock and the line the one that makes it younger
 * is believed: after a step one of them is wrong, and what is really old says so in `Age`.
 */
export function initialAge(headers: readonly string[], { requestedAt, receivedAt, wall }: Receipt): number {
  const apparent = Math.max(0, Math.min(wall, receivedAt) - dateOf(headers, wall));
  const delay = Math.max(0, receivedAt - requestedAt);
  return Math.max(apparent, ageField(headers) + delay);
}

/** The head of an answer as it is kept. Without a `Date` it is given that of its coming (RFC 9110 section 6.6.1). */
export function storedHead({ status, headers }: CacheResponse, receipt: Receipt): StoredHead {
  const dated = hasHeader(headers, "date") ? [...headers] : [...headers, "Date", formatDate(receipt.wall)];
  return { status, headers: dated, initialAge: initialAge(headers, receipt), receivedAt: receipt.receivedAt };
}

/** current_age. */
export const correctedAge = ({ initialAge: initial, receivedAt }: StoredHead, now: number): number =>
  initial + Math.max(0, now - receivedAt);
