/** E1: half the capacity, a step up, and back. One run at 0.7 tells what is refused without need. */
import type { Experiment } from "../experiment.ts";
import { byClass, costs, goodputOf, wasted } from "../measures.ts";
import { GATES, WORKERS } from "../peers.ts";
import { CAPACITY, phase, plan, spanOf } from "../plans.ts";
import type { Run } from "../run.ts";
import { goodputAt } from "../theory.ts";
import { recovery } from "../tally.ts";

const LOADS = [0.7, 1.5, 3, 6, 10];

const label = (load: number): string => `${load}x`;

function measure(run: Run) {
  const { plan: of } = run;
  const [during, after] = [spanOf(of, 1), spanOf(of, 2)];
  return {
    ...goodputOf(run, during, goodputAt(of.load) * CAPACITY),
    ...byClass(run, during),
    "recovery s": recovery(run.attempts, after),
    ...wasted(run),
    ...costs(run),
  };
}

const plans =
  (loads: readonly number[]): Experiment["plans"] =>
  ({ before, during, after }) =>
    loads.map((load) =>
      plan({ label: label(load), load, phases: [phase(before, 0.5), phase(during, load), phase(after, 0.5)] }),
    );

export const STEP: Experiment = {
  id: "E1",
  title: "a step from 0.5 times the capacity, and back",
  peers: GATES,
  plans: plans(LOADS),
  measure,
  chart: "sweep",
  goals: [
    { measure: "goodput %", plan: "3x", sense: "at least", target: 97 },
    { measure: "goodput %", plan: "6x", sense: "at least", target: 95 },
    { measure: "critical %", plan: "3x", sense: "at least", target: 99.9 },
    { measure: "critical %", plan: "6x", sense: "at least", target: 99.9 },
    { measure: "refusal p50 ms", plan: "3x", sense: "at most", target: 2 },
    { measure: "refusal p99 ms", plan: "3x", sense: "at most", target: 20 },
    { measure: "recovery s", plan: "3x", sense: "at most", target: 0.5 },
    { measure: "recovery s", plan: "6x", sense: "at most", target: 0.5 },
    { measure: "refused %", plan: "0.7x", sense: "at most", target: 0.1 },
    { measure: "wasted %", plan: "3x", sense: "at most", target: 1 },
  ],
};

/** E12: the same at 3 times the capacity, with the work shared out among processes that each see a part of it. */
export const WORKER_STEP: Experiment = {
  id: "E12",
  title: "four workers beside one",
  peers: WORKERS,
  plans: plans([3]),
  measure,
  chart: "sweep",
  goals: [
    { measure: "critical %", plan: "3x", sense: "at least", target: 99 },
    { measure: "goodput %", plan: "3x", sense: "at least", target: 97 },
  ],
};
