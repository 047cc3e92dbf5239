import { Gate, type GateParts, type GateRules } from "./admission/gate.ts";
import { createLimit } from "./admission/limits/choice.ts";
import { FleetSeats } from "./admission/fleet-seats.ts";
import { partOf, type Desk, type Lenders } from "./admission/lending.ts";
import type { Limit } from "./admission/limits/limit.ts";
import type { LimitSettings } from "./admission/settings.ts";
import type { Config } from "./config/schema.ts";
import type { SharedRedis } from "./cache/tiers/open.ts";
import type { Breakers } from "./breakers.ts";
import { createHexSource, type Clock, type Random } from "./core/clock.ts";
import type { DependencyReading } from "./core/dependency-reading.ts";
import type { HttpDependency } from "./dependency/port.ts";

/** The gate of a dependency, and what it was made for. */
export interface GateInUse {
  readonly gate: Gate;
  readonly settings: LimitSettings;
  /** The targets whose capacity it is about. */
  readonly targets: string;
}

export type Gates = ReadonlyMap<string, GateInUse>;

/** Which of the processes that share the seats of this gateway this is, from 0, and how many they are. */
export interface Share {
  readonly process: number;
  readonly processes: number;
}

/** Every wait is of no use where the gate is not in force. */
const NO_WAIT: readonly number[] = [0, 0, 0, 0, 0];

/**
 * A gate for every dependency. One whose targets are as before is taken over with all who have a seat or wait for one,
 * so that a reload loses nobody; {@link settleGates} gives it its new settings.
 */
export function buildGates(config: Config, before: Gates | undefined, parts: GateParts & Share): Gates {
  const gates = new Map<string, GateInUse>();
  for (const [name, { http, limit: settings }] of Object.entries(config.dependencies)) {
    const targets = JSON.stringify(http.targets);
    const former = before?.get(name);
    const gate =
      former?.targets === targets ? former.gate : new Gate(limitOf(settings, parts), rulesOf(settings), parts);
    gates.set(name, { gate, settings, targets });
  }
  return gates;
}

/** Puts the settings of gates in force that were taken over; a limit starts anew where its own have changed. */
export function settleGates(gates: Gates, before: Gates, parts: LimitParts): void {
  for (const [name, { gate, settings }] of gates) {
    const former = before.get(name);
    if (former?.gate !== gate || JSON.stringify(former.settings) === JSON.stringify(settings)) continue;
    gate.configure(rulesOf(settings), sameLimit(former.settings, settings) ? undefined : limitOf(settings, parts));
  }
}

/** What each dependency's gate has to lend to others of a kind, or would borrow from them. */
export function desksOf(gates: Gates, among: Lenders): Record<string, Desk> {
  const desks: Record<string, Desk> = {};
  for (const [name, { gate }] of gates) {
    const desk = gate.desk(among);
    if (desk) desks[name] = desk;
  }
  return desks;
}

/** Seats of others by name of the dependency, negative where they are lent; a name left out has none. */
export function borrow(gates: Gates, among: Lenders, lent: Readonly<Record<string, number>>): void {
  for (const [name, { gate }] of gates) gate.borrow(among, lent[name] ?? 0);
}

interface FleetParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly redis: SharedRedis;
  readonly gates: () => Gates;
}

/** Lends seats to the other instances that share this Redis, and borrows theirs, until it is closed. */
export function joinFleet({ clock, random, redis, gates }: FleetParts): FleetSeats {
  const { prefix, deadline } = redis;
  return new FleetSeats({
    clock,
    random,
    link: redis.redis.link("seats", deadline),
    key: `${prefix}:seats`,
    id: createHexSource(8, 8)(),
    desks: () => desksOf(gates(), "fleet"),
    borrow: (lent) => borrow(gates(), "fleet", lent),
  });
}

/** What is known of each dependency: of its targets, its seats and its breaker. */
export const readDependencies = (
  gates: Gates,
  breakers: Breakers,
  dependencies: ReadonlyMap<string, Pick<HttpDependency, "balancer">>,
): readonly DependencyReading[] =>
  Array.from(gates, ([name, { gate }]) => ({
    name,
    ...dependencies.get(name)!.balancer.read(),
    admission: gate.read(),
    breaker: breakers.get(name)!.breaker.read(),
  }));

function sameLimit(a: LimitSettings, b: LimitSettings): boolean {
  if (a === "off" || b === "off") return a === b;
  const { mode: _a, queue: _b, ...former } = a;
  const { mode: _c, queue: _d, ...next } = b;
  return JSON.stringify(former) === JSON.stringify(next);
}

/** Seats that nobody counts with. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

type LimitParts = Share & { readonly random: Random };

/** The part of a process in a limit whose settings are for all. */
function limitOf(settings: LimitSettings, { process, processes, random }: LimitParts): Limit {
  if (settings === "off")
    return createLimit({ algorithm: "fixed", initial: UNBOUNDED, min: 1, max: UNBOUNDED }, random);
  const { algorithm, initial, min, max } = settings;
  const part = (seats: number): number => partOf(seats, process, processes);
  return createLimit({ algorithm, initial: part(initial), min: part(min), max: part(max) }, random);
}

function rulesOf(settings: LimitSettings): GateRules {
  if (settings === "off") return { mode: "off", caps: NO_WAIT, depth: 0 };
  const { mode, queue } = settings;
  const { depth, system, critical, default: middle, sheddable, bulk } = queue;
  const most = settings.algorithm === "fixed" ? undefined : settings.max;
  return { mode, caps: [system, critical, middle, sheddable, bulk], depth, most };
}
