import type { HeaderList } from "./headers.ts";
import type { WarmMode } from "./warming.ts";

/** Priority class of a request, most important first. */
export type PriorityClass = "system" | "critical" | "default" | "sheddable" | "bulk";

/** W3C trace context of one exchange: the trace it belongs to and our own span in it. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits: the caller's span; undefined when the trace began here. */
  readonly parentId: string | undefined;
  /** 16 lower-case hexadecimal digits: our span, sent on as the parent of the dependency's. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Who asks, as far as the network and `listen.trustedProxies` let us know. */
export interface Client {
  /** Address of the client without port; IPv4-mapped IPv6 addresses are unmapped. */
  readonly address: string;
  /** Whether the peer of the connection is in `listen.trustedProxies`. */
  readonly trusted: boolean;
}

/** The body of a request. Absent on an exchange without one. */
export interface RequestBody {
  /** Octets announced by Content-Length; undefined for a chunked body. */
  readonly length: number | undefined;
  /**
   * Resolves once the body has ended or its first 64 KiB are here: a dependency's seat is taken only then, so that
   * slow uploads hold none. Resolves to a refusal reason when the body is too large or too slow. May be called again.
   */
  ready(): Promise<BodyReadiness>;
  /** The whole body when it fitted into what `ready` collects; then it can be sent again. Undefined for a stream. */
  readonly whole: Buffer | undefined;
  /** Why the body could not be read to its end, once that is known. */
  readonly fault: "too-large" | "too-slow" | "gone" | undefined;
  /** Streams the body, collected part first. One caller only; ends early with an error if the client goes. */
  stream(): AsyncIterable<Buffer>;
}

/** `read-before`: in a host application only, whose body parser stands in front of us. */
export type BodyReadiness = "whole" | "streaming" | "too-large" | "too-slow" | "gone" | "read-before";

/** Tells when nobody waits for the answer any more: the client has left or was cut off. */
export interface Departure {
  readonly gone: boolean;
  /** Called once when it happens, at once if it has. Returns a function that takes the listener back. */
  onGone(listener: () => void): () => void;
}

/** Who comes first, as far as a request itself says it. */
export interface Standing {
  readonly class: PriorityClass;
  /** Who it counts for, where a token, a trusted peer or an API key says so; undefined: its address. */
  readonly tenant: string | undefined;
}

/** Which route matched, and what its pattern found. */
export interface RouteFacts {
  /** From the configuration; `_other` when nothing matched. Safe as a metric label. */
  readonly name: string;
  /** Name of the dependency; undefined for a fixed answer. */
  readonly dependency: string | undefined;
}

/**
 * The facts of one request on its way through the gateway. Never written to: what a stage learns, it returns in the
 * {@link Outcome}.
 */
export interface Exchange {
  /** `X-Request-Id`: a trusted caller's own, else a fresh one. */
  readonly id: string;
  /** Monotonic milliseconds at which the head was complete. */
  readonly startedAt: number;
  readonly method: string;
  /** Path and query exactly as they came; what a dependency gets unless the route rewrites it. */
  readonly target: string;
  /** The one canonical path that routes, rules and cache keys see: unreserved octets decoded, slashes merged. */
  readonly path: string;
  /** The raw query with its "?", or "". */
  readonly query: string;
  readonly scheme: "http" | "https";
  /** Host in lower case, with the port when it is not the scheme's own. */
  readonly authority: string;
  /** End-to-end fields for a dependency: hop-by-hop ones gone, forwarding ones ours. */
  readonly headers: HeaderList;
  readonly client: Client;
  readonly route: RouteFacts;
  /** What the route's pattern captured, decoded: `{ id: "7" }`. */
  readonly params: Readonly<Record<string, string>>;
  readonly class: PriorityClass;
  /**
   * Who it counts for where seats are shared out: a tenant, an API key or the client's address (IPv6: its /64). Never
   * shown to other clients; not safe as a metric label.
   */
  readonly tenant: string;
  /** Place inside the class, 0 to 127 and the same for one tenant: the higher goes first when a class is shed in part. */
  readonly cohort: number;
  /** Monotonic milliseconds at which nobody waits for the answer any more; Infinity when no limit is known. */
  readonly deadline: number;
  /** Lower-case names of the fields that told it, in which what remains is passed on. Absent: none did. */
  readonly deadlineFields?: readonly string[] | undefined;
  readonly body: RequestBody | undefined;
  readonly trace: TraceContext;
  readonly departure: Departure;
  /** Passes an interim answer (102, 103) on to the client; does nothing where the protocol cannot carry it. */
  interim(status: number, headers: HeaderList): void;
  /** Present when the client asks for a WebSocket and the route allows it. */
  readonly upgrade: Upgrade | undefined;
  /** Present on a request of the gateway's own that fills its cache: it takes no stale answer, and `renew` no kept one. */
  readonly warms?: WarmMode;
  /** A kept answer may stand in for a failure, so that it is not worth another try at the dependency. */
  readonly standIn?: boolean;
  /** Hands the exchange to the host application; absent in the standalone gateway. */
  readonly handOn: (() => void) | undefined;
}

/** The client's side of a protocol upgrade. */
export interface Upgrade {
  /** `Sec-WebSocket-Key` as sent. */
  readonly key: string;
  /** Answers 101 with these fields and joins both sockets until either ends. */
  join(dependency: import("node:stream").Duplex, headers: HeaderList): void;
}
