import type { Departure, Exchange } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import type { Handler } from "../core/stage.ts";
import { formatTraceparent } from "../core/trace.ts";
import type { WarmMode } from "../core/warming.ts";
import type { Head } from "./fields.ts";
import { forwardingFields, type Hop } from "./forwarding.ts";
import type { Judgement } from "./judge.ts";

/** A GET that the gateway makes of itself. */
export interface OwnRequest {
  readonly scheme: "http" | "https";
  /** As in a Host field. */
  readonly host: string;
  /** In origin form. */
  readonly target: string;
  /** End-to-end fields. */
  readonly headers: HeaderList;
  readonly warms: WarmMode;
  readonly departure: Departure;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** Our name in Via and CDN-Loop. */
  readonly name: string;
}

export type OwnExchange =
  | { readonly kind: "ok"; readonly exchange: Exchange; readonly handler: Handler }
  | { readonly kind: "bad"; readonly detail: string };

const ADDRESS = "127.0.0.1";
const NOTHING_BEFORE: Head = {
  endToEnd: [],
  host: undefined,
  contentLength: undefined,
  chunked: false,
  expectsContinue: false,
  upgrade: undefined,
  websocketKey: undefined,
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
  forwarded: undefined,
  via: undefined,
  cdnLoop: undefined,
  requestId: undefined,
  traceparent: undefined,
  tracestate: undefined,
  trustedOnly: undefined,
  urgency: undefined,
};

/** The exchange it is, as if a client without any trust had sent it, in class `bulk`; and what answers it. */
export function ownExchange(judgement: Judgement, own: OwnRequest): OwnExchange {
  const { scheme, departure, startedAt, name } = own;
  const host = judgement.readHost(own.host, scheme);
  if (host.kind === "bad") return host;
  const { authority } = host;
  const judged = judgement.readTarget(own.target, "GET", authority, scheme);
  if (judged.kind !== "ok") {
    return { kind: "bad", detail: judged.kind === "bad" ? judged.detail : "is no path" };
  }
  const { target, path, query } = judged;
  const match = judgement.match(authority, path, "GET");
  if (match.kind !== "found") {
    const detail = match.kind === "none" ? "no route matches this host and path" : "its route takes no GET";
    return { kind: "bad", detail };
  }
  const { value: route, params } = match;
  const trace = judgement.trace(undefined);
  const hop: Hop = { peer: ADDRESS, peerTrusted: false, scheme, version: "1.1" };
  const ours = ["x-request-id", trace.traceId, "traceparent", formatTraceparent(trace)];
  const headers = [...own.headers, ...forwardingFields(hop, NOTHING_BEFORE, authority, name), ...ours];
  const exchange: Exchange = {
    id: trace.traceId,
    startedAt,
    method: "GET",
    target,
    path,
    query,
    scheme,
    authority,
    headers,
    client: { address: ADDRESS, trusted: false },
    route: route.facts,
    params,
    class: "bulk",
    tenant: ADDRESS,
    cohort: 0,
    deadline: Number.POSITIVE_INFINITY,
    body: undefined,
    trace,
    departure,
    interim() {},
    upgrade: undefined,
    warms: own.warms,
    handOn: undefined,
  };
  return { kind: "ok", exchange, handler: route.handler };
}
