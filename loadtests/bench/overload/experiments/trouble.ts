/** E5 to E7: trouble that comes from one part and must stay there. */
import { quantile } from "../../statistics.ts";
import type { Experiment } from "../experiment.ts";
import { byClass, costs, wasted } from "../measures.ts";
import { gates } from "../peers.ts";
import { CAPACITY, phase, plan, spanOf } from "../plans.ts";
import { NORMAL } from "../simulator.ts";
import { dueIn, goodput, jain, latencies, recovery, success } from "../tally.ts";
import { fairShares } from "../theory.ts";

const THREE = ["/a", "/b", "/c"];

/** E5: three dependencies at half of what they can do; the third takes requests and answers none. */
export const HUNG: Experiment = {
  id: "E5",
  title: "one of three dependencies hangs",
  peers: gates("spillway", "haproxy", "nginx limit_conn", "express+opossum", "express+cockatiel", "express"),
  plans: ({ before, during, after }) => [
    plan({
      label: "hung",
      load: 0.5,
      // All three together: each gets a third.
      phases: [phase(before * 2, 1.5), phase(during, 1.5), phase(after, 1.5)],
      paths: THREE,
      routes: [...THREE.map((path, i) => ({ prefix: `${path}/`, dependency: i })), { prefix: "/", dependency: 0 }],
      dependencies: THREE.map(() => NORMAL),
      changes: [
        { at: before * 2, dependency: 2, state: { hang: true } },
        { at: before * 2 + during, dependency: 2, state: { hang: false } },
      ],
    }),
  ],
  measure(run) {
    const others = run.attempts.filter(({ path }) => path !== 2);
    const third = run.attempts.filter(({ path }) => path === 2);
    const [begin, during, after] = [0, 1, 2].map((index) => spanOf(run.plan, index));
    // A process that is still being compiled is slower than it will be.
    const before = { from: begin!.from + 2000, to: begin!.to };
    const p99 = (span = before) => quantile(latencies(dueIn(others, span), ["ok"]), 0.99);
    const [calm, hung] = [p99(before), p99(during)];
    return {
      "others ok %": 100 * success(dueIn(others, during!)),
      "others p99 before ms": calm,
      "others p99 hung ms": hung,
      "others p99 change %": (hung / calm - 1) * 100,
      "third's refusal p50 ms": quantile(latencies(dueIn(third, during!), ["refused"]), 0.5),
      "third's recovery s": recovery(third, after!),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) =>
    at >= phases[0]!.seconds * 1000 && at < (phases[0]!.seconds + phases[1]!.seconds) * 1000
      ? CAPACITY
      : 1.5 * CAPACITY,
  goals: [
    { measure: "others p99 change %", plan: "hung", sense: "at most", target: 10 },
    { measure: "others ok %", plan: "hung", sense: "at least", target: 99.9 },
  ],
};

const TRIGGER_LOAD = 0.7;
/** Of the slots, what is left during the trigger. */
const TRIGGER_SLOTS = 0.2;

/** E6: most of the capacity goes for a while, clients ask up to four times; when it is back, is the load that they make? */
export const STORM: Experiment = {
  id: "E6",
  title: "retry storm: 3 retries each, a fifth of the capacity for a while, at 0.7 times of it",
  peers: gates("spillway", "haproxy", "haproxy x30", "express+opossum", "express+cockatiel", "express", "direct"),
  plans: ({ before, during, after }) => {
    const trigger = Math.min(10, during);
    return [
      plan({
        label: "storm",
        load: TRIGGER_LOAD,
        retries: 3,
        phases: [phase(before, TRIGGER_LOAD), phase(trigger, TRIGGER_LOAD), phase(Math.max(12, after), TRIGGER_LOAD)],
        changes: [
          { at: before, dependency: 0, state: { slots: NORMAL.slots * TRIGGER_SLOTS } },
          { at: before + trigger, dependency: 0, state: { slots: NORMAL.slots } },
        ],
      }),
    ];
  },
  measure(run) {
    const [during, after] = [spanOf(run.plan, 1), spanOf(run.plan, 2)];
    const later = { from: after.from + 5000, to: after.to };
    const first = (at: number): boolean => at >= later.from && at < later.to;
    const asked = run.attempts.filter(({ attempt, due }) => attempt === 1 && first(due)).length;
    const got = goodput(run.attempts, later) * ((later.to - later.from) / 1000);
    return {
      "during: goodput %": (100 * goodput(run.attempts, during)) / (CAPACITY * TRIGGER_SLOTS),
      "during: critical %": byClass(run, during)["critical %"]!,
      "5 s later: goodput %": Math.min(100, (100 * got) / asked),
      "5 s later: success %": 100 * success(dueIn(run.attempts, later)),
      "recovery s": recovery(run.attempts, after),
      ...wasted(run),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) => {
    const begin = phases[0]!.seconds * 1000;
    const end = begin + phases[1]!.seconds * 1000;
    return CAPACITY * (at >= begin && at < end ? TRIGGER_SLOTS : TRIGGER_LOAD);
  },
  goals: [{ measure: "5 s later: goodput %", plan: "storm", sense: "at least", target: 98 }],
};

const TENANTS = 20;
const FLOOD = 10;
const EACH = 0.8 / TENANTS;

/** E7: twenty tenants of one class at 0.8 times the capacity, each at an address of its own; then the first sends ten times as much. */
export const FLOODED: Experiment = {
  id: "E7",
  title: "one of 20 tenants sends 10 times as much",
  peers: gates("spillway", "haproxy", "nginx limit_conn", "express+cockatiel", "express"),
  plans: ({ before, during, after }) => {
    const calm = Array.from({ length: TENANTS }, () => EACH);
    const flood = [EACH * FLOOD, ...calm.slice(1)];
    const load = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0);
    const of = (seconds: number, tenants: number[]) => phase(seconds, load(tenants), { tenants, classes: [0, 1, 0] });
    return [
      plan({ label: "flood", load: load(flood), phases: [of(before, calm), of(during, flood), of(after, calm)] }),
    ];
  },
  measure(run) {
    const during = dueIn(run.attempts, spanOf(run.plan, 1));
    const each = Array.from({ length: TENANTS }, (_, i) => success(during.filter(({ tenant }) => tenant === i)));
    const demands = run.plan.phases[1]!.tenants!.map((weight) => weight * CAPACITY);
    return {
      "others ok %": 100 * success(during.filter(({ tenant }) => tenant !== 0)),
      "worst other ok %": 100 * Math.min(...each.slice(1)),
      "flooder ok %": 100 * each[0]!,
      "flooder's fair share %": 100 * fairShares(demands, CAPACITY)[0]!,
      "Jain of the others": jain(each.slice(1)),
      "goodput %": (100 * goodput(run.attempts, spanOf(run.plan, 1))) / CAPACITY,
      ...wasted(run),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }, at) => {
    const begin = phases[0]!.seconds * 1000;
    const end = begin + phases[1]!.seconds * 1000;
    return Math.min(CAPACITY, phases[at >= begin && at < end ? 1 : 0]!.rate);
  },
  goals: [{ measure: "others ok %", plan: "flood", sense: "at least", target: 99 }],
};
