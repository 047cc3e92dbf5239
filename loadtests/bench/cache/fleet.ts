/**
 * Four gateways on one real Redis: how soon a purge of 20,000 entries is seen by all, what it costs Redis afterwards, and
 * what requests wait for when Redis hangs or is killed. Redis is that of the integration tests.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRedis, type RedisServer } from "../../../test/support/redis.ts";
import { freePort, type Running, start } from "../launch.ts";
import { median, quantile } from "../statistics.ts";
import { figure, table } from "../table.ts";
import { ask } from "./client.ts";
import { COMMAND } from "./contenders.ts";
import type { Origin } from "./origin.ts";

const INSTANCES = 4;
const ENTRIES = 20_000;
const PURGES = 30;
/** Requests in a row of which each misses memory. */
const MISSES = 200;
const TOKEN = "bench-bench-bench-bench-bench-bench-bench";

interface Instance extends Running {
  readonly opsPort: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startInstance(name: string, origin: Origin, redis: string | undefined, folder: string) {
  const [port, opsPort] = [await freePort(), await freePort()];
  const file = join(folder, `${name}.json`);
  const config = {
    listen: { host: "127.0.0.1", port, accessLog: false },
    ops: { port: opsPort, tokens: [{ name: "bench", role: "admin", token: TOKEN }] },
    ...(redis !== undefined && { redis: { url: redis } }),
    dependencies: { origin: { http: { targets: [`http://127.0.0.1:${origin.port}`] } } },
    routes: [
      { name: "all", match: { path: "/:group/*" }, dependency: "origin", cache: { ttl: "1h", tags: ["{group}"] } },
      { name: "rest", match: { path: "/*" }, dependency: "origin" },
    ],
  };
  writeFileSync(file, JSON.stringify(config));
  const command = [process.execPath, COMMAND, "start", "--config", file];
  const running = await start(name, { command, env: { NODE_ENV: "production" } }, { port, cores: "0,1", folder });
  return Object.assign(running, { opsPort });
}

async function purge({ opsPort }: Instance, tag: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${opsPort}/ops/cache/purge`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({ tags: [tag], reason: "bench" }),
  });
  if (answer.status !== 200) throw new Error(`purge: ${answer.status} ${await answer.text()}`);
}

/** Commands that Redis has had so far, less those of looking. */
async function commands(redis: RedisServer): Promise<number> {
  const calls = (await redis.cli("info", "commandstats")).matchAll(/^cmdstat_(\w+)[^:]*:calls=(\d+)/gm);
  let sum = 0;
  for (const [, name, count] of calls) if (name !== "info") sum += Number(count);
  return sum;
}

async function inParallel(count: number, one: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

async function purges(instances: readonly Instance[], redis: RedisServer): Promise<string> {
  const group = (at: number): string => `g${at % PURGES}`;
  for (const { port } of instances) {
    await inParallel(ENTRIES, (at) => ask({ port, path: `/${group(at)}/${at}?size=100` }));
  }
  const [first, ...others] = instances as [Instance, ...Instance[]];
  await purge(first, "nothing");
  const [calls, seen]: [number[], number[]] = [[], []];
  for (let at = 0; at < PURGES; at++) {
    const path = `/${group(at)}/${at}?size=100`;
    const startedAt = performance.now();
    await purge(first, group(at));
    calls.push(performance.now() - startedAt);
    const visible = others.map(async ({ port }) => {
      for (;;) {
        const { headers } = await ask({ port, path });
        if (!String(headers["cache-status"]).includes("; hit")) return performance.now() - startedAt;
      }
    });
    seen.push(...(await Promise.all(visible)));
  }
  await sleep(300);
  const before = await commands(redis);
  await sleep(2000);
  const idle = await commands(redis);
  await purge(first, "nothing");
  await sleep(2000);
  const after = (await commands(redis)) - idle - (idle - before);
  return table(
    [`purge of a tag, ${ENTRIES} entries in each of ${INSTANCES}`, "p50 ms", "p99 ms"],
    [
      ["the call, over HTTP", figure(median(calls), 1), figure(quantile(calls, 0.99), 1)],
      ["gone at all others", figure(median(seen), 1), figure(quantile(seen, 0.99), 1)],
      ["commands at Redis in the 2 s after it, beyond those without", String(after), ""],
    ],
  );
}

/** Each for an answer that is kept nowhere; `first` is what the first one waits. */
async function misses(port: number, mark: string): Promise<string[]> {
  const times: number[] = [];
  for (let at = 0; at < MISSES; at++) times.push((await ask({ port, path: `/${mark}/${at}?size=1024` })).total);
  const rest = times.slice(1);
  const figures = [times[0] ?? Number.NaN, median(rest), quantile(rest, 0.99), Math.max(...rest)];
  return figures.map((value) => figure(value, 1));
}

async function troubles(withRedis: Instance, without: Instance, redis: RedisServer): Promise<string> {
  const rows: string[][] = [];
  for (const port of [withRedis.port, without.port]) await misses(port, "warming");
  rows.push(["no Redis", ...(await misses(without.port, "none"))]);
  rows.push(["Redis healthy", ...(await misses(withRedis.port, "healthy"))]);
  redis.pause();
  rows.push(["Redis hung", ...(await misses(withRedis.port, "hung"))]);
  redis.resume();
  await sleep(3000);
  await redis.kill();
  rows.push(["Redis killed", ...(await misses(withRedis.port, "killed"))]);
  await redis.restart();
  return table(["misses in memory, one at a time, ms", "first", "p50", "p99", "most"], rows);
}

/** Prints both tables. */
export async function fleet(origin: Origin, folder: string, say: (text: string) => void): Promise<void> {
  await using redis = await startRedis();
  const instances: Instance[] = [];
  try {
    for (let at = 1; at <= INSTANCES; at++) {
      instances.push(await startInstance(`fleet-${at}`, origin, redis.url, folder));
    }
    const alone = await startInstance("alone", origin, undefined, folder);
    instances.push(alone);
    say(`${await purges(instances.slice(0, INSTANCES), redis)}\n`);
    say(await troubles(instances[0]!, alone, redis));
  } finally {
    await Promise.all(instances.map((one) => one.stop()));
  }
}
