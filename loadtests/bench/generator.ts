/** The load: wrk where it is on PATH, our own closed loop in Node where not; an own open loop for latency. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Load {
  requests: number;
  seconds: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Answers outside 200..299, lost connections, time-outs: any makes the figures of the slice suspect. */
  errors: number;
}

export interface Shape {
  port: number;
  connections: number;
  seconds: number;
  /** CPUs of the generator, as `taskset -c` takes them. */
  cores: string;
}

export type Generator = "wrk" | "node";

export function closedLoop(generator: Generator, shape: Shape): Promise<Load> {
  return generator === "wrk" ? wrk(shape) : inNode("closed-loop.ts", shape, []);
}

/** At `rate` requests a second, however slow the answers are. */
export function openLoop(shape: Shape, rate: number): Promise<Load> {
  return inNode("open-loop.ts", shape, [rate]);
}

async function wrk({ port, connections, seconds, cores }: Shape): Promise<Load> {
  const url = `http://127.0.0.1:${port}/bench`;
  const args = ["-c", cores, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
  const { stdout } = await run("taskset", args, { timeout: seconds * 1000 + 10_000 });
  return parseWrk(stdout);
}

async function inNode(script: string, shape: Shape, more: readonly number[]): Promise<Load> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const numbers = [shape.port, shape.connections, shape.seconds, ...more].map(String);
  const args = ["-c", shape.cores, process.execPath, file, ...numbers];
  const { stdout } = await run("taskset", args, { timeout: shape.seconds * 1000 + 10_000 });
  const found = JSON.parse(stdout) as Load & { non2xx: number; socketErrors: number; unanswered?: number };
  const { requests, seconds, p50, p99 } = found;
  return { requests, seconds, p50, p99, errors: found.non2xx + found.socketErrors + (found.unanswered ?? 0) };
}

const MILLIS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** The report of wrk 4 with `--latency`. */
export function parseWrk(report: string): Load {
  const total = /^\s*(\d+) requests in ([\d.]+)(\w+),/m.exec(report);
  if (total === null) throw new Error(`wrk said something else:\n${report}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report);
  const outside = /Non-2xx or 3xx responses: (\d+)/.exec(report);
  const errors = [...(sockets ?? []).slice(1), outside?.[1] ?? 0].reduce<number>((sum, n) => sum + Number(n), 0);
  return {
    requests: Number(total[1]),
    seconds: (Number(total[2]) * (MILLIS[total[3] ?? "s"] ?? 1000)) / 1000,
    p50: percentile(report, 50),
    p99: percentile(report, 99),
    errors,
  };
}

function percentile(report: string, rank: number): number {
  const line = new RegExp(`^\\s*${rank}%\\s+([\\d.]+)(\\w+)$`, "m").exec(report);
  return line === null ? Number.NaN : Number(line[1]) * (MILLIS[line[2] ?? "ms"] ?? 1);
}
