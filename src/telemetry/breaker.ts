/** States of breakers: read when somebody asks. */
import type { BreakerReading } from "../core/breaker-control.ts";
import type { DependencyReading } from "../core/dependency-reading.ts";
import type { View } from "./view.ts";

const STATES: readonly BreakerReading["state"][] = ["closed", "open", "half-open", "isolated", "forced-closed"];

export const breakerViews = (read: () => readonly DependencyReading[]): readonly View[] => [
  {
    name: "spillway_breaker_state",
    help: "Processes in which the breaker of a dependency is in a state",
    type: "gauge",
    aggregator: "sum",
    samples: () =>
      read().flatMap(({ name, breaker }) =>
        STATES.map((state) => ({ labels: { dependency: name, state }, value: breaker.state === state ? 1 : 0 })),
      ),
  },
  {
    name: "spillway_breaker_opened_total",
    help: "How often the breaker of a dependency opened by itself",
    type: "counter",
    aggregator: "sum",
    samples: () => read().map(({ name, breaker }) => ({ labels: { dependency: name }, value: breaker.opened })),
  },
];
