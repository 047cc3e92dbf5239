import { createLimit, type LimitSettings } from "../../../src/admission/limits/choice.ts";
import { seeded } from "../traces.ts";
import { noRoom, priorityRoom, type Room } from "./room.ts";
import { scenarios, type Scenario } from "./scenario.ts";
import { simulate, type Run } from "./simulate.ts";

/** What one algorithm did in one scenario: means over the seeds, shares from 0 to 1. */
export interface Result {
  readonly served: number;
  /** The worst seed. */
  readonly worst: number;
  readonly refused: number;
  /** Milliseconds from arrival to head. */
  readonly p99: number;
  readonly limit: number;
  /** The limit in the first minute's last 5 s, and in the last 5 s of all. */
  readonly minute: number;
  readonly end: number;
}

export interface Contender {
  readonly name: string;
  readonly settings: LimitSettings;
  readonly room: () => Room;
}

const SEEDS = [1, 2, 3];
const BOUNDS = { initial: 10, min: 2, max: 1000 };
const fixed = (seats: number): LimitSettings => ({ algorithm: "fixed", ...BOUNDS, initial: seats });

export const contenders: readonly Contender[] = [
  { name: "fixed, 20 = all slots", settings: fixed(20), room: noRoom },
  { name: "fixed, 30", settings: fixed(30), room: noRoom },
  { name: "fixed, 200", settings: fixed(200), room: noRoom },
  { name: "aimd", settings: { algorithm: "aimd", ...BOUNDS }, room: noRoom },
  { name: "vegas", settings: { algorithm: "vegas", ...BOUNDS }, room: noRoom },
  { name: "gradient2", settings: { algorithm: "gradient2", ...BOUNDS }, room: noRoom },
  { name: "adaptive", settings: { algorithm: "adaptive", ...BOUNDS }, room: noRoom },
  { name: "adaptive behind a queue", settings: { algorithm: "adaptive", ...BOUNDS }, room: priorityRoom },
];

/** One scenario, all seeds. */
export function resultOf({ settings, room }: Contender, scenario: Scenario, seeds: readonly number[] = SEEDS): Result {
  const runs = seeds.map((seed) => simulate(scenario, createLimit(settings, seeded(seed)), seed, room()));
  const mean = (of: (run: Run) => number): number => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  return {
    served: mean(({ served }) => Math.min(1, served)),
    worst: Math.min(1, ...runs.map(({ served }) => served)),
    refused: mean(({ refused }) => refused),
    p99: mean(({ p99 }) => p99),
    limit: mean(({ limit }) => limit),
    minute: mean(({ limits }) => limits[11] ?? 0),
    end: mean(({ limits }) => limits.at(-1) ?? 0),
  };
}

/** Of each contender by name, the results by scenario. */
export type Results = Readonly<Record<string, Readonly<Record<string, Result>>>>;

export const results = (): Results =>
  Object.fromEntries(
    contenders.map((contender) => [
      contender.name,
      Object.fromEntries(scenarios.map((scenario) => [scenario.name, resultOf(contender, scenario)])),
    ]),
  );
