import { wholeBody } from "../core/body.ts";
import { withoutHeaders } from "../core/headers.ts";
import type { CacheUse, Outcome, Served } from "../core/outcome.ts";
import type { Entry } from "./entry.ts";
import type { Dress } from "./presets.ts";
import { headersOf304, notModified } from "./rules/conditional.ts";
import { readRange } from "./rules/range.ts";
import { cacheStatus, type CacheStatus } from "./rules/status.ts";
import type { CacheRequest, StoredHead } from "./rules.ts";

const NOTHING = Buffer.alloc(0);

/** A kept answer for one request: whole, in part, its head alone, or that the client has it already. `age` in milliseconds. */
export function answerFrom({ head, body }: Entry, request: CacheRequest, age: number, dress?: Dress): Served {
  const now = aged(head, age, dress);
  const short = withoutBody(now, request);
  if (short) return { ...short, by: "cache" };
  const range = readRange(request, now, body.length);
  if (range.kind === "one") return partOf(now, body, range.first, range.last);
  if (range.kind === "unsatisfiable") {
    const headers = ["Content-Range", `bytes */${body.length}`, "Content-Length", "0"];
    return { kind: "served", status: 416, headers, body: wholeBody(NOTHING), by: "cache" };
  }
  return { kind: "served", status: head.status, headers: now.headers, body: wholeBody(body), by: "cache" };
}

const LENGTH: ReadonlySet<string> = new Set(["content-length"]);

function partOf(head: StoredHead, body: Buffer, first: number, last: number): Served {
  const part = body.subarray(first, last + 1);
  const headers = withoutHeaders(head.headers, LENGTH);
  headers.push("Content-Range", `bytes ${first}-${last}/${body.length}`, "Content-Length", String(part.length));
  return { kind: "served", status: 206, headers, body: wholeBody(part), by: "cache" };
}

/** The answer to who wants no body, or has it already; undefined: the body is due. */
export function withoutBody(head: StoredHead, request: CacheRequest): Omit<Served, "by"> | undefined {
  const same = notModified(request, head);
  if (!same && request.method !== "HEAD") return undefined;
  const body = wholeBody(NOTHING);
  return same
    ? { kind: "served", status: 304, headers: headersOf304(head), body }
    : { kind: "served", status: head.status, headers: head.headers, body };
}

const AGE: ReadonlySet<string> = new Set(["age"]);

/** The head as it goes out: with the `Age` it has now, in milliseconds. */
export function aged(head: StoredHead, age: number, dress?: Dress): StoredHead {
  const headers = withoutHeaders(head.headers, AGE);
  headers.push("Age", String(Math.max(0, Math.floor(age / 1000))));
  return { ...head, headers: dress ? dress(head.status, headers) : headers };
}

/** The outcome with what the cache has to say of it: for clients in Cache-Status, for logs and metrics in `cache`. */
export function told(outcome: Outcome, cache: CacheUse, status: CacheStatus): Outcome {
  if (outcome.kind === "handed-on" || outcome.kind === "tunnelled") return outcome;
  return { ...outcome, cache, headers: [...(outcome.headers ?? []), "Cache-Status", cacheStatus(status)] };
}
