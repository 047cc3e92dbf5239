/** Starts a contender on given CPUs, waits until it answers, and ends it again. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { treeOf } from "./proc.ts";

export interface Launch {
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export interface Running {
  name: string;
  pid: number;
  port: number;
  stop(): Promise<void>;
}

/** How long a contender may take to its first answer, and to its end, in milliseconds. */
const START_LIMIT = 10_000;
const STOP_LIMIT = 5_000;

/** A port that is free now. Nothing holds it until the contender listens, which is good enough on loopback. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/**
 * Standard output goes to /dev/null, the cheapest place a log can go; standard error to a file in `folder`, quoted
 * when the contender does not start.
 */
export async function start(
  name: string,
  launch: Launch,
  at: { port: number; cores: string; folder: string },
): Promise<Running> {
  const errorFile = join(at.folder, `${name}.stderr`);
  const errors = openSync(errorFile, "w");
  const child = spawn("taskset", ["-c", at.cores, ...launch.command], {
    stdio: ["ignore", "ignore", errors],
    env: { ...process.env, ...launch.env },
  });
  closeSync(errors);
  const endWithUs = () => killTree(child);
  process.once("exit", endWithUs);
  try {
    await answering(child, at.port);
  } catch (error) {
    await stop(child);
    const said = readFileSync(errorFile, "utf8").trim().split("\n").slice(0, 6).join(" | ");
    throw new Error(`${(error as Error).message}${said === "" ? "" : `: ${said}`}`, { cause: error });
  }
  return {
    name,
    pid: child.pid ?? 0,
    port: at.port,
    stop: () => {
      process.removeListener("exit", endWithUs);
      return stop(child);
    },
  };
}

/** Any answer counts: a contender that answers with errors is measured, and marked for it. */
async function answering(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + START_LIMIT;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`ended with code ${child.exitCode}`);
    if (await answers(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no answer within ${START_LIMIT / 1000} s`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ port, host: "127.0.0.1", path: "/bench", agent: false, timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(true);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}

/** Asks the root to end, then kills what is left of the tree. */
function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => killTree(child), STOP_LIMIT);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

function killTree(child: ChildProcess): void {
  for (const { pid } of treeOf(child.pid ?? -1)) process.kill(pid, "SIGKILL");
}
