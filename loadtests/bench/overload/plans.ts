/** The parts plans are made of. */
import type { Plan } from "./run.ts";
import { NORMAL } from "./simulator.ts";
import { edges, type LoadPlan, type Phase } from "./schedule.ts";
import type { Span } from "./tally.ts";
import { MEAN_MS } from "./work.ts";

/** Requests a second of the default dependency at its mean work. */
export const CAPACITY = (NORMAL.slots * 1000) / MEAN_MS;

const LOAD: LoadPlan = { phases: [], paths: ["/fixed"], patience: 1000, retries: 0, connections: 8000 };

/** One dependency behind one route, at its normal state; what is given replaces that. */
export function plan(given: Partial<Plan> & Pick<Plan, "label" | "load" | "phases">): Plan {
  return {
    ...LOAD,
    routes: [{ prefix: "/", dependency: 0 }],
    dependencies: [NORMAL],
    seats: NORMAL.slots,
    changes: [],
    ...given,
  };
}

export const phase = (seconds: number, load: number, more: Partial<Phase> = {}): Phase => ({
  seconds,
  rate: load * CAPACITY,
  ...more,
});

/** When the nth phase is on. */
export function spanOf({ phases }: Pick<Plan, "phases">, index: number): Span {
  const all = edges(phases);
  return { from: all[index]!, to: all[index + 1]! };
}
