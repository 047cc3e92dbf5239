/** Runs a contender under --cpu-prof for one slice of load and says where its CPU time went. */
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./contenders.ts";
import { type CpuProfile, type SelfTime, selfTime } from "./cpuprofile.ts";
import { openField } from "./field.ts";
import { type Generator, closedLoop } from "./generator.ts";
import type { Cores } from "./machine.ts";
import { figure, table } from "./table.ts";

export interface ProfileOptions {
  generator: Generator;
  connections: number;
  /** Of the slice that is read, and of the one before that only warms. */
  seconds: number;
  size: number;
  cores: Cores;
  /** Where profiles are left, for a viewer. */
  folder: string;
}

export interface Profiled extends SelfTime {
  file: string;
  requests: number;
}

/** How many functions are shown. */
const SHOWN = 25;

/** A text when the contender does not run here. The profiler slows what it watches: read shares, not times. */
export async function profile(contender: Contender, options: ProfileOptions): Promise<Profiled | string> {
  const folder = join(options.folder, `${contender.name}-${Date.now()}`);
  mkdirSync(folder, { recursive: true });
  const field = await openField([underProfiler(contender, folder)], options);
  try {
    const one = field.running[0];
    if (one === undefined) return field.absent[0]?.reason ?? "did not start";
    const shape = { ...options, port: one.port, cores: options.cores.others };
    await closedLoop(options.generator, shape);
    const from = monotonicMicros();
    const { requests } = await closedLoop(options.generator, shape);
    const until = monotonicMicros();
    await one.stop();
    const busiest = readProfiles(folder, from, until)[0];
    return busiest === undefined ? "left no profile behind: it did not end by itself" : { ...busiest, requests };
  } finally {
    await field.close();
  }
}

function underProfiler(contender: Contender, folder: string): Contender {
  const preload = new URL("end-on-term.ts", import.meta.url).href;
  const flags = `--cpu-prof --cpu-prof-dir=${folder} --import=${preload}`;
  return {
    name: contender.name,
    launch(setting) {
      const launch = contender.launch(setting);
      return typeof launch === "string" ? launch : { ...launch, env: { ...launch.env, NODE_OPTIONS: flags } };
    },
  };
}

/** One profile a process, the busiest first. */
function readProfiles(folder: string, from: number, until: number): (SelfTime & { file: string })[] {
  return readdirSync(folder)
    .map((entry) => join(folder, entry))
    .map((file) => ({ file, ...selfTime(JSON.parse(readFileSync(file, "utf8")) as CpuProfile, from, until) }))
    .sort((a, b) => b.busy - a.busy);
}

function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export function profileTable({ hot, busy, idle, requests }: Profiled): string {
  const rows = hot
    .slice(0, SHOWN)
    .map(({ where, share }) => [where, figure(share * 100), figure((share * busy) / requests, 2)]);
  const note = `busy ${figure(busy / requests)} us a request; idle to V8 (socket reads among it): ${figure(idle / requests)} us`;
  return `${table(["self time", "%", "us/request"], rows)}\n${note}`;
}
