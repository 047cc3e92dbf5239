import type { PriorityClass } from "./exchange.ts";
import type { AdmissionSeen, CacheTier, FailedReason, Outcome, RefusedReason } from "./outcome.ts";

/** Where on its way an exchange got its answer. `edge` stands before all stages, `route` is a fixed answer. */
export type AnsweredBy =
  | "edge"
  | "quota"
  | "cache"
  | "fallback"
  | "admission"
  | "breaker"
  | "dependency"
  | "route"
  | "host";

/** Why one request got the answer it got. Holds no header field, no query and no client. */
export interface Decision {
  /** `X-Request-Id`. */
  readonly id: string;
  /** Wall-clock milliseconds at which the exchange was over. */
  readonly at: number;
  readonly method: string;
  /** Canonical, without the query; at most {@link LONGEST_PATH} characters. */
  readonly path: string;
  readonly route: string;
  readonly dependency: string | undefined;
  readonly class: PriorityClass;
  readonly cohort: number;
  /** Milliseconds from its arrival for which somebody would wait; undefined when it named no limit. */
  readonly patienceMs: number | undefined;
  readonly status: number;
  readonly outcome: Outcome["kind"];
  readonly answeredBy: AnsweredBy;
  /** Of a refusal or a failure. */
  readonly reason: RefusedReason | FailedReason | undefined;
  readonly detail: string | undefined;
  /** What a kept answer or a fallback stood in for. */
  readonly insteadOf: string | undefined;
  readonly cache: string | undefined;
  readonly tier: CacheTier | undefined;
  /** Milliseconds past its freshness. */
  readonly staleMs: number | undefined;
  /** What admission saw; undefined when no seat was asked for. */
  readonly admission: AdmissionSeen | undefined;
  readonly durationMs: number;
  readonly dependencyMs: number | undefined;
  /** Whether the answer reached its end. */
  readonly whole: boolean;
}

export const LONGEST_PATH = 256;

/** Which of the recorded decisions are wanted: all that say what is asked, newest first. */
export interface DecisionsAsk {
  readonly id?: string;
  readonly route?: string;
  readonly outcome?: string;
  readonly reason?: string;
  /** At most so many. */
  readonly limit: number;
}

/** Decisions that a process remembers. */
export const REMEMBERED = 10_000;

/** Of several processes' decisions, each newest first, the newest `limit`. */
export const newestOf = (found: readonly (readonly Decision[])[], limit: number): readonly Decision[] =>
  found
    .flat()
    .sort((one, other) => other.at - one.at)
    .slice(0, limit);
