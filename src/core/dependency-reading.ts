import type { BreakerReading } from "./breaker-control.ts";
import type { PriorityClass } from "./exchange.ts";

/** Refusals of one reason and class. */
export interface RefusalCount {
  readonly reason: string;
  readonly class: PriorityClass;
  readonly count: number;
}

/** The seats of one dependency in one process. */
export interface AdmissionReading {
  readonly mode: "enforce" | "shadow" | "off";
  /** Seats; undefined where nothing is limited. */
  readonly limit: number | undefined;
  /** Seats taken. */
  readonly inFlight: number;
  /** How many wait, by class. */
  readonly queued: Readonly<Record<PriorityClass, number>>;
  /** Mean time that a seat is held, weighted to the newest calls; 0 before any has ended. */
  readonly serviceMs: number;
  /** Since the gate was made. A refusal may have become a stale answer behind it. */
  readonly refused: readonly RefusalCount[];
  /** In mode `shadow`: who would have been refused. */
  readonly wouldRefuse: readonly RefusalCount[];
  /** Waits for a seat, by bucket of `waitBounds`; the last has no upper bound. */
  readonly waits: readonly number[];
  readonly waitedMs: number;
}

/** Upper bounds of the buckets of waits, milliseconds. The first is no wait at all. */
export const WAIT_BOUNDS: readonly number[] = [0, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];

/** One target of a dependency in one process. */
export interface TargetReading {
  /** As it is configured. */
  readonly origin: string;
  /** `slow-start`: used, with a share that still grows. */
  readonly state: "up" | "slow-start" | "unhealthy" | "ejected";
  /** In force now; the one of the configuration unless it was set by hand. */
  readonly weight: number;
  readonly configured: number;
  /** Set by hand until then, milliseconds since the Unix epoch. */
  readonly override: { readonly expires: number; readonly reason: string } | undefined;
  readonly inFlight: number;
  /** Until the head of an answer: moving average that follows peaks at once; 0: nothing is known. */
  readonly latencyMs: number;
  /** Sent to it, repetitions included. */
  readonly requests: number;
  readonly ejections: number;
}

/** A weight that an operator gives a target for a time. */
export interface WeightOrder {
  readonly dependency: string;
  readonly target: string;
  /** Null: the one of the configuration again. */
  readonly weight: number | null;
  /** Milliseconds since the Unix epoch. */
  readonly expires: number;
  readonly reason: string;
}

/**
 * What became of further tries: `recovered` gave an answer of use, `failed` did not, `refused` met a breaker that had opened
 * meanwhile; those that were not made for want of budget or time, because of the degradation level, or because the client left.
 */
export const RETRY_RESULTS = ["recovered", "failed", "refused", "no-budget", "no-time", "level", "abandoned"] as const;
export type RetryResult = (typeof RETRY_RESULTS)[number];

/** The further tries of one dependency in one process. */
export interface RetryReading {
  /** Requests that have no head of an answer yet, and those of them that are in a further try or wait for it. */
  readonly inFlight: number;
  readonly retrying: number;
  /** The most that `retrying` may be now. */
  readonly allowed: number;
  /** Further tries that are saved up, and the most that can be now. */
  readonly tokens: number;
  readonly most: number;
  /** Since the budget is in force. */
  readonly results: readonly { readonly result: RetryResult; readonly count: number }[];
}

/** What one process knows of a dependency. */
export interface DependencyReading {
  readonly name: string;
  readonly targets: readonly TargetReading[];
  /** So few targets are usable that all are used. */
  readonly panic: boolean;
  readonly admission: AdmissionReading;
  readonly breaker: BreakerReading;
  /** Where requests are tried again. */
  readonly retry?: RetryReading | undefined;
}
