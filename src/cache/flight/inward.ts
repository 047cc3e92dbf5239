import type { Departure, Exchange } from "../../core/exchange.ts";
import { hasHeader, joinedHeader, withoutHeaders, type HeaderList } from "../../core/headers.ts";
import type { CacheRequest } from "../rules.ts";

/** What makes an answer depend on what the client already has, or less than the whole. */
const CONDITIONS: ReadonlySet<string> = new Set(["if-none-match", "if-modified-since", "range", "if-range"]);
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie"]);

/** The fields of a request for the whole, with `validators` of what is kept in place of the client's conditions. */
export const wholeFields = (headers: HeaderList, validators: HeaderList): HeaderList => [
  ...withoutHeaders(headers, CONDITIONS),
  ...validators,
];

/** The fields of a request that nobody sent: without any credentials. */
export const anonymousFields = (headers: HeaderList): HeaderList => withoutHeaders(headers, CREDENTIALS);

interface How {
  readonly bound?: boolean;
  readonly method?: "GET" | "HEAD";
  readonly standIn?: boolean;
}

/**
 * The exchange that fetches what `exchange` asks for, in the name of everyone who waits: with these fields, and a GET
 * unless `how` says otherwise. It departs when nobody waits, and ends with the deadline of `exchange` only when it is `bound` to it.
 */
export function inward(
  exchange: Exchange,
  departure: Departure,
  headers: HeaderList,
  { bound = false, method = "GET", standIn = false }: How = {},
): Exchange {
  const { id, startedAt, target, path, query, scheme, authority, client, route, params, trace } = exchange;
  const facts = { id, startedAt, target, path, query, scheme, authority, client, route, params, trace };
  return {
    ...facts,
    method,
    headers,
    standIn,
    class: exchange.class,
    tenant: exchange.tenant,
    cohort: exchange.cohort,
    deadline: bound ? exchange.deadline : Number.POSITIVE_INFINITY,
    deadlineFields: bound ? exchange.deadlineFields : undefined,
    body: undefined,
    departure,
    interim: (status, fields) => exchange.interim(status, fields),
    upgrade: undefined,
    handOn: undefined,
  };
}

/** Requests with credentials: what they get is never shared while it flows. */
export const hasCredentials = ({ headers }: CacheRequest): boolean =>
  hasHeader(headers, "authorization") || hasHeader(headers, "cookie");

/** Whether it can be answered by what is kept, in whole or in part: no body, and no condition for the dependency. */
export const isPlain = ({ headers, body }: Exchange): boolean =>
  body === undefined && !hasHeader(headers, "if-match") && !hasHeader(headers, "if-unmodified-since");

/** Whether the client forbids that its answer is kept: then it is fetched for it alone. */
export const forbidsKeeping = ({ headers }: Exchange): boolean =>
  /no-store/i.test(joinedHeader(headers, "cache-control") ?? "");
