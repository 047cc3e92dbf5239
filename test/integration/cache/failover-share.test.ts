import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { suite, test, type TestContext } from "node:test";
import type { BackplaneTold } from "../../../src/core/events.ts";
import {
  redisMissing,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type RedisServer,
} from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import type { Rig } from "./cache-rig.ts";
import { startOne } from "./redis-trouble.ts";
import { TEXT } from "./trouble-rig.ts";

/** URLs that memory has, and rounds of one new URL and all of them. */
const KEPT = 20;
const ROUNDS = 50;
const MOST_SHARE = 1.2;

const kept = Array.from({ length: KEPT }, (_, at) => `/kept-${at}`);

async function ask(rig: Rig, paths: readonly string[]): Promise<void> {
  for (const { status, text } of await Promise.all(paths.map((path) => rig.ask(path)))) {
    assert.deepEqual([status, text], [200, TEXT]);
  }
}

const isMaster = async ({ cli }: RedisServer): Promise<boolean> => (await cli("role")).startsWith("master");

/** A replica that has nothing, as one that could not copy its master in time. */
async function empty(replica: RedisServer): Promise<void> {
  await follow(replica);
  const { cli } = replica;
  await cli("config", "set", "replica-read-only", "no");
  await cli("flushall");
}

/** A replica that has just begun to follow may not be sent anything for a second. */
const follow = ({ cli, url }: RedisServer): Promise<boolean> =>
  until(async () => (await cli("keys", "*:purges}:log")) !== "", { what: `${url} has the log` });

/**
 * What a failover costs the origin: asked for the same, a gateway that went through it asks the origin at most 1.2 times
 * as often as one that did not. `lost`: times that the log of purges was found to have lost something.
 */
async function costs(t: TestContext, redis: object, failover: () => Promise<unknown>, lost: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await startRedis());
  const subject = stack.use(await startOne(redis));
  const control = stack.use(await startOne({ url }));
  const told: BackplaneTold[] = [];
  subject.gateway.gateway.bus.subscribe("spillway:backplane", (event) => void told.push(event));
  await until(() => told.at(-1)?.state === "in-step", { what: "it is in step" });
  for (const rig of [subject, control]) await ask(rig, kept);
  // Past this, memory has looked at them again and again.
  const before = [subject.calls(), control.calls()] as const;
  let over = false;
  const failed = failover().then(() => (over = true));
  for (let round = 0, left = ROUNDS; left > 0; round++) {
    for (const rig of [subject, control]) await ask(rig, [`/new-${round}`, ...kept]);
    const isBack = over && told.at(-1)!.state === "in-step" && told.at(-1)!.gaps.lost >= lost;
    if (isBack || left < ROUNDS) left -= 1;
    await sleep(20);
  }
  await failed;
  const [calls, healthy] = [subject.calls() - before[0], control.calls() - before[1]];
  t.diagnostic(`origin calls ${calls}, healthy ${healthy}; ${JSON.stringify(told.at(-1))}`);
  assert.equal(told.at(-1)!.gaps.lost, lost);
  assert.ok(calls <= healthy * MOST_SHARE, `origin calls ${calls}, healthy ${healthy}`);
}

suite("what a failover of Redis costs the origin (F1)", { skip: redisMissing, timeout: 240_000 }, () => {
  test("a server that comes back empty", async (t) => {
    await using server = await startRedis();
    await costs(t, { url: server.url }, () => server.restart(), 1);
  });

  test("FLUSHALL", async (t) => {
    await using server = await startRedis();
    await costs(t, { url: server.url }, () => server.cli("flushall"), 1);
  });

  test("under sentinels, a replica that has all", async (t) => {
    await using sentinels = await startRedisSentinel(1);
    const { hosts, name, master, replica } = sentinels;
    const failover = async (): Promise<void> => {
      await follow(replica);
      await master.kill();
      await until(() => isMaster(replica), { timeoutMs: 60_000, what: "its replica takes over" });
    };
    await costs(t, { sentinels: { hosts, name } }, failover, 0);
  });

  test("under sentinels, a replica that has nothing", async (t) => {
    await using sentinels = await startRedisSentinel(1);
    const { hosts, name, master, replica } = sentinels;
    const failover = async (): Promise<void> => {
      await empty(replica);
      await master.kill();
      await until(() => isMaster(replica), { timeoutMs: 60_000, what: "its replica takes over" });
    };
    await costs(t, { sentinels: { hosts, name } }, failover, 1);
  });

  for (const [title, what, lost] of [
    ["in a cluster, a replica that has all", follow, 0],
    ["in a cluster, a replica that has nothing", empty, 1],
  ] as const) {
    test(title, async (t) => {
      await using cluster = await startRedisCluster(1);
      const slot = Number(await cluster.masters[0]!.cli("cluster", "keyslot", "{spillway:purges}"));
      const at = Math.floor(((slot + 1) * 3 - 1) / 16_384);
      const [master, replica] = [cluster.masters[at]!, cluster.replicas[at]!];
      const failover = async (): Promise<void> => {
        await what(replica);
        await master.kill();
        await until(() => isMaster(replica), { timeoutMs: 60_000, what: "its replica takes over" });
      };
      await costs(t, { cluster: cluster.urls }, failover, lost);
    });
  }
});
