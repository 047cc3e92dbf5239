/** E0: a gateway that has just been started, under the whole load at once, before dependencies that can do much more than that. */
import type { Experiment } from "../experiment.ts";
import { byClass, costs } from "../measures.ts";
import { HAPROXY, SPILLWAY } from "../peers.ts";
import { plan, spanOf } from "../plans.ts";
import { NORMAL } from "../simulator.ts";
import { dueIn, share } from "../tally.ts";

const SLOTS = 500;
/** Of 2,500 a second that the slots could do in 200 ms each: 200 are under way. */
const WIDE_RATE = 1000;
/** To a dependency that answers at once. */
const FAST_RATE = 3000;
const FIRST = 5;

export const COLD: Experiment = {
  id: "E0",
  title: "cold start under load: 1,000 a second to 500 slots of 200 ms, 3,000 a second to one that answers at once",
  peers: [SPILLWAY, HAPROXY],
  plans: ({ after }) => [
    plan({
      label: "wide",
      load: 0.4,
      phases: [FIRST, after].map((seconds) => ({ seconds, rate: WIDE_RATE })),
      paths: ["/wide"],
      dependencies: [{ ...NORMAL, slots: SLOTS }],
      seats: SLOTS,
    }),
    plan({
      label: "fast",
      load: 0.3,
      phases: [FIRST, after].map((seconds) => ({ seconds, rate: FAST_RATE })),
      dependencies: "prepared",
      seats: SLOTS,
    }),
  ],
  measure(run) {
    const [first, then] = [0, 1].map((index) => dueIn(run.attempts, spanOf(run.plan, index)));
    return {
      "first 5 s: refused %": 100 * share(first!, "refused"),
      "then: refused %": 100 * share(then!, "refused"),
      ...byClass(run, spanOf(run.plan, 0)),
      ...costs(run),
    };
  },
  chart: "course",
  ideal: ({ phases }) => phases[0]!.rate,
  goals: ["wide", "fast"].flatMap((label) => [
    { measure: "first 5 s: refused %", plan: label, sense: "at most", target: 1 } as const,
    { measure: "then: refused %", plan: label, sense: "at most", target: 0 } as const,
  ]),
};
