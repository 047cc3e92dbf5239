/** What is kept of the runs of one peer in one plan, over all rounds. */
import { median } from "../statistics.ts";
import type { Experiment, Measures } from "./experiment.ts";
import type { Plan, Run, Sample } from "./run.ts";
import { CLASSES, edges } from "./schedule.ts";
import { BOUNDS, dueIn, histogram, latencies, quantiles, type Series, series } from "./tally.ts";
import { KINDS } from "./records.ts";

export interface Result {
  readonly peer: string;
  readonly plan: Plan;
  readonly rounds: Measures[];
  /** Of the first round. */
  readonly course: Series;
  readonly samples: readonly Sample[];
  readonly classes: readonly ClassFigures[];
  readonly reasons: Run["reasons"];
}

/** Of the first round, by class and kind: how many there were, and their times. */
interface ClassFigures {
  readonly class: string;
  readonly kind: string;
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** Counts at the bounds of the tally. */
  readonly histogram: readonly number[];
}

const STEP = 500;

export function resultOf(experiment: Experiment, run: Run): Result {
  const { peer, plan, attempts, samples, reasons } = run;
  const end = edges(plan.phases).at(-1)!;
  const classes = CLASSES.flatMap((name, rank) => {
    const own = dueIn(attempts, { from: 0, to: end }).filter((one) => one.class === rank);
    return KINDS.map((kind) => {
      const times = latencies(own, [kind]);
      return { class: name, kind, count: times.length, ...quantiles(times), histogram: histogram(times) };
    }).filter(({ count }) => count > 0);
  });
  return {
    peer,
    plan,
    rounds: [experiment.measure(run)],
    course: series(attempts, end, STEP),
    samples,
    classes,
    reasons,
  };
}

/** Median of each measure over the rounds; one that is Infinity in half of them is so. */
export function medians({ rounds }: Pick<Result, "rounds">): Measures {
  const heads = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(heads.map((head) => [head, middle(rounds.map((round) => round[head]!))]));
}

function middle(values: readonly number[]): number {
  const endless = values.filter((value) => value === Number.POSITIVE_INFINITY).length;
  return endless * 2 >= values.length ? Number.POSITIVE_INFINITY : median(values);
}

/** For a file that later runs can be compared with. */
export const serialise = (id: string, results: readonly Result[]): object => ({
  id,
  bounds: BOUNDS,
  results: results.map((one) => ({ ...one, medians: medians(one) })),
});
