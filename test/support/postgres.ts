import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import { listen, stopListening } from "./raw-origin.ts";
import { isRunning } from "./spillway-process.ts";
import { until } from "./wait.ts";

/** A PostgreSQL server of its own: empty, on a free loopback port, with durability off. Its one user is trusted. */
export interface TestPostgres extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** One statement, or several without values, on a connection of its own. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Stops every process of it in its tracks: connections stand, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Every process ends at once. */
  kill(): Promise<void>;
  /** After `kill`: on the same port with the same data. Unlogged tables are empty afterwards. */
  restart(): Promise<void>;
}

function findBinaries(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

const binaries = findBinaries();

/** Why tests that need a real server are skipped; false: it is here. */
export const postgresMissing: string | false = binaries ? false : "initdb and postgres are not installed";

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

const SETTINGS = [
  "fsync=off",
  "full_page_writes=off",
  "synchronous_commit=off",
  "shared_buffers=16MB",
  "max_connections=40",
  "listen_addresses=127.0.0.1",
];

/** Takes about a second: share one among the tests of a file. */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const user = unprivileged();
  const directory = await mkdtemp(join(tmpdir(), "spillway-pg-"));
  if (user) chownSync(directory, user.uid, user.gid);
  const data = join(directory, "data");
  const options = { cwd: directory, env: { LC_ALL: "C", PATH: process.env["PATH"] }, ...user };
  const initdb = ["-D", data, "-U", "spillway", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"];
  execFileSync(join(binaries!, "initdb"), initdb, { ...options, stdio: "pipe" });
  const port = await freePort();
  const url = `postgres://spillway@127.0.0.1:${port}/postgres`;
  const flags = [...SETTINGS, ...settings].flatMap((setting) => ["-c", setting]);
  const start = (): Promise<ChildProcess> =>
    started(
      spawn(join(binaries!, "postgres"), ["-D", data, "-k", directory, "-p", String(port), ...flags], {
        ...options,
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
  let server = await start();
  const atExit = (): void => signalAll(server.pid!, "SIGKILL");
  process.once("exit", atExit);
  const kill = async (): Promise<void> => {
    const family = familyOf(server.pid!);
    signalAll(server.pid!, "SIGKILL");
    await until(() => !family.some(isRunning), { what: "every process of PostgreSQL has ended" });
  };
  return {
    url,
    port,
    async query(text, values) {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query(text, values && [...values]);
        return rows as Record<string, unknown>[];
      } finally {
        await client.end();
      }
    },
    pause: () => signalAll(server.pid!, "SIGSTOP"),
    resume: () => signalAll(server.pid!, "SIGCONT"),
    kill,
    async restart() {
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", atExit);
      signalAll(server.pid!, "SIGCONT");
      // An immediate shutdown gives its System V segment back, SIGKILL does not.
      server.kill("SIGQUIT");
      await until(() => !isRunning(server.pid!), { what: "PostgreSQL has ended", timeoutMs: 3000 }).catch(kill);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  await stopListening(server);
  return port;
}

async function started(server: ChildProcess): Promise<ChildProcess> {
  let log = "";
  server.stderr!.setEncoding("utf8").on("data", (text: string) => (log = `${log}${text}`.slice(-10_000)));
  const ready = (): boolean => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}: ${log}`);
    return log.includes("ready to accept connections");
  };
  await until(ready, { timeoutMs: 20_000, what: () => `PostgreSQL takes connections; it said: ${log}` });
  return server;
}

/** The server process first. */
function familyOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return [pid, ...children.trim().split(" ").filter(Boolean).map(Number)];
  } catch {
    return [pid];
  }
}

function signalAll(pid: number, signal: NodeJS.Signals): void {
  for (const member of familyOf(pid)) {
    try {
      process.kill(member, signal);
    } catch {
      // It has ended by itself.
    }
  }
}
