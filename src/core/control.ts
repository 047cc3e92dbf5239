import type { BreakerAnswer, BreakerAsk } from "./breaker-control.ts";
import type { CacheAnswer, CacheAsk } from "./cache-control.ts";
import type { Decision, DecisionsAsk } from "./decisions.ts";
import type { LimitsReading } from "./limits-control.ts";
import type { DependencyReading, WeightOrder } from "./dependency-reading.ts";

/** What a reload came to. `refused` keeps the last good configuration. */
export type ReloadResult =
  | { readonly outcome: "applied"; readonly hash: string; readonly needsRestart: readonly string[] }
  | { readonly outcome: "unchanged"; readonly hash: string }
  | { readonly outcome: "refused"; readonly errors: readonly string[] };

/** `processes` answered, `silent` did not. */
export interface DecisionsFound {
  readonly decisions: readonly Decision[];
  readonly processes: number;
  readonly silent: number;
}

/** Life of a process that serves: `draining` never goes back. */
export type Life = "starting" | "ready" | "draining" | "stopped";

/**
 * What the ops listener can see and steer, whether behind it stands one process or a primary with workers.
 * Calls act on all of them.
 */
export interface Control {
  /** Asks the cache of every process. `silent`: those that gave no answer. */
  cache(ask: CacheAsk): Promise<{ readonly answers: readonly CacheAnswer[]; readonly silent: number }>;
  /** Decisions of every process, newest first. */
  decisions(ask: DecisionsAsk): Promise<DecisionsFound>;
  /** What the client quotas of every process have counted. `silent`: processes that gave no answer. */
  limits(): Promise<{ readonly readings: readonly LimitsReading[]; readonly silent: number }>;
  /** What each process knows of its dependencies. `silent`: those that gave no answer. */
  dependencies(): Promise<{ readonly answers: readonly (readonly DependencyReading[])[]; readonly silent: number }>;
  /** Holds the breaker of a dependency in every process, or gives it back. `silent`: those that gave no answer. */
  breaker(ask: BreakerAsk): Promise<{ readonly answers: readonly BreakerAnswer[]; readonly silent: number }>;
  /** Sets the weight of a target in every process, also in those that start later. `found`: how many have that target. */
  reweigh(order: WeightOrder): Promise<{ readonly found: number; readonly processes: number; readonly silent: number }>;
  life(): Life;
  /** One line a check, for `?verbose`: `["event-loop ok", "workers 2/2"]`. */
  checks(): readonly string[];
  /** The running configuration with hash and age. Secrets stand in it: whoever shows it redacts it. */
  config(): {
    readonly hash: string;
    readonly file: string | undefined;
    readonly loadedAt: string;
    readonly config: unknown;
  };
  /** Prometheus text of every process, added up. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** What events of changed data are signed with; undefined: none are taken. */
  webhookSecret(): string | undefined;
  reload(): Promise<ReloadResult>;
  /** Begins the drain and returns at once; the process exits when it is over. A second call changes nothing. */
  drain(): void;
}
