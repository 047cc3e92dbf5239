/** Targets of dependencies: read from the balancers when somebody asks. Their labels are what the configuration says. */
import type { DependencyReading, TargetReading } from "../core/dependency-reading.ts";
import type { View } from "./view.ts";

type Figure = readonly [name: string, help: string, of: (target: TargetReading) => number];

const summed: readonly Figure[] = [
  ["spillway_target_in_flight", "Requests that a target has", ({ inFlight }) => inFlight],
];

const counted: readonly Figure[] = [
  ["spillway_target_requests_total", "Requests sent to a target, repetitions included", ({ requests }) => requests],
  ["spillway_target_ejections_total", "Times that a target was left out for its failures", (one) => one.ejections],
];

/** Of several processes the mean: how many of them use it. */
const averaged: readonly Figure[] = [
  [
    "spillway_target_usable",
    "1 while a target is neither ejected nor found unhealthy",
    ({ state }) => (state === "ejected" || state === "unhealthy" ? 0 : 1),
  ],
  ["spillway_target_weight", "Weight of a target that is in force", ({ weight }) => weight],
  [
    "spillway_target_latency_seconds",
    "Until the head of an answer of a target: moving average that follows peaks at once",
    ({ latencyMs }) => latencyMs / 1000,
  ],
];

export function targetViews(read: () => readonly DependencyReading[]): readonly View[] {
  const view = ([name, help, of]: Figure, type: View["type"], aggregator: View["aggregator"]): View => ({
    name,
    help,
    type,
    aggregator,
    samples: () =>
      read().flatMap(({ name: dependency, targets }) =>
        targets.map((target) => ({ labels: { dependency, target: target.origin }, value: of(target) })),
      ),
  });
  return [
    ...summed.map((figure) => view(figure, "gauge", "sum")),
    ...counted.map((figure) => view(figure, "counter", "sum")),
    ...averaged.map((figure) => view(figure, "gauge", "average")),
    {
      name: "spillway_balance_panic",
      help: "1 while so few targets are usable that all are used",
      type: "gauge",
      aggregator: "max",
      samples: () => read().map(({ name, panic }) => ({ labels: { dependency: name }, value: panic ? 1 : 0 })),
    },
  ];
}
