/** One big body each way: throughput, processor time and the memory that it takes. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Running } from "./launch.ts";
import { cpuOf, residentOf } from "./proc.ts";
import { thereAndBack } from "./slices.ts";
import { median, pairedRatio, quantile } from "./statistics.ts";
import { figure, table } from "./table.ts";

const run = promisify(execFile);

type Direction = "down" | "up";

interface Transfer {
  /** MiB a second. */
  rate: number;
  /** Milliseconds of the contender's processor time. */
  cpuMillis: number;
  /** MiB above what was resident before it, at most. Looked at every 20 ms. */
  extra: number;
}

export interface Bulk {
  name: string;
  down: Transfer[];
  up: Transfer[];
}

export interface BulkOptions {
  /** Of one body. */
  octets: number;
  rounds: number;
  /** CPUs of the client. */
  cores: string;
}

export async function measureBulk(running: readonly Running[], options: BulkOptions): Promise<Bulk[]> {
  const found: Bulk[] = running.map(({ name }) => ({ name, down: [], up: [] }));
  for (const direction of ["down", "up"] as const) {
    for (const one of running) await transfer(one, direction, { ...options, octets: options.octets / 8 });
    for (const index of thereAndBack(running.length, options.rounds)) {
      found[index]![direction].push(await transfer(running[index]!, direction, options));
      process.stderr.write(".");
    }
  }
  process.stderr.write("\n");
  return found;
}

async function transfer(one: Running, direction: Direction, { octets, cores }: BulkOptions): Promise<Transfer> {
  const file = fileURLToPath(new URL("bulk-loop.ts", import.meta.url));
  const before = residentOf(one.pid);
  const cpuBefore = cpuOf(one.pid);
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, residentOf(one.pid))), 20);
  try {
    const args = ["-c", cores, process.execPath, file, String(one.port), direction, String(octets)];
    const { stdout } = await run("taskset", args, { timeout: 120_000 });
    const { seconds } = JSON.parse(stdout) as { seconds: number };
    const cpuMillis = (cpuOf(one.pid) - cpuBefore) / 1000;
    return { rate: octets / 1024 ** 2 / seconds, cpuMillis, extra: Math.max(0, most - before) };
  } finally {
    clearInterval(watch);
  }
}

/** Ratios count from the contender called `base`. */
export function bulkTable(found: readonly Bulk[], base: string): string {
  const floor = found.find(({ name }) => name === base);
  const rows = found.flatMap((one) =>
    (["down", "up"] as const).map((direction) => {
      const of = (bulk: Bulk | undefined, what: keyof Transfer): number[] =>
        (bulk?.[direction] ?? []).map((each) => each[what]);
      return [
        `${one.name} ${direction}`,
        figure(median(of(one, "rate")), 0),
        figure(pairedRatio(of(one, "rate"), of(floor, "rate")), 2),
        figure(median(of(one, "cpuMillis")), 0),
        figure(pairedRatio(of(one, "cpuMillis"), of(floor, "cpuMillis")), 2),
        figure(quantile(of(one, "extra"), 1), 0),
      ];
    }),
  );
  return table(["contender", "MiB/s", "ratio", "CPU ms", "ratio", "extra RSS MiB"], rows);
}
