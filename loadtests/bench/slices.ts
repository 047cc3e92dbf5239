/** Slices of load, contender by contender, there and back again, so that slow drift of the machine meets all alike. */
import { type Generator, type Load, closedLoop } from "./generator.ts";
import type { Running } from "./launch.ts";
import { cpuOf, residentOf } from "./proc.ts";

interface Slice extends Load {
  /** User and system time of the contender's whole process tree, microseconds over answered requests. */
  cpuMicros: number;
  /** The contender hardly got onto its CPU: something else on the machine had it, and the slice says nothing. */
  starved: boolean;
}

/** Less of its CPU than this share, under a load that saturates it, and a slice is starved. */
const STARVED = 0.1;

/** How often a starved slice is measured again before it is left as it is. */
const AGAIN = 3;

export interface Measured {
  name: string;
  /** MiB of the process tree before the first load and after the last. */
  residentBefore: number;
  residentAfter: number;
  slices: Slice[];
}

export interface SliceOptions {
  generator: Generator;
  connections: number;
  seconds: number;
  /** A round is two slices a contender: one on the way there, one on the way back. */
  rounds: number;
  /** CPUs of the generator. */
  cores: string;
}

/** Indexes 0..count-1, then backwards, as often as there are rounds. */
export function thereAndBack(count: number, rounds: number): number[] {
  const there = Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: rounds }, () => [...there, ...there.toReversed()]).flat();
}

/** One slice of warming a contender, counted nowhere, then the rounds. */
export async function measure(running: readonly Running[], options: SliceOptions): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const one of running) {
    const residentBefore = residentOf(one.pid);
    measured.push({ name: one.name, residentBefore, residentAfter: residentBefore, slices: [] });
  }
  for (const one of running) await slice(one, options);
  for (const index of thereAndBack(running.length, options.rounds)) {
    const one = running[index] as Running;
    const record = measured[index] as Measured;
    let found = await slice(one, options);
    for (let again = 0; found.starved && again < AGAIN; again++) {
      process.stderr.write("~");
      found = await slice(one, options);
    }
    record.slices.push(found);
    record.residentAfter = residentOf(one.pid);
    process.stderr.write(".");
  }
  process.stderr.write("\n");
  return measured;
}

async function slice(one: Running, { generator, connections, seconds, cores }: SliceOptions): Promise<Slice> {
  const before = cpuOf(one.pid);
  const load = await closedLoop(generator, { port: one.port, connections, seconds, cores });
  const spent = cpuOf(one.pid) - before;
  return { ...load, cpuMicros: spent / load.requests, starved: spent < STARVED * seconds * 1e6 };
}
