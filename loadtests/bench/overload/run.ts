/** One run: a gateway and its dependencies, started for it alone, a load, and what happens to the dependencies meanwhile. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, type Running, start } from "../launch.ts";
import { ONE_EACH } from "../machine.ts";
import { cpuOf, residentOf } from "../proc.ts";
import type { GeneratorOrder } from "./generator.ts";
import { DIRECT, type Peer, type PeerSetting } from "./peers.ts";
import { type Attempt, readAttempts } from "./records.ts";
import { edges, type LoadPlan } from "./schedule.ts";
import type { SimulatorState } from "./simulator.ts";
import type { SlotsFigures } from "./slots.ts";

export interface Change {
  /** Seconds from the start. */
  readonly at: number;
  /** Index of the dependency. */
  readonly dependency: number;
  readonly state: Partial<SimulatorState>;
}

export interface Plan extends LoadPlan {
  readonly label: string;
  /** Load of the part that is measured, in capacities. */
  readonly load: number;
  /** Prefix of the path, and the dependency behind it. The first that fits. */
  readonly routes: readonly { readonly prefix: string; readonly dependency: number }[];
  /** State of each dependency at the start. `prepared`: one that answers at once from memory instead. */
  readonly dependencies: readonly Partial<SimulatorState>[] | "prepared";
  readonly seats: number;
  readonly changes: readonly Change[];
}

/** Once a second. */
export interface Sample {
  /** Seconds from the start. */
  readonly at: number;
  /** Seats by the gateway's own account; NaN where it tells none. */
  readonly limit: number;
  /** Most in flight at each dependency since the last. */
  readonly inFlight: readonly number[];
}

export interface Run {
  readonly peer: string;
  readonly plan: Plan;
  readonly attempts: readonly Attempt[];
  /** Of each dependency, over the whole run. */
  readonly figures: readonly SlotsFigures[];
  readonly samples: readonly Sample[];
  /** Of the gateway's process tree, over the whole run. */
  readonly cpuMicros: number;
  /** MiB at the end. */
  readonly resident: number;
  /** Refusals by the gateway's own account, `class: reason` to their number; empty where it tells none. */
  readonly reasons: Readonly<Record<string, number>>;
}

const GENERATOR = fileURLToPath(new URL("generator.ts", import.meta.url));
const SIMULATOR = fileURLToPath(new URL("simulator.ts", import.meta.url));
const PREPARED = fileURLToPath(new URL("../upstream.ts", import.meta.url));

/** Milliseconds from the order to the first arrival: the generator has to start and open its connections. */
const AHEAD = 1500;
/** Connections that are open before it begins. */
const WARM = 64;

