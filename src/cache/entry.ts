import { withoutHeaders, type HeaderList } from "../core/headers.ts";
import type { Reading } from "./rules/usability.ts";
import type { StoredHead } from "./rules.ts";

/** A kept answer. Never changed: a newer one takes its place. */
export interface Entry {
  readonly head: StoredHead;
  /** Of `head`: `readingOf(head)`. Not written to other tiers. */
  readonly reading: Reading;
  /** Its Vary field, lines joined; "" without one. */
  readonly vary: string;
  /** What the request that brought it had in the fields that `vary` names. */
  readonly variant: string;
  /** In an allocation of its own, of exactly its length. */
  readonly body: Buffer;
  /** `scheme://authority/path?query` of the request: what purges by URL, prefix and pattern look at. */
  readonly url: string;
  /** What it may be purged by: the route's tags, the origin's Surrogate-Key, `route:NAME`, `dependency:NAME`. */
  readonly tags: readonly string[];
  /** Where the ledger of purges stood when its load began: any later purge is about it. */
  readonly position: number;
  /** The ledger that `position` is of, as what came out of a tier tells; 0: the one of this process. */
  readonly origin: number;
  /** Order of writers across instances: a tier keeps the entry with the higher one. 0: by a process that knows of no other. */
  readonly fence: number;
  /** Milliseconds that the dependency took for it. */
  readonly buildMs: number;
  /** Time from which on it is of no use to anybody, stale or not. */
  readonly keepUntil: number;
  // What this process notes of it, and the only parts that change.
  /** When a request last came upon it. */
  usedAt?: number;
  /** Where its ready answer may be: see `ready.ts`. */
  readyAt?: number;
}

/** Octets beside texts and body: the objects, arrays, slots and typed array of one entry. */
const FIXED = 640;
/** Octets of a string's own header and its slot in the list. */
const A_STRING = 24;

/** Octets of memory that an entry takes up. */
export function sizeOf({ head, vary, variant, body, url, tags }: Entry): number {
  let size = FIXED + body.length + vary.length + variant.length + url.length;
  for (const tag of tags) size += tag.length + A_STRING;
  for (const text of head.headers) size += text.length + A_STRING;
  return size;
}

/** Takes over what came in pieces. A copy: a piece may be a part of a slab that it would keep alive. */
export function bodyOf(chunks: readonly Buffer[], length: number): Buffer {
  const body = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(body, at);
  return body;
}

const LENGTH: ReadonlySet<string> = new Set(["content-length"]);

/** The fields as they are kept: the length is that of the body, whatever framing it came in. */
export function keptHeaders(headers: HeaderList, length: number): HeaderList {
  const kept = withoutHeaders(headers, LENGTH);
  kept.push("Content-Length", String(length));
  return kept;
}
