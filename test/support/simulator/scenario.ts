import type { Capacity } from "./dependency.ts";

/** Calls of one kind. */
export interface Kind {
  readonly route: string;
  /** Of all calls, 0 to 1. */
  readonly share: number;
  /** Mean milliseconds of work until the head of the answer. */
  readonly mean: number;
  /** Sigma of the lognormal distribution of that work; 0 = always the mean. */
  readonly sigma: number;
  /** Milliseconds from the head to the end of the answer; nothing is learned from them. */
  readonly body?: number;
}

export interface Phase {
  readonly seconds: number;
  /** Calls a second, Poisson. */
  readonly rate: number;
  readonly kinds: readonly Kind[];
  readonly capacity: Capacity;
  /** Whether what is served counts; refusals count in all of them. */
  readonly judged: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Milliseconds that a client waits for the head of its answer. */
  readonly patience: number;
  readonly phases: readonly Phase[];
}

/** Milliseconds of work in a mean call, its body with it. */
export const workOf = (kinds: readonly Kind[]): number =>
  kinds.reduce((sum, { share, mean, body = 0 }) => sum + share * (mean + body), 0);

/** Calls a second that a dependency can end. */
export const throughput = (kinds: readonly Kind[], { slots, slowdown = 1 }: Capacity): number =>
  (slots * 1000) / (slowdown * workOf(kinds));

/** A phase at `load` times what the dependency can do. */
export function phase(
  seconds: number,
  load: number,
  kinds: readonly Kind[],
  capacity: Capacity,
  judged: "judged" | "unjudged" = "judged",
): Phase {
  return { seconds, rate: load * throughput(kinds, capacity), kinds, capacity, judged: judged === "judged" };
}

const MINUTE = 60;
const PATIENCE = 1250;
const TWENTY: Capacity = { slots: 20 };

/** The dependency of the published comparison: 20 slots, 50 ms a call, 400 calls a second. */
const even: readonly Kind[] = [{ route: "all", share: 1, mean: 50, sigma: 0.5 }];

/** Light calls of 20 ms and heavy ones of 320 ms, on routes of their own. */
const mixed = (heavy: number): readonly Kind[] => [
  { route: "light", share: 1 - heavy, mean: 20, sigma: 0.3 },
  { route: "heavy", share: heavy, mean: 320, sigma: 0.3 },
];

const streams: readonly Kind[] = [
  { route: "page", share: 0.5, mean: 20, sigma: 0.5 },
  { route: "stream", share: 0.5, mean: 20, sigma: 0.5, body: 1000 },
];

const slow: readonly Kind[] = [{ route: "all", share: 1, mean: 400, sigma: 0.5 }];

/** The scenarios that every algorithm runs; times and loads as in published comparisons of limiters. */
export const scenarios: readonly Scenario[] = [
  {
    name: "A",
    about: "3 x capacity from a cold start, 2 minutes",
    patience: PATIENCE,
    phases: [phase(2 * MINUTE, 3, even, TWENTY)],
  },
  {
    name: "B",
    about: "2 x capacity, 15 minutes",
    patience: PATIENCE,
    phases: [phase(15 * MINUTE, 2, even, TWENTY)],
  },
  {
    name: "C",
    about: "at 0.7 x all calls become twice as slow",
    patience: PATIENCE,
    phases: [
      phase(MINUTE, 0.7, even, TWENTY, "unjudged"),
      phase(2 * MINUTE, 1.4, even, { slots: 20, slowdown: 2 }),
      phase(MINUTE, 0.7, even, TWENTY),
    ],
  },
  {
    name: "D",
    about: "2 x capacity, each call that waits inside slows the others down by 1 %",
    patience: PATIENCE,
    phases: [phase(2 * MINUTE, 2, even, { slots: 20, retrograde: 0.01 })],
  },
  {
    name: "E",
    about: "2 x capacity, 90 % of 20 ms and 10 % of 320 ms",
    patience: PATIENCE,
    phases: [phase(2 * MINUTE, 2, mixed(0.1), TWENTY)],
  },
  {
    name: "F",
    about: "heavy calls go from 10 to 40 %, always 0.7 x",
    patience: PATIENCE,
    phases: [phase(MINUTE, 0.7, mixed(0.1), TWENTY, "unjudged"), phase(3 * MINUTE, 0.7, mixed(0.4), TWENTY)],
  },
  {
    name: "F'",
    about: "then 2 x capacity",
    patience: PATIENCE,
    phases: [
      phase(MINUTE, 0.7, mixed(0.1), TWENTY, "unjudged"),
      phase(2 * MINUTE, 0.7, mixed(0.4), TWENTY, "unjudged"),
      phase(2 * MINUTE, 2, mixed(0.4), TWENTY),
    ],
  },
  {
    name: "G",
    about: "8 calls a second for 5 minutes, then 2 x capacity",
    patience: PATIENCE,
    phases: [phase(5 * MINUTE, 0.02, even, TWENTY, "unjudged"), phase(MINUTE, 2, even, TWENTY)],
  },
  {
    name: "H",
    about: "2 x capacity, half the answers have a body of 1 s behind a head of 20 ms",
    patience: PATIENCE,
    phases: [phase(5 * MINUTE, 2, streams, TWENTY)],
  },
  {
    name: "I",
    about: "2 slots of 400 ms, 0.5 x for 5 minutes, then 2 x",
    patience: 10_000,
    phases: [phase(5 * MINUTE, 0.5, slow, { slots: 2 }, "unjudged"), phase(5 * MINUTE, 2, slow, { slots: 2 })],
  },
];
