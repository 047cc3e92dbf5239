import { StreamedBody, type Body, type BodySource, type Sink } from "../../core/body.ts";
import { hasHeader, type HeaderList } from "../../core/headers.ts";
import type { Served } from "../../core/outcome.ts";
import type { Entry } from "../entry.ts";
import { entityTagOf } from "../rules/conditional.ts";
import { isStrong } from "../rules/entity-tag.ts";
import { gapOf, headOfSpan, joinedSpan, lengthOf, spanOf, type Octets, type Span } from "../rules/partial.ts";
import { readRange } from "../rules/range.ts";
import type { CacheRequest } from "../rules.ts";

/** What is wanted, the part of it that is kept, and what is missing in between. */
export interface Completion {
  readonly part: Entry;
  readonly wanted: Span;
  readonly gap: Octets;
  /** The strong entity tag of the part. */
  readonly tag: string;
}

/** How a kept part can be made what a request wants by asking for one more; undefined: it cannot. */
export function completionOf(part: Entry, request: CacheRequest): Completion | undefined {
  const { head } = part;
  const span = spanOf(head.headers);
  const tag = entityTagOf(head.headers);
  if (!span || tag === undefined || !isStrong(tag)) return undefined;
  const { complete } = span;
  const range = readRange(request, { ...head, status: 200 }, complete);
  if (range.kind === "unsatisfiable" || (range.kind === "none" && hasHeader(request.headers, "range")))
    return undefined;
  const { first, last } = range.kind === "one" ? range : { first: 0, last: complete - 1 };
  const gap = gapOf(span, { first, last });
  return gap && { part, wanted: { first, last, complete }, gap, tag };
}

/** The part of the request that asks for what is missing, if nothing has changed (RFC 9110 section 13.1.5). */
export const missing = ({ gap, tag }: Completion): HeaderList => [
  "Range",
  `bytes=${gap.first}-${gap.last}`,
  "If-Range",
  tag,
];

/**
 * What is wanted, made of the part that is kept and of the answer (RFC 9111 section 3.4); undefined when the two do not
 * belong together. The body fails when it is not as long as the gap.
 */
export function completed({ part, wanted, gap }: Completion, served: Served): Served | undefined {
  const came = served.status === 206 ? spanOf(served.headers) : undefined;
  if (!came || came.first !== gap.first || came.last !== gap.last || !joinedSpan(part.head, served)) return undefined;
  const missed = lengthOf(came);
  if (served.body.length !== undefined && served.body.length !== missed) return undefined;
  const { first } = spanOf(part.head.headers)!;
  const ends =
    gap.first > wanted.first
      ? { before: part.body.subarray(wanted.first - first), after: NOTHING }
      : { before: NOTHING, after: part.body.subarray(0, wanted.last - first + 1) };
  const { status, headers } = headOfSpan(served, wanted, part.head);
  return { ...served, status, headers, body: new SplicedBody(served.body, missed, ends).out };
}

const NOTHING = Buffer.alloc(0);

/** Octets that are here, before and after those of a body that is to be of a certain length. */
class SplicedBody implements Sink, BodySource {
  readonly out: StreamedBody;
  readonly #inner: Body;
  readonly #after: Buffer;
  #left: number;
  #paused = false;

  constructor(inner: Body, length: number, { before, after }: { readonly before: Buffer; readonly after: Buffer }) {
    this.#inner = inner;
    this.#after = after;
    this.#left = length;
    this.out = new StreamedBody(this, before.length + length + after.length);
    if (before.length > 0) this.out.push(before);
    inner.pipe(this);
  }

  write(chunk: Buffer): boolean {
    this.#left -= chunk.length;
    if (this.#left < 0) {
      const error = new Error("more octets came than were asked for");
      this.#inner.cancel(error);
      this.out.fail(error);
      return true;
    }
    this.out.push(chunk);
    return !this.#paused;
  }

  end(): void {
    if (this.#left > 0) return this.out.fail(new Error(`${this.#left} octets of those asked for did not come`));
    if (this.#after.length > 0) this.out.push(this.#after);
    this.out.finish();
  }

  fail(error: Error): void {
    this.out.fail(error);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#inner.resume();
  }

  cancel(reason: Error): void {
    this.#inner.cancel(reason);
  }
}
