import { resultOf, type Contender, type Result } from "./results.ts";
import { phase, throughput, type Scenario } from "./scenario.ts";

/** A dependency and a load out of the ranges that the adaptive limit is held to. */
export interface Cell {
  readonly slots: number;
  /** Mean milliseconds of a call, and sigma of its lognormal distribution. */
  readonly mean: number;
  readonly sigma: number;
  /** Times the capacity. */
  readonly load: number;
  /** Slowdown by each call that waits inside. */
  readonly retrograde: number;
}

/** Every dependency of 2 to 500 slots and 2 ms to 2 s, loads of 0.7 to 5. */
export const cells: readonly Cell[] = [2, 5, 20, 100, 500].flatMap((slots) =>
  [2, 10, 50, 300, 2000].flatMap((mean) =>
    [0, 0.5, 1].flatMap((sigma) => [
      ...[0.7, 1.2, 2, 5].map((load) => ({ slots, mean, sigma, load, retrograde: 0 })),
      { slots, mean, sigma, load: 2, retrograde: 0.01 * Math.min(1, 20 / slots) },
    ]),
  ),
);

/** Calls that one run simulates at most: larger dependencies run for a shorter time. */
const CALLS = 120_000;

/** 25 call times to get going, then up to 400 of them. */
export function scenarioOf({ slots, mean, sigma, load, retrograde }: Cell): Scenario {
  const kinds = [{ route: "all", share: 1, mean, sigma }];
  const rate = load * throughput(kinds, { slots });
  const seconds = Math.min(Math.max(30, 0.4 * mean), Math.max(3, CALLS / rate));
  const capacity = { slots, retrograde };
  return {
    name: `${slots} slots of ${mean} ms, sigma ${sigma}, ${load} x${retrograde > 0 ? ", retrograde" : ""}`,
    about: "",
    patience: Math.max(1250, 25 * mean),
    phases: [
      phase(Math.min(Math.max(1, 0.025 * mean), 60), load, kinds, capacity, "unjudged"),
      phase(seconds, load, kinds, capacity),
    ],
  };
}

/** One seed: the cells are many. */
export const sweepOf = (contender: Contender, cell: Cell): Result => resultOf(contender, scenarioOf(cell), [1]);