/** A text when the peer cannot run here: the reason. */
export async function run(peer: Peer, plan: Plan, seed: number): Promise<Run | string> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-overload-"));
  const begun: Running[] = [];
  try {
    const ports = await startDependencies(plan, seed, folder, begun);
    const origin = (dependency: number): string => `http://127.0.0.1:${ports[dependency]!}`;
    const places = plan.routes.map(({ prefix, dependency }) => ({ prefix, origin: origin(dependency) }));
    const setting = { port: await freePort(), ops: await freePort(), places, seats: plan.seats, folder };
    const gateway = await startGateway(peer, setting, begun, ports);
    if (typeof gateway === "string") return gateway;
    return await measure(peer, gateway, { plan, seed, folder, ports, ops: setting.ops });
  } finally {
    for (const one of begun.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startDependencies(plan: Plan, seed: number, folder: string, begun: Running[]): Promise<number[]> {
  const { dependencies } = plan;
  const count = dependencies === "prepared" ? 1 : dependencies.length;
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
  const script = dependencies === "prepared" ? [PREPARED, String(ports[0]), "1024"] : [SIMULATOR, seed, ...ports];
  const command = [process.execPath, ...script.map(String)];
  begun.push(await start("dependencies", { command }, { port: ports[0]!, cores: ONE_EACH.others, folder }));
  if (dependencies === "prepared") return ports;
  for (const [index, state] of dependencies.entries()) await control(ports[index]!, state);
  return ports;
}

async function startGateway(
  peer: Peer,
  setting: PeerSetting,
  begun: Running[],
  ports: readonly number[],
): Promise<Running | string> {
  if (peer === DIRECT) return ports.length > 1 ? "there is no one port for several dependencies" : begun[0]!;
  const launch = peer.launch(setting);
  if (typeof launch === "string") return launch;
  const at = { port: setting.port, cores: ONE_EACH.contender, folder: setting.folder };
  const gateway = await start(peer.name.replaceAll(/\W+/g, "-"), launch, at);
  begun.push(gateway);
  return gateway;
}

interface Scene {
  readonly plan: Plan;
  readonly seed: number;
  readonly folder: string;
  readonly ports: readonly number[];
  readonly ops: number;
}

async function measure(peer: Peer, gateway: Running, { plan, seed, folder, ports, ops }: Scene): Promise<Run> {
  const output = join(folder, "attempts");
  const file = join(folder, "order.json");
  const simulated = plan.dependencies === "prepared" ? [] : ports;
  const before = await Promise.all(simulated.map(figuresOf));
  const startAt = Date.now() + AHEAD;
  const order: GeneratorOrder = { plan, port: gateway.port, seed, startAt, warm: WARM, output };
  writeFileSync(file, JSON.stringify(order));
  const seconds = edges(plan.phases).at(-1)! / 1000;
  const args = ["-c", ONE_EACH.others, process.execPath, GENERATOR, file];
  const limits = { timeout: AHEAD + seconds * 1000 + 30_000, maxBuffer: 1e6 };
  const generated = promisify(execFile)("taskset", args, limits);
  const ended = new AbortController();
  const changed = changes(plan, startAt, ports, ended.signal);
  const samples: Sample[] = [];
  const sampled = sample(
    samples,
    { startAt, ports: simulated, ops: peer.tellsLimit === true ? ops : undefined },
    ended.signal,
  );
  const spent = cpuOf(gateway.pid);
  try {
    await generated;
  } finally {
    ended.abort();
    await Promise.all([changed, sampled]);
  }
  const cpuMicros = cpuOf(gateway.pid) - spent;
  const after = await Promise.all(simulated.map(figuresOf));
  const figures = after.map((one, at) => less(one, before[at]!));
  const reasons = peer.tellsLimit === true ? readReasons(await metricsAt(ops)) : {};
  return {
    peer: peer.name,
    plan,
    attempts: readAttempts(output),
    figures,
    samples,
    cpuMicros,
    resident: residentOf(gateway.pid),
    reasons,
  };
}

function less(after: SlotsFigures, before: SlotsFigures): SlotsFigures {
  const { served, wasted, servedMs, wastedMs } = before;
  return {
    ...after,
    served: after.served - served,
    wasted: after.wasted - wasted,
    servedMs: after.servedMs - servedMs,
    wastedMs: after.wastedMs - wastedMs,
  };
}

async function changes(
  { changes: all }: Plan,
  startAt: number,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  for (const { at, dependency, state } of all.toSorted((a, b) => a.at - b.at)) {
    if (await over(startAt + at * 1000 - Date.now(), signal)) return;
    await control(ports[dependency]!, state);
  }
}

interface Watched {
  readonly startAt: number;
  readonly ports: readonly number[];
  readonly ops: number | undefined;
}

async function sample(into: Sample[], { startAt, ports, ops }: Watched, signal: AbortSignal): Promise<void> {
  for (let second = 1; ; second++) {
    if (await over(startAt + second * 1000 - Date.now(), signal)) return;
    const figures = await Promise.all(ports.map(figuresOf));
    const limit = ops === undefined ? Number.NaN : readLimit(await metricsAt(ops));
    into.push({ at: second, limit, inFlight: figures.map(({ mostInFlight }) => mostInFlight) });
  }
}

/** Waits; true when the run was over before. */
function over(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return pause(Math.max(0, milliseconds), false, { signal }).catch(() => true);
}

async function control(port: number, state: Partial<SimulatorState>): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/-/state`, { method: "PUT", body: JSON.stringify(state) });
}

async function figuresOf(port: number): Promise<SlotsFigures> {
  return (await (await fetch(`http://127.0.0.1:${port}/-/figures`)).json()) as SlotsFigures;
}

/** Empty when it does not answer in time: under overload of its own it may not. */
async function metricsAt(ops: number): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${ops}/metrics`, { signal: AbortSignal.timeout(1000) })).text();
  } catch {
    return "";
  }
}

/** The largest of its dependencies; NaN as long as it tells none. */
export function readLimit(metrics: string): number {
  const values = [...metrics.matchAll(/^spillway_admission_limit(?:\{[^}]*\})? ([\d.eE+-]+)$/gm)].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? Number.NaN : Math.max(...values);
}

export function readReasons(metrics: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, labels, value] of metrics.matchAll(/^spillway_refused_total\{([^}]*)\} (\d+)$/gm)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels!)?.[1] ?? "";
    const key = `${label("class")}: ${label("reason")}`;
    found[key] = (found[key] ?? 0) + Number(value);
  }
  return found;
}
