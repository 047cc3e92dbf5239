import { execFileSync } from "node:child_process";
import { chownSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import { letGo, spawnTied, type TiedChild } from "./lifeline.ts";
import { deadPort } from "./raw-origin.ts";
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

/** PostgreSQL refuses to run as root. Undefined: as who we are; false: there is nobody else to run it as. */
function unprivileged(): { uid: number; gid: number } | undefined | false {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: "pipe" }));
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return false;
  }
}

/** Why tests that need a real server are skipped; false: it is here. */
export const postgresMissing: string | false = !binaries
  ? "initdb and postgres are not installed"
  : unprivileged() === false && "PostgreSQL does not run as root, and there is no user postgres";

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
  const user = unprivileged() || undefined;
  const directory = await mkdtemp(join(tmpdir(), "spillway-pg-"));
  if (user) chownSync(directory, user.uid, user.gid);
  const data = join(directory, "data");
  const options = { cwd: directory, env: { LC_ALL: "C", PATH: process.env["PATH"] }, ...user };
  const initdb = ["-D", data, "-U", "spillway", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"];
  execFileSync(join(binaries!, "initdb"), initdb, { ...options, stdio: "pipe" });
  const port = await deadPort();
  const url = `postgres://spillway@127.0.0.1:${port}/postgres`;
  const flags = [...SETTINGS, ...settings].flatMap((setting) => ["-c", setting]);
  const start = (): Promise<TiedChild> =>
    started(
      spawnTied(join(binaries!, "postgres"), ["-D", data, "-k", directory, "-p", String(port), ...flags], {
        ...options,
      }),
    );
  let server = await start();
  const kill = async (): Promise<void> => {
    // Stopped, it starts no other process while we look which there are.
    server.kill("SIGSTOP");
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
      // What was killed may hold its shared memory for a moment longer than it runs.
      const again = async (left: number): Promise<TiedChild> =>
        start().catch((error: Error) => {
          if (left === 0) throw error;
          return again(left - 1);
        });
      server = await again(5);
    },
    async [Symbol.asyncDispose]() {
      signalAll(server.pid!, "SIGCONT");
      // An immediate shutdown gives its System V segment back, SIGKILL does not.
      server.kill("SIGQUIT");
      await until(() => !isRunning(server.pid!), { what: "PostgreSQL has ended", timeoutMs: 3000 }).catch(kill);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function started(server: TiedChild): Promise<TiedChild> {
  let log = "";
  server.stdout.resume();
  server.stderr.setEncoding("utf8").on("data", (text: string) => (log = `${log}${text}`.slice(-10_000)));
  const ready = (): boolean => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}: ${log}`);
    return log.includes("ready to accept connections");
  };
  try {
    await until(ready, { timeoutMs: 60_000, what: () => `PostgreSQL takes connections; it said: ${log}` });
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  }
  letGo(server);
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
