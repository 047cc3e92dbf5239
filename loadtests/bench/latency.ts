/** Latency a contender adds over the direct call, at a rate well below saturation. */
import { DIRECT } from "./contenders.ts";
import { type Load, openLoop } from "./generator.ts";
import type { Running } from "./launch.ts";
import { thereAndBack } from "./slices.ts";
import { median } from "./statistics.ts";
import { figure, table } from "./table.ts";

export interface LatencyOptions {
  /** Requests a second. */
  rate: number;
  connections: number;
  seconds: number;
  rounds: number;
  cores: string;
}

export interface Latency {
  name: string;
  slices: Load[];
}

export async function measureLatency(running: readonly Running[], options: LatencyOptions): Promise<Latency[]> {
  const found: Latency[] = running.map(({ name }) => ({ name, slices: [] }));
  // Warm code first: a JIT that is still at work adds milliseconds that no second minute of service would show.
  for (const { port } of running) await openLoop({ ...options, port }, options.rate);
  for (const index of thereAndBack(running.length, options.rounds)) {
    const { port } = running[index] as Running;
    found[index]?.slices.push(await openLoop({ ...options, port }, options.rate));
    process.stderr.write(".");
  }
  process.stderr.write("\n");
  return found;
}

export function latencyTable(found: readonly Latency[]): string {
  const of = (one: Latency | undefined, rank: "p50" | "p99") => median((one?.slices ?? []).map((slice) => slice[rank]));
  const direct = found.find(({ name }) => name === DIRECT);
  const rows = found.map((one) => {
    const errors = one.slices.reduce((sum, slice) => sum + slice.errors, 0);
    return [
      errors > 0 ? `${one.name} !` : one.name,
      figure(of(one, "p50"), 3),
      figure(of(one, "p99"), 3),
      figure(of(one, "p50") - of(direct, "p50"), 3),
      figure(of(one, "p99") - of(direct, "p99"), 3),
      String(errors),
    ];
  });
  return table(["contender", "p50 ms", "p99 ms", "added p50", "added p99", "errors"], rows);
}
