/** E10 and `self`: what is short is the gateway's own processor. */
import type { Experiment } from "../experiment.ts";
import { byClass, costs } from "../measures.ts";
import { gateway } from "../../contenders.ts";
import { openField } from "../../field.ts";
import { ONE_EACH, onPath } from "../../machine.ts";
import { measure } from "../../slices.ts";
import { median, quantile } from "../../statistics.ts";
import { HAPROXY, HOSTS, inNode, SPILLWAY } from "../peers.ts";
import { plan, spanOf } from "../plans.ts";
import { dueIn, goodput, latencies, recovery } from "../tally.ts";

/** Share of the requests that burn 20 ms in the process, and requests a second: the burning alone takes a CPU. */
const BURNING = 0.05;
const ATTACK_RATE = 1000;

/** E10: an application that protects itself with the middleware, and a part of whose own work is heavy. */
export const ATTACKED: Experiment = {
  id: "E10",
  title: "event loop attack: 5 % of 1,000 requests a second burn 20 ms of the process each",
  peers: HOSTS,
  plans: ({ before, during, after }) => [
    plan({
      label: "attack",
      load: 1.5,
      phases: [
        { seconds: before, rate: 300, paths: [1, 0] },
        { seconds: during, rate: ATTACK_RATE, paths: [1 - BURNING, BURNING] },
        { seconds: after, rate: 300, paths: [1, 0] },
      ],
      paths: ["/fixed", "/burn"],
      dependencies: "prepared",
    }),
  ],
  measure: (run) => ({
    ...byClass(run, spanOf(run.plan, 1)),
    "ok a second": goodput(run.attempts, spanOf(run.plan, 1)),
    "recovery s": recovery(run.attempts, spanOf(run.plan, 2)),
    ...costs(run),
  }),
  chart: "course",
  ideal: ({ phases }, at) => phases[at >= phases[0]!.seconds * 1000 ? 1 : 0]!.rate,
  goals: [{ measure: "critical %", plan: "attack", sense: "at least", target: 99 }],
};

export const SELF = "self";
const SELF_LOADS = [1.5, 2];
const SELF_CONNECTIONS = 512;

/** Requests a second that this machine's Spillway passes on when saturated by a closed loop: median of four slices. */
export async function ownCapacity(): Promise<number> {
  const field = await openField([gateway("spillway", { accessLog: true })], { size: 1024, cores: ONE_EACH });
  try {
    const generator = onPath("wrk") ? "wrk" : "node";
    const shape = { generator, connections: SELF_CONNECTIONS, seconds: 3, rounds: 2, cores: ONE_EACH.others } as const;
    const [measured] = await measure(field.running, shape);
    return median((measured?.slices ?? []).map(({ requests, seconds }) => requests / seconds));
  } finally {
    await field.close();
  }
}

/** More than the gateway's CPU can pass on, over 512 connections, to a dependency that answers at once. */
export const ownOverload = (perSecond: number): Experiment => ({
  id: SELF,
  title: `self-overload: 512 connections, in multiples of the ${Math.round(perSecond)} requests a second that Spillway passed on when saturated`,
  peers: [SPILLWAY, inNode("express", "no-gate.ts"), HAPROXY],
  plans: ({ before, during, after }) =>
    SELF_LOADS.map((load) =>
      plan({
        label: `${load}x`,
        load,
        phases: [
          { seconds: before, rate: perSecond / 2 },
          { seconds: during, rate: load * perSecond },
          { seconds: after, rate: perSecond / 2 },
        ],
        dependencies: "prepared",
        connections: SELF_CONNECTIONS,
        seats: SELF_CONNECTIONS,
      }),
    ),
  measure(run) {
    const during = spanOf(run.plan, 1);
    const ok = latencies(dueIn(run.attempts, during), ["ok", "stale"]);
    return {
      "goodput %": (100 * goodput(run.attempts, during)) / perSecond,
      ...byClass(run, during),
      "ok p50 ms": quantile(ok, 0.5),
      "ok p99 ms": quantile(ok, 0.99),
      "recovery s": recovery(run.attempts, spanOf(run.plan, 2)),
      ...costs(run),
    };
  },
  chart: "sweep",
  goals: [
    { measure: "goodput %", plan: "1.5x", sense: "at least", target: 90 },
    { measure: "goodput %", plan: "2x", sense: "at least", target: 70 },
    { measure: "critical %", plan: "1.5x", sense: "at least", target: 100 },
    { measure: "critical %", plan: "2x", sense: "at least", target: 100 },
    { measure: "ok p99 ms", plan: "2x", sense: "at most", target: 20 },
  ],
});
