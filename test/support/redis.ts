import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { letGo, spawnTied, type TiedChild } from "./lifeline.ts";
import { deadPort } from "./raw-origin.ts";
import { until } from "./wait.ts";

const run = promisify(execFile);

const present = (program: string): boolean => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;

/** Why tests with a real Redis are skipped; false when they are not. */
export const redisMissing: string | false =
  present("redis-server") && present("redis-cli") ? false : "no redis-server and redis-cli on PATH";

/** A redis-server of its own on a loopback port, killed when disposed. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** Such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** Runs one command with redis-cli and gives what it printed. */
  cli(...args: readonly string[]): Promise<string>;
  /** SIGSTOP: it accepts connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Kills it if it runs, and starts it anew on the same port, empty. */
  restart(): Promise<void>;
}

/** `options`: directives as on the command line, such as `{ maxmemory: "2mb" }`. */
export async function startRedis(options: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), "spillway-redis-"));
  // A node of a cluster listens on that plus 10,000, too.
  const port = await deadPort();
  const password = options["requirepass"];
  const fixed = { port: `${port}`, bind: "127.0.0.1", dir: directory, save: "", appendonly: "no", ...options };
  const args = Object.entries(fixed).flatMap(([name, value]) => [`--${name}`, ...value.split(" ")]);
  const cli = (...command: readonly string[]): Promise<string> =>
    redisCli(port, password === undefined ? command : ["-a", password, "--no-auth-warning", ...command]);
  let child = await startServer(args, cli);
  const kill = (): Promise<void> => end(child);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cli,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      child = await startServer(args, cli);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function redisCli(port: number, command: readonly string[]): Promise<string> {
  const { stdout } = await run("redis-cli", ["-p", `${port}`, ...command], { timeout: 30_000 });
  return stdout.trimEnd();
}

async function startServer(args: readonly string[], cli: RedisServer["cli"]): Promise<TiedChild> {
  const child = spawnTied("redis-server", args);
  child.stderr.resume();
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4096)));
  const ready = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: ${said}`);
    const reply = await cli("ping").catch(() => "");
    return reply !== "" && !/refused/i.test(reply);
  };
  try {
    await until(ready, { timeoutMs: 30_000, what: () => `redis-server answers; it said ${said}` });
  } catch (error) {
    await end(child);
    throw error;
  }
  letGo(child);
  return child;
}

async function end(child: TiedChild): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
}

/** Servers that are one to their clients; all are killed when disposed. */
export interface RedisCluster extends AsyncDisposable {
  readonly masters: readonly RedisServer[];
  /** In the order of their masters. */
  readonly replicas: readonly RedisServer[];
  readonly urls: readonly string[];
}

const SLOTS = 16_384;

/** Three masters with a third of the slots each, and so many replicas of each. Resolves when all agree that it is up. */
export async function startRedisCluster(replicasEach: 0 | 1 = 0): Promise<RedisCluster> {
  await using started = new AsyncDisposableStack();
  const node = async (): Promise<RedisServer> =>
    started.use(
      await startRedis({
        "cluster-enabled": "yes",
        "cluster-node-timeout": "1000",
        "cluster-replica-validity-factor": "0",
        "repl-diskless-sync-delay": "0",
      }),
    );
  const masters = await Promise.all([node(), node(), node()]);
  const replicas = replicasEach === 0 ? [] : await Promise.all([node(), node(), node()]);
  const all = [...masters, ...replicas];
  for (const [index, master] of masters.entries()) {
    const from = Math.floor((SLOTS * index) / 3);
    const to = Math.floor((SLOTS * (index + 1)) / 3) - 1;
    await master.cli("cluster", "addslotsrange", `${from}`, `${to}`);
    await master.cli("cluster", "set-config-epoch", `${index + 1}`);
  }
  for (const other of all.slice(1)) await other.cli("cluster", "meet", "127.0.0.1", `${masters[0].port}`);
  const agreed = async (): Promise<boolean> => {
    const infos = await Promise.all(all.map((server) => server.cli("cluster", "info")));
    return infos.every((info) => info.includes("cluster_state:ok") && info.includes(`known_nodes:${all.length}`));
  };
  await until(agreed, { timeoutMs: 60_000, what: "all nodes of the cluster agree" });
  for (const [index, replica] of replicas.entries()) {
    await replica.cli("cluster", "replicate", await masters[index]!.cli("cluster", "myid"));
  }
  for (const replica of replicas) await replicates(replica);
  const held = started.move();
  return { masters, replicas, urls: all.map(({ url }) => url), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const replicates = (replica: RedisServer): Promise<boolean> =>
  until(async () => (await replica.cli("info", "replication")).includes("master_link_status:up"), {
    timeoutMs: 60_000,
    what: "a replica follows its master",
  });

/** A master and a replica under sentinels; all are killed when disposed. */
export interface RedisSentinels extends AsyncDisposable {
  readonly name: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Addresses of the sentinels. */
  readonly hosts: readonly string[];
  /** Runs one command with redis-cli at the first sentinel. */
  sentinel(...command: readonly string[]): Promise<string>;
}

/** `count` sentinels that take a silent master for down after half a second. Resolves when they know both servers. */
export async function startRedisSentinel(count: 1 | 3 = 1): Promise<RedisSentinels> {
  await using started = new AsyncDisposableStack();
  const name = "mymaster";
  const master = started.use(await startRedis({ "repl-diskless-sync-delay": "0" }));
  const replica = started.use(
    await startRedis({ replicaof: `127.0.0.1 ${master.port}`, "repl-diskless-sync-delay": "0" }),
  );
  await replicates(replica);
  const sentinels: { port: number; cli: RedisServer["cli"] }[] = [];
  for (let index = 0; index < count; index++) {
    const directory = await mkdtemp(join(tmpdir(), "spillway-sentinel-"));
    started.defer(() => rm(directory, { recursive: true, force: true }));
    const port = await deadPort();
    const file = join(directory, "sentinel.conf");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${directory}`,
      `sentinel monitor ${name} 127.0.0.1 ${master.port} ${count === 1 ? 1 : 2}`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`,
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    const cli = (...command: readonly string[]): Promise<string> => redisCli(port, command);
    const child = await startServer([file, "--sentinel"], cli);
    started.defer(() => end(child));
    sentinels.push({ port, cli });
  }
  const known = async (): Promise<boolean> => {
    const states = await Promise.all(sentinels.map(({ cli }) => cli("sentinel", "master", name)));
    const rows = states.map((state) => state.split("\n"));
    const value = (row: string[], field: string): string | undefined => row[row.indexOf(field) + 1];
    return rows.every(
      (row) => value(row, "num-slaves") === "1" && value(row, "num-other-sentinels") === `${count - 1}`,
    );
  };
  await until(known, { timeoutMs: 60_000, what: "the sentinels know the replica and each other" });
  const held = started.move();
  return {
    name,
    master,
    replica,
    hosts: sentinels.map(({ port }) => `redis://127.0.0.1:${port}`),
    sentinel: sentinels[0]!.cli,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
