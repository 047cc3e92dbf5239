import type { Entry } from "../entry.ts";
import type { Usability } from "../rules.ts";
import { readingOf } from "../rules/usability.ts";
import type { Settled } from "../tags/backplane.ts";

/** How long a value may be used. Milliseconds, the two windows counted from the end of `ttl`. */
export interface Lifetimes {
  readonly ttl: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

/** The facts of a value that is to be kept. */
export interface Making extends Lifetimes {
  readonly url: string;
  readonly tags: readonly string[];
  /** Of the ledger, when its load began. */
  readonly position: number;
  /** On the cache's line of time, when it was there. */
  readonly receivedAt: number;
  /** Milliseconds that its load took. */
  readonly buildMs: number;
  /** See {@link Entry.fence}. */
  readonly fence: number;
}

const FIELD = "Lifetimes";

/**
 * A value as the entry that tiers keep: its octets are the body, its lifetimes a field, so that every process that finds
 * it uses what is left of them.
 */
export function makeEntry(body: Buffer, making: Making): Entry {
  const { url, tags, position, receivedAt, buildMs, fence, ttl, staleWhileRevalidate, staleIfError } = making;
  const headers = [FIELD, `${ttl} ${staleWhileRevalidate} ${staleIfError}`];
  const head = { status: 200, headers, initialAge: 0, receivedAt };
  return {
    head,
    reading: readingOf(head),
    vary: "",
    variant: "",
    body,
    url,
    tags,
    position,
    origin: 0,
    fence,
    buildMs,
    keepUntil: receivedAt + ttl + Math.max(staleWhileRevalidate, staleIfError),
  };
}

/** How a kept value may be used at `now`. One that was purged softly, or of which it is not known, is past its `ttl`. */
export function usabilityOf({ head }: Entry, standing: Settled["standing"], now: number): Usability {
  const [ttl = 0, staleWhileRevalidate = 0, staleIfError = 0] = (head.headers[1] ?? "").split(" ").map(Number);
  const age = Math.max(0, now - head.receivedAt);
  const lifetime = standing === "current" ? ttl : Math.min(ttl, age);
  return { age, lifetime, staleWhileRevalidate, staleIfError, saysHowStale: true, mustRevalidate: false };
}
