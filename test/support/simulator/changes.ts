import type { Bounds } from "../../../src/admission/limits/limit.ts";
import type { Capacity } from "./dependency.ts";
import { phase, type Phase, type Scenario } from "./scenario.ts";

/** A scenario in which the dependency changes, or the first guess is wrong. */
export interface Change extends Scenario {
  readonly bounds: Bounds;
}

const BOUNDS: Bounds = { initial: 10, min: 2, max: 1000 };
const KINDS = [{ route: "all", share: 1, mean: 50, sigma: 0.5 }];

/** At `rate` calls a second. */
const at = (seconds: number, rate: number, capacity: Capacity, judged: boolean): Phase => ({
  seconds,
  rate,
  kinds: KINDS,
  capacity,
  judged,
});

const change = (name: string, phases: readonly Phase[], bounds: Bounds = BOUNDS): Change => ({
  name,
  about: "",
  patience: 1250,
  phases,
  bounds,
});

/** Each of them served at 95 % at least, from the moment of the change. */
export const changes: readonly Change[] = [
  change("a first guess ten times too high, 12 s at 3 x", [phase(12, 3, KINDS, { slots: 10 })], {
    ...BOUNDS,
    initial: 100,
  }),
  change("calls become four times faster", [
    at(60, 800, { slots: 20, slowdown: 4 }, false),
    at(30, 800, { slots: 20 }, true),
  ]),
  change("a quarter of the slots becomes all of them", [
    at(60, 800, { slots: 5 }, false),
    at(30, 800, { slots: 20 }, true),
  ]),
  change("three quarters of the slots are lost", [at(60, 800, { slots: 40 }, false), at(30, 800, { slots: 10 }, true)]),
  change("half the slots are lost at 0.7 x", [at(30, 280, { slots: 20 }, false), at(60, 280, { slots: 10 }, true)]),
  change(
    "5 s at 0.5 x and 5 s at 3 x, again and again",
    Array.from({ length: 12 }, (_, turn) => phase(5, turn % 2 === 0 ? 0.5 : 3, KINDS, { slots: 20 })),
  ),
  change("0.95 x, never quite overloaded", [phase(60, 0.95, KINDS, { slots: 20 })]),
  change("what finds no slot and five waiting is refused", [phase(60, 2, KINDS, { slots: 20, depth: 5 })]),
  change("20 s in which all is refused", [
    at(20, 800, { slots: 20 }, false),
    at(20, 800, { slots: 0, depth: 0 }, false),
    at(40, 800, { slots: 20 }, true),
  ]),
  change("one slot", [phase(30, 2, [{ route: "all", share: 1, mean: 5, sigma: 0.5 }], { slots: 1 })]),
];
