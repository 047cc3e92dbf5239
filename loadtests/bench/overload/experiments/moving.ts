/** E2 to E4: capacity that moves, a mix that moves, and much time: what a limit that was set by hand or learned once gets wrong. */
import { median } from "../../statistics.ts";
import type { Experiment, Measures } from "../experiment.ts";
import { byClass, costs, goodputOf, wasted } from "../measures.ts";
import { gates } from "../peers.ts";
import { CAPACITY, phase, plan, spanOf } from "../plans.ts";
import type { Run } from "../run.ts";
import { NORMAL } from "../simulator.ts";
import { dueIn, share, type Span, useful } from "../tally.ts";
import { meanOf, WORKS, workOf } from "../work.ts";

/** E2: half the slots go, at a load of 0.7. */
export const HALVED: Experiment = {
  id: "E2",
  title: "the capacity halves at 0.7 times of it",
  peers: gates("spillway", "haproxy", "nginx limit_conn", "express+cockatiel", "express"),
  plans: ({ before, during, after }) => [
    plan({
      label: "halved",
      load: 1.4,
      phases: [phase(before, 0.7), phase(during, 0.7), phase(after, 0.7)],
      changes: [
        { at: before, dependency: 0, state: { slots: NORMAL.slots / 2 } },
        { at: before + during, dependency: 0, state: { slots: NORMAL.slots } },
      ],
    }),
  ],
  measure(run) {
    const during = spanOf(run.plan, 1);
    const after = spanOf(run.plan, 2);
    const late = { from: after.from + 1000, to: after.to };
    return {
      ...goodputOf(run, during, CAPACITY / 2),
      ...byClass(run, during),
      "then goodput %": goodputOf(run, late, 0.7 * CAPACITY)["goodput %"]!,
      ...wasted(run),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) => Math.min(phases[1]!.rate, inPhase(phases, at) === 1 ? CAPACITY / 2 : CAPACITY),
  goals: [{ measure: "goodput %", plan: "halved", sense: "at least", target: 95 }],
};

function inPhase(phases: readonly { readonly seconds: number }[], at: number): number {
  let end = 0;
  for (const [index, { seconds }] of phases.entries()) {
    end += seconds * 1000;
    if (at < end) return index;
  }
  return phases.length - 1;
}

const PATHS = ["/light", "/heavy"];
const LIGHT = meanOf(WORKS["light"]!);
const HEAVY = meanOf(WORKS["heavy"]!);

/** Requests a second of which `heavy` are heavy that ask for `load` times of what the slots can do. */
const rateAt = (load: number, heavy: number): number =>
  (load * NORMAL.slots * 1000) / (LIGHT * (1 - heavy) + HEAVY * heavy);

/** Slot time of useful answers that came within the span, in percent of all there was. */
function usefulWork({ attempts, plan: { paths } }: Run, { from, to }: Span): number {
  const came = attempts.filter((one) => useful(one) && one.due + one.latency >= from && one.due + one.latency < to);
  const ms = came.reduce((sum, one) => sum + meanOf(workOf(`${paths[one.path]!}/`)), 0);
  return (100 * ms) / (NORMAL.slots * (to - from));
}

/** E3: from one heavy request in ten to four, at the same 0.7 of the slots' time, and then twice what they can do. */
export const SHIFTED: Experiment = {
  id: "E3",
  title: "the mix shifts from 10 to 40 % heavy at 0.7 times the capacity, then 2 times",
  peers: gates("spillway", "haproxy", "nginx limit_conn", "express+cockatiel", "express"),
  plans: ({ before, during, after }) => [
    plan({
      label: "shifted",
      load: 2,
      phases: [
        { seconds: before, rate: rateAt(0.7, 0.1), paths: [0.9, 0.1] },
        { seconds: during, rate: rateAt(0.7, 0.4), paths: [0.6, 0.4] },
        { seconds: during, rate: rateAt(2, 0.4), paths: [0.6, 0.4] },
        { seconds: after, rate: rateAt(0.5, 0.4), paths: [0.6, 0.4] },
      ],
      paths: PATHS,
      routes: [...PATHS.map((path) => ({ prefix: `${path}/`, dependency: 0 })), { prefix: "/", dependency: 0 }],
    }),
  ],
  measure(run): Measures {
    const shifted = dueIn(run.attempts, spanOf(run.plan, 1));
    return {
      "false refusals %": 100 * share(shifted, "refused"),
      "at 2x: useful work %": usefulWork(run, spanOf(run.plan, 2)),
      ...byClass(run, spanOf(run.plan, 2)),
      ...wasted(run),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) => {
    const index = inPhase(phases, at);
    return Math.min(phases[index]!.rate, rateAt(1, index === 0 ? 0.1 : 0.4));
  },
  goals: [
    { measure: "false refusals %", plan: "shifted", sense: "at most", target: 0.5 },
    { measure: "at 2x: useful work %", plan: "shifted", sense: "at least", target: 95 },
  ],
};

/** Median of the limit that a gateway tells, or else of what the dependency had in flight at most, within the span. */
function limitIn({ samples }: Run, { from, to }: Span): number {
  const seen = samples.filter(({ at }) => at * 1000 >= from && at * 1000 < to);
  const told = median(seen.map(({ limit }) => limit));
  return Number.isNaN(told) ? median(seen.map(({ inFlight }) => inFlight[0]!)) : told;
}

/** E4: twice the capacity for long: does the limit stay where it belongs? */
export const LONG: Experiment = {
  id: "E4",
  title: "twice the capacity for minutes: drift of the limit",
  peers: gates("spillway", "haproxy", "express+cockatiel"),
  plans: ({ before, minutes, after }) => [
    plan({ label: "2x", load: 2, phases: [phase(before, 0.5), phase(minutes * 60, 2), phase(after, 0.5)] }),
  ],
  measure(run) {
    const during = spanOf(run.plan, 1);
    const early = limitIn(run, { from: during.from + 45_000, to: during.from + 75_000 });
    const last = limitIn(run, { from: during.to - 30_000, to: during.to });
    return {
      "limit after 1 min": early,
      "limit at the end": last,
      "change %": Math.abs(last / early - 1) * 100,
      ...goodputOf(run, during, CAPACITY),
      ...byClass(run, during),
      ...wasted(run),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) => Math.min(CAPACITY, phases[inPhase(phases, at)]!.rate),
  goals: [
    { measure: "change %", plan: "2x", sense: "at most", target: 25 },
    { measure: "goodput %", plan: "2x", sense: "at least", target: 97 },
  ],
};
