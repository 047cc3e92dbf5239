import type { Body } from "./body.ts";
import type { HeaderList } from "./headers.ts";

/** Why Spillway itself would not let an exchange go on. Statuses and titles: `http/problems.ts`. */
export type RefusedReason =
  | "malformed" // ambiguous or invalid framing, field or target
  | "head-too-large"
  | "head-timeout"
  | "body-too-large"
  | "body-timeout" // the client sent its body too slowly
  | "expectation" // an Expect other than 100-continue
  | "no-route"
  | "method-not-allowed" // a route matches the path, but not with this method
  | "upgrade-refused" // a protocol or a route that may not be upgraded
  | "loop" // the request has already passed here
  | "unsupported" // CONNECT, TRACE and the like
  | "back-off" // the dependency failed another instance, and a stale answer is at hand
  | "not-stored" // only a kept answer was wanted, and there is none to use
  | "memory" // the process is close to its memory limit
  | "shed" // its class or cohort gives way to more important work
  | "full" // no seat, and no room to wait for one
  | "wait" // a seat would come, or came not, within the longest wait of its class
  | "deadline" // nobody would wait for the answer any more
  | "breaker" // the dependency has failed too often of late, or was isolated by hand
  | "quota" // the client, tenant, key or route has used what it may
  | "busy"; // the process itself has more to do than it can

/** Why a dependency (or the client) ended an exchange. */
export type FailedReason =
  | "connect" // no connection: refused, unreachable, TLS or DNS failure
  | "connect-timeout"
  | "timeout" // connected, but no head of an answer in time
  | "reset" // the connection ended before a whole head
  | "bad-response" // not HTTP/1.1, ambiguous, oversized or a flood of 1xx
  | "client-gone" // the client left before the answer was complete
  | "internal"; // a fault of ours, counted and logged

/**
 * What the cache was to an exchange: `hit` fresh, `stale` past its freshness, `fail-safe` past all of its stale windows,
 * `fallback` the route's own answer in place of a failure, `miss` asked the dependency or waited for one who did, `bypass`
 * had no use for a cache.
 */
export type CacheUse =
  | { readonly result: "miss" | "bypass" | "fallback" }
  | { readonly result: "hit"; readonly tier: CacheTier }
  | {
      readonly result: "stale" | "fail-safe";
      readonly tier: CacheTier;
      /** Milliseconds past its freshness. */ readonly staleMs: number;
    };

/** What admission saw when it let an exchange through or did not: numbers for the record, the log and `explain`. */
export interface AdmissionSeen {
  /** Seats of the dependency, and those taken. */
  readonly limit: number;
  readonly inFlight: number;
  /** Requests ahead of it in the queue, of its class and above. */
  readonly ahead: number;
  /** Milliseconds it was thought to have to wait, those it might, and those it did. */
  readonly estimateMs: number;
  readonly capMs: number;
  readonly waitedMs: number;
}

/** What client quotas said to an exchange. */
export interface QuotaSeen {
  /** Names of the rules that counted it. */
  readonly rules: readonly string[];
  /** The rule that refused it, and those in shadow mode that would have. */
  readonly refusedBy?: string;
  readonly wouldRefuse?: readonly string[];
}

/** Of an exchange that the dependency was asked for more than once. */
export interface TriesSeen {
  /** All of them. */
  readonly count: number;
  /** Monotonic milliseconds at which the last one began. */
  readonly lastAt: number;
  /** Whether one of them was {@link isDropped}. */
  readonly dropped: boolean;
}

/** Where a kept answer was, nearest first. */
export type CacheTier = "memory" | "redis" | "postgres";

/** An answer to send. `headers` holds end-to-end fields only, in order. */
export interface Served {
  readonly kind: "served";
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Body;
  /** Who made the answer: a dependency (its name is in the exchange's route), the cache or this gateway itself. */
  readonly by: "dependency" | "cache" | "gateway";
  /** Milliseconds until the dependency's head was here. */
  readonly dependencyMs?: number;
  /** On routes that have a cache. */
  readonly cache?: CacheUse;
  /**
   * Of a kept answer or a fallback: what it stands in for. The reason of a refusal or failure, `status-503` for such an
   * answer, `timeout` for one that was not waited for, `back-off` for one that was not asked again.
   */
  readonly insteadOf?: string;
  /** Where a seat was asked for. */
  readonly admission?: AdmissionSeen;
  /** Where there was more than one. */
  readonly tries?: TriesSeen;
  /** On routes that have quotas. */
  readonly quota?: QuotaSeen;
}

/** The host application behind `app.use(spillway())` has taken the exchange and writes its own answer. */
export interface HandedOn {
  readonly kind: "handed-on";
}

/** A WebSocket tunnel stands; octets now flow both ways without us looking. */
export interface Tunnelled {
  readonly kind: "tunnelled";
  readonly status: 101;
  /** On routes that have quotas. */
  readonly quota?: QuotaSeen;
}

export interface Refused {
  readonly kind: "refused";
  readonly reason: RefusedReason;
  /** One sentence for the client: what was wrong, where, and the remedy. Never holds secrets or unbounded input. */
  readonly detail: string;
  /** When to come again, in milliseconds from now. Absent: coming again will not help. */
  readonly retryAfterMs?: number;
  /** Milliseconds that a dependency was at work for it, in vain: its time was over before the head was here. */
  readonly dependencyMs?: number;
  /** Further fields of the answer, such as Allow. */
  readonly headers?: HeaderList;
  /** On routes that have a cache. */
  readonly cache?: CacheUse;
  /** Where a seat was asked for. */
  readonly admission?: AdmissionSeen;
  /** Where there was more than one. */
  readonly tries?: TriesSeen;
  /** On routes that have quotas. */
  readonly quota?: QuotaSeen;
}

export interface Failed {
  readonly kind: "failed";
  readonly reason: FailedReason;
  readonly detail: string;
  /** For the log only; never shown to a client. */
  readonly error?: Error;
  /** Further fields of the answer. */
  readonly headers?: HeaderList;
  /** On routes that have a cache. */
  readonly cache?: CacheUse;
  /** Where a seat was asked for. */
  readonly admission?: AdmissionSeen;
  /** Where there was more than one. */
  readonly tries?: TriesSeen;
  /** On routes that have quotas. */
  readonly quota?: QuotaSeen;
}

/** How an exchange ends. Every stage returns one; none is ever thrown. */
export type Outcome = Served | HandedOn | Tunnelled | Refused | Failed;

export const refused = (
  reason: RefusedReason,
  detail: string,
  more?: { retryAfterMs?: number; headers?: HeaderList },
): Refused => ({ kind: "refused", reason, detail, ...more });

export const failed = (reason: FailedReason, detail: string, error?: Error): Failed =>
  error ? { kind: "failed", reason, detail, error } : { kind: "failed", reason, detail };

/** Failures that a dependency without free capacity shows. */
const DROPPED: ReadonlySet<FailedReason> = new Set(["timeout", "connect-timeout", "reset"]);

/** Whether the dependency showed that it has no free capacity. */
export const isDropped = (outcome: Outcome): boolean =>
  outcome.kind === "failed"
    ? DROPPED.has(outcome.reason)
    : outcome.kind === "served" && outcome.by === "dependency" && (outcome.status === 503 || outcome.status === 429);
