import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnTied } from "./lifeline.ts";
import { until } from "./wait.ts";

/** `spillway start --config FILE` as a process of its own. */
export interface RunningCommand extends AsyncDisposable {
  readonly port: number;
  readonly opsPort: number;
  /** The configuration it was started with. */
  readonly file: string;
  readonly directory: string;
  readonly child: ChildProcess;
  /** Log lines so far, parsed; empty with `log: "blocked"`. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** What came on standard error. */
  stderr(): string;
  /** Resident memory in octets. */
  rss(): number;
  /** Resolves to the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  configure(config: object): Promise<void>;
}

export interface CommandOptions {
  /** `blocked`: nobody reads its standard output any more once it listens. Default: read. */
  readonly log?: "read" | "blocked";
  /** A module to load first. */
  readonly preload?: string;
  /** The file is a link to `..data/gateway.yaml` and `..data` a link to a directory, as a mounted ConfigMap has it. */
  readonly configMap?: boolean;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** `config` is the whole of a configuration, as JSON, which is YAML; `listen` and `ops` get free loopback ports. */
export async function startCommand(config: object, options: CommandOptions = {}): Promise<RunningCommand> {
  const directory = await mkdtemp(join(tmpdir(), "spillway-"));
  const file = join(directory, "gateway.yaml");
  if (options.configMap) {
    await mkdir(join(directory, "..v0"));
    await symlink("..v0", join(directory, "..data"));
    await symlink("..data/gateway.yaml", file);
  }
  const configure = (next: object): Promise<void> => writeFile(file, commandConfig(next));
  await configure(config);
  const preload = options.preload === undefined ? [] : ["--import", options.preload];
  const child = spawnTied(process.execPath, [...preload, join(ROOT, "bin/spillway.js"), "start", "--config", file]);
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const pieces = (rest + chunk.toString()).split("\n");
    rest = pieces.pop()!;
    for (const piece of pieces) lines.push(JSON.parse(piece) as Record<string, unknown>);
  });
  const exited = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const dispose = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const listening = await until(
    () => {
      if (child.exitCode !== null) throw new Error(`the command ended: ${stderr}`);
      return lines.find(({ event }) => event === "listening");
    },
    { timeoutMs: 60_000, what: () => `the command listens: ${stderr}` },
  ).catch(async (error: Error) => {
    await dispose();
    throw error;
  });
  if (options.log === "blocked") child.stdout.pause();
  return {
    port: Number(listening["port"]),
    opsPort: Number(listening["opsPort"]),
    file,
    directory,
    child,
    lines,
    stderr: () => stderr,
    rss: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]) * 1024,
    exited,
    configure,
    [Symbol.asyncDispose]: dispose,
  };
}

/** The text of a configuration with loopback and free ports filled in. */
export const commandConfig = (config: object): string => {
  const { listen, ops, ...others } = config as { listen?: object; ops?: object };
  return JSON.stringify({
    listen: { host: "127.0.0.1", port: 0, accessLog: false, ...listen },
    ops: { host: "127.0.0.1", port: 0, ...ops },
    ...others,
  });
};

/** One dependency behind one route that matches everything. */
export const oneRoute = (
  target: string,
  more: { listen?: object; drain?: object; dependency?: object } = {},
): object => ({
  ...(more.listen && { listen: more.listen }),
  ...(more.drain && { drain: more.drain }),
  // How many requests the origin takes at a time is not the subject.
  dependencies: { origin: { http: { targets: [target] }, limit: "off", ...more.dependency } },
  routes: [{ name: "all", match: { path: "/*" }, dependency: "origin" }],
});
