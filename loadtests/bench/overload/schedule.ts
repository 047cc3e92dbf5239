/** When which requests arrive: Poisson, phase by phase, whatever becomes of them. */
import { type Chance, exponential, weighted } from "./seeded.ts";

/** In the order of their rank. What a request is sent with as {@link CLASS_FIELD}. */
export const CLASSES = ["critical", "default", "sheddable"] as const;
export const CLASS_FIELD = "x-class";

/** Shares of the classes unless a phase says otherwise. */
export const SHARES: readonly number[] = [0.15, 0.35, 0.5];

export interface Phase {
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
  /** Weights by {@link CLASSES}. Default: {@link SHARES}. */
  readonly classes?: readonly number[];
  /** Weights by the paths of the load. Default: all alike. */
  readonly paths?: readonly number[];
  /** Weights by tenant. Default: one tenant. */
  readonly tenants?: readonly number[];
}

/** All that the generator has to know. */
export interface LoadPlan {
  readonly phases: readonly Phase[];
  readonly paths: readonly string[];
  /** Milliseconds after which a client leaves. */
  readonly patience: number;
  /** How often a request that was refused, failed or not answered is sent again. */
  readonly retries: number;
  /** Connections at most. A request that finds none waits for one, and its time runs. */
  readonly connections: number;
}

export interface Arrival {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly phase: number;
  readonly class: number;
  readonly path: number;
  readonly tenant: number;
}

export function* arrivals({ phases, paths }: Pick<LoadPlan, "phases" | "paths">, chance: Chance): Generator<Arrival> {
  const alike = paths.map(() => 1);
  let begin = 0;
  for (const [index, phase] of phases.entries()) {
    const end = begin + phase.seconds * 1000;
    // An exponential gap has no memory: one that a change of rate cuts may as well begin anew there.
    let at = begin + exponential(phase.rate, chance);
    for (; at < end; at += exponential(phase.rate, chance)) {
      yield {
        at,
        phase: index,
        class: weighted(phase.classes ?? SHARES, chance),
        path: weighted(phase.paths ?? alike, chance),
        tenant: weighted(phase.tenants ?? [1], chance),
      };
    }
    begin = end;
  }
}

/** Milliseconds from the start at which each phase begins, and the end of the last. */
export function edges(phases: readonly Phase[]): number[] {
  const found = [0];
  for (const { seconds } of phases) found.push(found.at(-1)! + seconds * 1000);
  return found;
}

/**
 * Milliseconds before the retry after the nth attempt: anywhere up to 100, 200, 400, so that clients that failed together do
 * not come back together.
 */
export const retryAfter = (attempt: number, chance: Chance): number => chance() * 100 * 2 ** (attempt - 1);
