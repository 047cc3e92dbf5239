import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { spawnTied } from "./lifeline.ts";
import { until } from "./wait.ts";

const COMMAND = fileURLToPath(new URL("../../bin/spillway.js", import.meta.url));

/** A line of the log. */
export interface LogLine {
  readonly event: string;
  readonly time: number;
  readonly [field: string]: unknown;
}

/** The command `spillway start` as a process of its own, with a configuration file that can be written anew. */
export interface SpillwayProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly opsPort: number;
  /** What stood on standard output so far; a line that is no JSON fails the test here. */
  lines(): readonly LogLine[];
  stderr(): string;
  /** Processes it has started and that run. */
  children(): readonly number[];
  signal(signal: NodeJS.Signals): void;
  writeConfig(config: object): Promise<void>;
  /** Resolves to the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  ops(path: string, init?: RequestInit): Promise<Response>;
}

/** `listen` and `ops` are completed with free loopback ports. */
export async function startSpillway(config: object): Promise<SpillwayProcess> {
  const directory = await mkdtemp(join(tmpdir(), "spillway-test-"));
  const file = join(directory, "spillway.yaml");
  const writeConfig = (next: object): Promise<void> => writeFile(file, stringify(complete(next)));
  await writeConfig(config);
  const child = spawnTied(process.execPath, [COMMAND, "start", "--config", file]);
  const exited = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const lines = (): readonly LogLine[] =>
    out
      .slice(0, out.lastIndexOf("\n") + 1)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as LogLine);
  const pid = child.pid!;
  const dispose = async (): Promise<void> => {
    const children = childrenOf(pid);
    child.kill("SIGKILL");
    for (const worker of children) killQuietly(worker);
    await exited;
    await rm(directory, { recursive: true });
  };
  const listening = (): LogLine | undefined => {
    if (child.exitCode !== null) throw new Error(`exit ${child.exitCode} before it listened: ${err}`);
    return lines().find(({ event }) => event === "listening");
  };
  try {
    const what = (): string => `it listens; output: ${out}${err}`;
    const { port, opsPort } = await until(listening, { timeoutMs: 60_000, what });
    return {
      pid,
      port: Number(port),
      opsPort: Number(opsPort),
      lines,
      stderr: () => err,
      children: () => childrenOf(pid),
      signal: (signal) => void child.kill(signal),
      writeConfig,
      exited,
      ops: (path, init) => fetch(`http://127.0.0.1:${Number(opsPort)}${path}`, init),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

function complete(config: object): object {
  const { listen, ops } = config as { listen?: object; ops?: object };
  return { ...config, listen: { host: "127.0.0.1", port: 0, ...listen }, ops: { port: 0, ...ops } };
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).map(Number).filter(isRunning);
  } catch {
    return [];
  }
}

/** Whether a process runs; one that has ended and that nobody has asked after yet does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
