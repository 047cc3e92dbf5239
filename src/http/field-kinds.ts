export const PLAIN = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const HOP = 5; // hop-by-hop: dropped
export const UPGRADE = 6;
export const EXPECT = 7;
export const FORWARDED_FOR = 8;
export const FORWARDED_PROTO = 9;
export const FORWARDED_HOST = 10;
export const FORWARDED = 11;
export const VIA = 12;
export const CDN_LOOP = 13;
export const REQUEST_ID = 14;
export const TRACEPARENT = 15;
export const TRACESTATE = 16;
export const TRUSTED_ONLY = 17;
export const WEBSOCKET_KEY = 18;
export const PSEUDO = 19; // HTTP/2 pseudo field
export const LOOKALIKE = 20; // a guarded name spelt with "_"
export const ASIDE = 21; // says how urgent a request is, to us: dropped, and told anew where it goes on
export const NOTED = 22; // says how urgent a request is, to us and to the dependency

const KINDS: ReadonlyMap<string, number> = new Map([
  ["host", HOST],
  ["content-length", CONTENT_LENGTH],
  ["transfer-encoding", TRANSFER_ENCODING],
  ["connection", CONNECTION],
  ["keep-alive", HOP],
  ["proxy-connection", HOP],
  ["proxy-authorization", HOP],
  ["proxy-authenticate", HOP],
  ["te", HOP],
  ["trailer", HOP],
  ["http2-settings", HOP],
  ["proxy", HOP], // CGI servers make HTTP_PROXY of it ("httpoxy")
  ["upgrade", UPGRADE],
  ["expect", EXPECT],
  ["x-forwarded-for", FORWARDED_FOR],
  ["x-forwarded-proto", FORWARDED_PROTO],
  ["x-forwarded-host", FORWARDED_HOST],
  ["forwarded", FORWARDED],
  ["via", VIA],
  ["cdn-loop", CDN_LOOP],
  ["x-request-id", REQUEST_ID],
  ["traceparent", TRACEPARENT],
  ["tracestate", TRACESTATE],
  ["sec-websocket-key", WEBSOCKET_KEY],
  ["x-request-timeout-ms", ASIDE],
  ["x-request-deadline", ASIDE],
  ["grpc-timeout", ASIDE],
  ["x-envoy-expected-rq-timeout-ms", ASIDE],
  ["spillway-class", ASIDE],
  ["priority", NOTED],
  ["x-retry-attempt", NOTED],
  ["x-envoy-attempt-count", NOTED],
  ...[
    "client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded-for",
    "x-forwarded",
    "x-forwarded-for-original",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-scheme",
    "x-url-scheme",
    "x-http-host-override",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
    "true-client-ip",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "front-end-https",
  ].map((name): [string, number] => [name, TRUSTED_ONLY]),
]);

/** Fields whose meaning is ours or the end points': a client may not have them stripped by naming them in Connection. */
export const NEVER_NAMED: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
  "content-type",
]);

const kindOf = (lower: string): number => {
  const kind = KINDS.get(lower);
  if (kind !== undefined) return kind;
  if (lower.startsWith("x-forwarded-") || lower.startsWith("spillway-")) return TRUSTED_ONLY;
  if (lower.charCodeAt(0) === 0x3a) return PSEUDO;
  return PLAIN;
};

/** The kind of a field as spelt. A guarded name with "_" for "-" is a lookalike: CGI and WSGI servers fold the two. */
export function classifyField(name: string): number {
  const lower = name.toLowerCase();
  const kind = kindOf(lower);
  if (kind !== PLAIN || !lower.includes("_")) return kind;
  const folded = lower.replaceAll("_", "-");
  const meant = kindOf(folded);
  if (meant === ASIDE) return HOP;
  return (meant === PLAIN || meant === NOTED) && !NEVER_NAMED.has(folded) ? PLAIN : LOOKALIKE;
}
