import { wholeBody } from "../core/body.ts";
import { withoutHeaders } from "../core/headers.ts";
import type { Served } from "../core/outcome.ts";
import { aged, withoutBody } from "./answer.ts";
import type { Entry } from "./entry.ts";
import type { Dress } from "./presets.ts";
import { headOfSpan, joinedSpan, lengthOf, spanOf, type Span } from "./rules/partial.ts";
import { readRange } from "./rules/range.ts";
import { readingOf } from "./rules/usability.ts";
import type { CacheRequest, StoredHead } from "./rules.ts";

/** Under which the part that is kept of an answer stands, beside the answer's own key: no other key ends like this. */
export const partKey = (key: string): string => `${key}part|`;

/**
 * What is kept once a part has come: alone, or together with the part that was kept before, where that is of the same
 * representation and touches it. Its status is 200 when nothing is missing. Undefined when the body is not as long as
 * its `Content-Range` says: nobody knows which octets these are.
 */
export function withPart(entry: Entry, before: Entry | undefined, longest: number): Entry | undefined {
  const own = spanOf(entry.head.headers);
  if (!own || lengthOf(own) !== entry.body.length) return undefined;
  const joined = before && joinedSpan(before.head, entry.head);
  if (!before || !joined || lengthOf(joined) > longest) return { ...entry, ...headed(headOfSpan(entry.head, own)) };
  const body = Buffer.allocUnsafeSlow(lengthOf(joined));
  before.body.copy(body, spanOf(before.head.headers)!.first - joined.first);
  entry.body.copy(body, own.first - joined.first);
  const position = Math.min(before.position, entry.position);
  return { ...entry, ...headed(headOfSpan(entry.head, joined, before.head)), body, position };
}

const headed = (head: StoredHead): Pick<Entry, "head" | "reading"> => ({ head, reading: readingOf(head) });

const OF_A_PART: ReadonlySet<string> = new Set(["content-length", "content-range"]);

/** The answer to a request for a part, from a kept part; undefined when that has not all of it. `age` in milliseconds. */
export function answerFromPart(
  { head, body }: Entry,
  request: CacheRequest,
  age: number,
  dress?: Dress,
): Served | undefined {
  const span = spanOf(head.headers);
  const range = span && readRange(request, { ...head, status: 200 }, span.complete);
  if (!span || range?.kind !== "one" || !covers(span, range)) return undefined;
  const now = aged(head, age, dress);
  const short = withoutBody(now, request);
  if (short) return { ...short, by: "cache" };
  const part = body.subarray(range.first - span.first, range.last - span.first + 1);
  const headers = withoutHeaders(now.headers, OF_A_PART);
  headers.push("Content-Range", `bytes ${range.first}-${range.last}/${span.complete}`);
  headers.push("Content-Length", String(part.length));
  return { kind: "served", status: 206, headers, body: wholeBody(part), by: "cache" };
}

const covers = (span: Span, { first, last }: { first: number; last: number }): boolean =>
  first >= span.first && last <= span.last;
