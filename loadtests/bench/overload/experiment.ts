/** What an experiment is: plans, the figures that are taken of each run, and what they should be. */
import type { Peer } from "./peers.ts";
import type { Plan, Run } from "./run.ts";

/** Seconds of the parts of a run. */
export interface Scale {
  readonly before: number;
  readonly during: number;
  readonly after: number;
  /** Of the long run, E4. */
  readonly minutes: number;
}

/** Figures of one run by their heads; a head says its unit. */
export type Measures = Readonly<Record<string, number>>;

export interface Goal {
  /** Head of the measure. */
  readonly measure: string;
  /** Label of the plan. */
  readonly plan: string;
  readonly sense: "at least" | "at most";
  readonly target: number;
}

export interface Experiment {
  readonly id: string;
  readonly title: string;
  readonly peers: readonly Peer[];
  plans(scale: Scale): readonly Plan[];
  measure(run: Run): Measures;
  /** Of Spillway. */
  readonly goals: readonly Goal[];
  /**
   * `sweep`: load against goodput and critical success, every plan one point. `course`: goodput over time of each plan, with
   * what is possible at best as the broken line.
   */
  readonly chart: "sweep" | "course";
  /** Useful answers a second that are possible at best, at a time in milliseconds; for `course`. */
  ideal?(plan: Plan, at: number): number;
}

export function met({ sense, target }: Goal, value: number): boolean {
  return sense === "at least" ? value >= target : value <= target;
}
