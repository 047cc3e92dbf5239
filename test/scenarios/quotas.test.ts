import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRaw } from "../support/raw-client.ts";
import { redisMissing, startRedis } from "../support/redis.ts";
import { startSpillway, type SpillwayProcess } from "../support/spillway-process.ts";
import { until } from "../support/wait.ts";

interface Limits {
  readonly processes: number;
  readonly sharing: number;
  readonly store: string;
  readonly limits: readonly { readonly rule: string; readonly checked: number; readonly refused: number }[];
}

const limitsOf = async (gateway: SpillwayProcess): Promise<Limits> =>
  (await (await gateway.ops("/ops/limits")).json()) as Limits;

const CONNECTIONS = 40;
const LIMIT = 20;

/** Connections that the kernel deals out to both workers, each with a request: how many are served. */
async function served(gateway: SpillwayProcess): Promise<number> {
  const statuses = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      using connection = await connectRaw(gateway.port);
      await connection.send("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n");
      return (await connection.readResponse()).status;
    }),
  );
  for (const status of statuses) assert.ok(status === 200 || status === 429, `${status}`);
  return statuses.filter((status) => status === 200).length;
}

const config = (more: object): object => ({
  listen: { workers: 2, accessLog: false },
  routes: [
    {
      name: "all",
      match: { path: "/*" },
      respond: { status: 200 },
      rateLimit: { limit: LIMIT, window: "1h", exact: "redis" in more },
    },
  ],
  ...more,
});

test("two workers without Redis have half the limit each, and are one in /ops/limits and in the metrics", async () => {
  await using gateway = await startSpillway(config({}));
  const through = await served(gateway);
  assert.ok(through <= LIMIT && through >= LIMIT / 2, `${through}`);
  const { processes, store, limits } = await limitsOf(gateway);
  assert.deepEqual([processes, store], [2, "memory"]);
  assert.deepEqual(
    limits.map(({ rule, checked, refused }) => [rule, checked, refused]),
    [["all", CONNECTIONS, CONNECTIONS - through]],
  );
  const metrics = await (await gateway.ops("/metrics")).text();
  assert.ok(metrics.includes(`spillway_limit_checked_total{rule="all"} ${CONNECTIONS}\n`));
  assert.ok(metrics.includes(`spillway_limit_refused_total{rule="all"} ${CONNECTIONS - through}\n`));
});

test("two workers with Redis let the whole limit through together", { skip: redisMissing }, async () => {
  await using redis = await startRedis();
  await using gateway = await startSpillway(config({ redis: { url: redis.url, deadline: "400ms" } }));
  await until(
    async () => {
      const { sharing, store } = await limitsOf(gateway);
      return sharing === 2 && store === "redis";
    },
    { what: "both workers count in Redis" },
  );
  assert.equal(await served(gateway), LIMIT);
});
