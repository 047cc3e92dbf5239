import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { isIPv6 } from "node:net";
import type { Exchange, RouteFacts, Standing, TraceContext } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import { refused, type Refused } from "../core/outcome.ts";
import type { Soon } from "../core/soon.ts";
import type { Handler } from "../core/stage.ts";
import type { Connection } from "./connection.ts";
import type { Head } from "./fields.ts";
import { isLoop } from "./forwarding.ts";
import { isHttp2 } from "./protocol.ts";

/** A route as the edge sees it. */
export interface EdgeRoute {
  readonly facts: RouteFacts;
  readonly handler: Handler;
  /**
   * Who comes first, by the request and its fields that say how urgent it is (names in lower case; undefined: there are
   * none). A promise only where a token has to be verified.
   */
  readonly stand: (
    request: Pick<Exchange, "method" | "target" | "headers" | "client">,
    urgency: HeaderList | undefined,
  ) => Soon<Standing>;
  readonly websocket: boolean;
  /** Milliseconds that no deadline of a client is longer than. */
  readonly longest: number;
}

/** Until when a client waits for its answer. */
export interface Deadline {
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Lower-case names of the fields that told it. */
  readonly fields: readonly string[];
}

export type EdgeMatch =
  | { readonly kind: "found"; readonly value: EdgeRoute; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: "wrong-method"; readonly allow: readonly string[] }
  | { readonly kind: "none" };

/** How requests are judged before any stage sees them. Given from outside: the edge knows no routes. */
export interface Judgement {
  readHost(
    value: string,
    scheme: "http" | "https",
  ): { kind: "ok"; authority: string } | { kind: "bad"; detail: string };
  readTarget(
    raw: string,
    method: string,
    authority: string,
    scheme: "http" | "https",
  ):
    | { kind: "ok"; target: string; path: string; query: string }
    | { kind: "asterisk" }
    | { kind: "bad"; detail: string };
  match(authority: string, path: string, method: string): EdgeMatch;
  trusts(address: string): boolean;
  clientAddress(peer: string, forwardedFor: string | undefined, forwarded: string | undefined): string;
  trace(traceparent: string | undefined): TraceContext;
  /** What such fields say at `now`; undefined: nothing that can be read. */
  deadline(fields: readonly string[], now: number): Deadline | undefined;
  /** A tenant's place inside its class, 0 to 127, at `now`. */
  cohortOf(tenant: string, now: number): number;
  /** A dependency worked so many milliseconds for a tenant, up to `now`. */
  used(tenant: string, ms: number, now: number): void;
}

/** A request that means one thing, and what the configuration says to it. */
export interface JudgedRequest {
  readonly kind: "judged";
  /** Origin-form, byte for byte. */
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly authority: string;
  readonly match: EdgeMatch;
}

export type Judged = JudgedRequest | { readonly kind: "asterisk" } | Refused;

/** Judges a request whose fields have been read. `ourName` is looked for in CDN-Loop. */
export function judge(
  judgement: Judgement,
  connection: Connection,
  request: IncomingMessage,
  head: Head,
  ourName: string,
): Judged {
  const method = request.method!;
  const { scheme } = connection.hop;
  if (!isHttp2(request) && request.httpVersion !== "1.1" && request.httpVersion !== "1.0") {
    return refused("malformed", `HTTP/${request.httpVersion} is not spoken here; use HTTP/1.1`);
  }
  if (method === "TRACE" || method === "CONNECT") {
    return refused("unsupported", `${method} is not carried by this gateway`);
  }
  const hostField = hostOf(request, head, connection);
  if (hostField === undefined) {
    return refused("malformed", "the request has no Host field, or one that contradicts :authority");
  }
  let authority = connection.authorityOf(hostField);
  if (authority === undefined) {
    const host = judgement.readHost(hostField, scheme);
    if (host.kind === "bad") return refused("malformed", host.detail);
    authority = host.authority;
    connection.rememberHost(hostField, authority);
  }
  const raw = (request as { originalUrl?: string }).originalUrl ?? request.url!;
  const target = judgement.readTarget(raw, method, authority, scheme);
  if (target.kind === "bad") return refused("malformed", target.detail);
  if (target.kind === "asterisk") return target;
  if (isLoop(head.cdnLoop, ourName)) {
    return refused("loop", "the request has passed this gateway already: look at its targets");
  }
  const { path, query } = target;
  const match = judgement.match(authority, path, method);
  return { kind: "judged", target: target.target, path, query, authority, match };
}

/** The refusal of a request that no route takes. */
export function unmatched(match: EdgeMatch): Refused {
  if (match.kind !== "wrong-method") return refused("no-route", "no route of this gateway matches this host and path");
  const allow = match.allow.join(", ");
  return refused("method-not-allowed", `this path takes ${allow}`, { headers: ["Allow", allow] });
}

/** The one host a request names; undefined when it names none or two. */
function hostOf(request: IncomingMessage, head: Head, connection: Connection): string | undefined {
  if (request.httpVersionMajor === 2) {
    const { authority } = request as unknown as Http2ServerRequest;
    if (authority && head.host !== undefined && head.host.toLowerCase() !== authority.toLowerCase()) return undefined;
    return authority || head.host;
  }
  if (head.host !== undefined || request.httpVersion !== "1.0") return head.host;
  const { localAddress, localPort } = connection.socket;
  return localAddress && `${isIPv6(localAddress) ? `[${localAddress}]` : localAddress}:${localPort}`;
}
