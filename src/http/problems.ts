import type { PriorityClass } from "../core/exchange.ts";
import type { Failed, FailedReason, Refused, RefusedReason } from "../core/outcome.ts";

/** One kind of problem: its status and its title. */
interface ProblemKind {
  /** A problem type that others have defined. Default: `urn:spillway:problem:<reason>`. */
  readonly type?: string;
  readonly status: number;
  readonly title: string;
  /** When it occurs, for the table in the documentation. */
  readonly when: string;
}

/**
 * The answer is right and the client has done nothing wrong, only is there less capacity than is asked for:
 * draft-ietf-httpapi-ratelimit-headers, section "Temporary Reduced Capacity". It does not tell one reason from another.
 */
const REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

/** Every answer that the gateway makes by itself, by reason: the one place where these statuses are decided. */
export const PROBLEMS: Readonly<Record<RefusedReason | FailedReason, ProblemKind>> = {
  malformed: {
    status: 400,
    title: "Malformed request",
    when: "framing, a field or the target is invalid or could be read in two ways",
  },
  "no-route": { status: 404, title: "No route", when: "no route of the configuration matches host and path" },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    when: "a route matches host and path, but not with this method",
  },
  "head-timeout": { status: 408, title: "Request head too slow", when: "the head took longer than listen.headTimeout" },
  "body-timeout": {
    status: 408,
    title: "Request body too slow",
    when: "the body paused longer than listen.bodyTimeout, came slower than listen.bodyRate or took all of listen.requestTimeout",
  },
  "body-too-large": { status: 413, title: "Request body too large", when: "the body is larger than listen.maxBody" },
  expectation: { status: 417, title: "Expectation not met", when: "Expect asks for something other than 100-continue" },
  "upgrade-refused": {
    status: 403,
    title: "Upgrade refused",
    when: "the route does not allow WebSockets, or the handshake is invalid",
  },
  "head-too-large": { status: 431, title: "Request head too large", when: "the head is larger than listen.maxHead" },
  "client-gone": {
    status: 499,
    title: "Client left",
    when: "the client left before the answer was complete; seen in logs and metrics only",
  },
  internal: { status: 500, title: "Internal fault", when: "a fault of the gateway itself; logged with the request id" },
  unsupported: {
    status: 501,
    title: "Method not supported",
    when: "CONNECT and TRACE, which this gateway does not carry",
  },
  connect: { status: 502, title: "Dependency unreachable", when: "no connection to the dependency could be made" },
  reset: {
    status: 502,
    title: "Dependency broke off",
    when: "the dependency closed the connection before a whole head",
  },
  "bad-response": {
    status: 502,
    title: "Bad answer from dependency",
    when: "the dependency's answer is not valid, unambiguous HTTP/1.1, or more than it came with it",
  },
  memory: {
    status: 503,
    title: "Short of memory",
    when: "the process uses 80 % of its memory limit, or of V8's: classes below critical are refused, from 90 % all",
  },
  shed: {
    type: REDUCED_CAPACITY,
    status: 503,
    title: "Shed",
    when: "there is more work than the dependency can do, and this class or cohort gives way to others",
  },
  full: {
    type: REDUCED_CAPACITY,
    status: 503,
    title: "No room",
    when: "no seat is free and the queue of the dependency is full",
  },
  wait: {
    type: REDUCED_CAPACITY,
    status: 503,
    title: "Wait too long",
    when: "no seat of the dependency would come, or came, within the longest wait of the class",
  },
  breaker: {
    type: REDUCED_CAPACITY,
    status: 503,
    title: "Dependency left alone",
    when: "the dependency failed or was slow too often of late, or was isolated by hand",
  },
  busy: {
    type: REDUCED_CAPACITY,
    status: 503,
    title: "Gateway busy",
    when: "the gateway itself has more to do than its processor can, and this class gives way",
  },
  deadline: {
    status: 504,
    title: "Deadline passed",
    when: "the client's deadline had passed on arrival, passed while it waited, or would before an answer could come",
  },
  quota: {
    status: 429,
    title: "Quota used up",
    when: "client, tenant, API key or route have used what a rateLimit gives",
  },
  "connect-timeout": {
    status: 504,
    title: "Dependency did not connect in time",
    when: "no connection within connectTimeout",
  },
  timeout: {
    status: 504,
    title: "Dependency did not answer in time",
    when: "no head of an answer within timeout, or within listen.requestTimeout",
  },
  "back-off": {
    status: 503,
    title: "Left alone",
    when: "the dependency failed another instance a moment ago; never seen by clients, who get a stale answer",
  },
  "not-stored": {
    status: 504,
    title: "Not stored",
    when: "the request allows only a kept answer (only-if-cached), and there is none that may be used",
  },
  loop: { status: 508, title: "Loop", when: "the request has passed this gateway already" },
};

/** A problem as it goes on the wire (RFC 9457). */
export interface Problem {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs: number | undefined;
}

/** The answer to an exchange that was refused or failed. `level` is the degradation level, 0 to 3. */
export function problemOf(outcome: Refused | Failed, id: string, cls: PriorityClass, level: number): Problem {
  const kind = PROBLEMS[outcome.reason];
  return {
    status: kind.status,
    retryAfterMs: outcome.kind === "refused" ? outcome.retryAfterMs : undefined,
    body: problemBody(outcome.reason, kind, outcome.detail, id, { reason: outcome.reason, level, class: cls }),
  };
}

/** The answer to a request that never became an exchange: no class, no route. */
export function problemOfTurnedAway(reason: RefusedReason | "internal", detail: string, id: string): Problem {
  const kind = PROBLEMS[reason];
  return { status: kind.status, retryAfterMs: undefined, body: problemBody(reason, kind, detail, id, { reason }) };
}

function problemBody(reason: string, kind: ProblemKind, detail: string, id: string, spillway: object): string {
  return JSON.stringify({
    type: kind.type ?? `urn:spillway:problem:${reason}`,
    title: kind.title,
    status: kind.status,
    detail,
    instance: `urn:spillway:request:${id}`,
    spillway,
  });
}

/** `Retry-After` is in whole seconds, never less than 1 (RFC 9110 section 10.2.3). */
export const retryAfterSeconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1000)));
