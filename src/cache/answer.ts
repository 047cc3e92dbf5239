import { wholeBody } from "../core/body.ts";
import type { HeaderList } from "../core/headers.ts";
import type { CacheUse, Outcome, Served } from "../core/outcome.ts";
import type { Entry } from "./entry.ts";
import { headersOf304, notModified } from "./rules/conditional.ts";
import { cacheStatus, type CacheStatus } from "./rules/status.ts";
import type { CacheRequest, StoredHead } from "./rules.ts";

const NOTHING = Buffer.alloc(0);

/** A kept answer for one request: whole, its head alone, or that the client has it already. `age` in milliseconds. */
export function answerFrom({ head, body }: Entry, request: CacheRequest, age: number): Served {
  const aged = { ...head, headers: withAge(head.headers, age) };
  const short = withoutBody(aged, request);
  return short
    ? { ...short, by: "cache" }
    : { kind: "served", status: head.status, headers: aged.headers, body: wholeBody(body), by: "cache" };
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

function withAge(headers: HeaderList, age: number): HeaderList {
  const fields: HeaderList = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== "age") fields.push(headers[i]!, headers[i + 1]!);
  }
  fields.push("Age", String(Math.max(0, Math.floor(age / 1000))));
  return fields;
}

/** The outcome with what the cache has to say of it: for clients in Cache-Status, for logs and metrics in `cache`. */
export function told(outcome: Outcome, cache: CacheUse, status: CacheStatus): Outcome {
  if (outcome.kind === "handed-on" || outcome.kind === "tunnelled") return outcome;
  return { ...outcome, cache, headers: [...(outcome.headers ?? []), "Cache-Status", cacheStatus(status)] };
}
