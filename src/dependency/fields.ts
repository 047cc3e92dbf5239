import type { Clock } from "../core/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import { hasHeader, withoutHeaders, type HeaderList } from "../core/headers.ts";
import type { ForwardPolicy } from "./port.ts";
import { remainingFields } from "./remaining.ts";

/** Fields to take away (lower-case names) and then to put in. */
export interface HeaderEdits {
  readonly drop: ReadonlySet<string>;
  readonly set: HeaderList;
}

/** Fields of the request as the dependency gets them, without framing: what remains of a deadline is said anew. */
export function requestFields(policy: ForwardPolicy, exchange: Exchange, host: string, clock: Clock): HeaderList {
  const edits = policy.requestHeaders;
  const timed = exchange.deadline !== Number.POSITIVE_INFINITY;
  const headers = timed ? [...exchange.headers, ...remainingFields(exchange, clock)] : exchange.headers;
  if (!edits) return ["host", host, ...headers];
  const fields = editHeaders(headers, edits);
  return hasHeader(edits.set, "host") ? fields : ["host", host, ...fields];
}

/** A list with a route's edits applied. */
export function editHeaders(list: HeaderList, edits: HeaderEdits): HeaderList {
  const edited = withoutHeaders(list, edits.drop);
  edited.push(...edits.set);
  return edited;
}
