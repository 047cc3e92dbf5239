import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startFaultProxy, type Fault } from "../../support/fault-proxy.ts";
import { deadPort, startRawOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, startRedisCluster, startRedisSentinel } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { percentile, sends } from "./cache-rig.ts";
import { startFleet, type Fleet } from "./fleet-rig.ts";

const answer = sends("hello", { "Cache-Control": "max-age=60" });
const REQUESTS = 40;
/** Milliseconds that one request may take: a deadline of 20, and the rest for the machine. Untamed clients take 15,000. */
const LONGEST = 250;

let asked = 0;

/** Requests for what is kept nowhere, one after the other: none is lost, and none waits for longer than a deadline. */
async function unharmed(fleet: Fleet, what: string): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const { status, text, ms } = await fleet.ask(0, `/cold-${++asked}`);
    assert.deepEqual([status, text], [200, "hello"], what);
    times.push(ms);
  }
  assert.ok(Math.max(...times) < LONGEST, `${what}: ${times.map(Math.round).join(" ")} ms`);
  assert.ok(percentile(times, 0.5) < 40, `${what}: median ${percentile(times, 0.5)} ms`);
}

/** Waits until what is fetched is written to Redis again. */
const back = (fleet: Fleet, keys: () => Promise<string>): Promise<boolean> =>
  until(
    async () => {
      // A server that changes its part may end the connection of who asks it.
      const count = async (): Promise<number> => Number(await keys().catch(() => Number.NaN));
      const before = await count();
      await fleet.ask(0, `/back-${++asked}`);
      return (await count()) > before;
    },
    { what: () => `Redis is in use again; told: ${fleet.told.join(" ")}` },
  );

const faults: readonly Fault[] = [
  { kind: "refuse" },
  { kind: "reset" },
  { kind: "black-hole" },
  { kind: "half-close" },
  { kind: "latency", ms: 50 },
  { kind: "latency", ms: 2000 },
  { kind: "bandwidth", bytesPerSecond: 20 },
  { kind: "cut", afterBytes: 3 },
];

suite("a gateway whose Redis is in trouble", { skip: redisMissing }, () => {
  for (const fault of faults) {
    test(`${JSON.stringify(fault)} loses no request and is over when it is over`, async () => {
      await using server = await startRedis();
      await using proxy = await startFaultProxy(server.port);
      await using fleet = await startFleet(1, { url: proxy.url.replace("http", "redis") }, answer);
      await fleet.ask(0, "/first");
      await proxy.set(fault);
      await unharmed(fleet, JSON.stringify(fault));
      await proxy.set({ kind: "none" });
      await back(fleet, () => server.cli("dbsize"));
    });
  }

  test("killed, and hung, and back", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(1, { url: server.url }, answer);
    await fleet.ask(0, "/first");
    server.pause();
    await unharmed(fleet, "hung");
    server.resume();
    await back(fleet, () => server.cli("dbsize"));
    await server.kill();
    await unharmed(fleet, "killed");
    await server.restart();
    await back(fleet, () => server.cli("dbsize"));
  });

  test("out of memory, read-only, and without a password", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(1, { url: server.url }, answer);
    await server.cli("config", "set", "maxmemory", "1");
    await unharmed(fleet, "out of memory");
    await server.cli("config", "set", "maxmemory", "0");
    await back(fleet, () => server.cli("dbsize"));
    await server.cli("replicaof", "127.0.0.1", `${await deadPort()}`);
    await unharmed(fleet, "read-only");
    await server.cli("replicaof", "no", "one");
    await back(fleet, () => server.cli("dbsize"));
    await server.cli("config", "set", "requirepass", "secret");
    await server.cli("-a", "secret", "--no-auth-warning", "client", "kill", "type", "normal");
    await unharmed(fleet, "no password");
  });

  test("garbage in place of replies, asked for or not, ends connections and nothing else", async () => {
    const garbage = [
      "$-1\r\n$-1\r\n*-1\r\n",
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "\0\u00ff\u00fe",
      "+OK\r\n:1\r\n-ERR x\r\n",
      "*9\r\n$3\r\n",
    ];
    let turn = 0;
    await using stranger = await startRawOrigin(async ({ send, socket }) => {
      socket.on("error", () => {});
      await send(Buffer.from(garbage[turn++ % garbage.length]!, "latin1"));
      socket.on("data", () => void send(Buffer.from(garbage[turn++ % garbage.length]!, "latin1")).catch(() => {}));
    });
    await using fleet = await startFleet(1, { url: `redis://127.0.0.1:${stranger.port}` }, answer, { wait: false });
    for (let round = 0; round < 4; round++) await unharmed(fleet, "garbage");
    assert.ok(turn >= garbage.length, `${turn}`);
  });

  test("a master of a cluster that is killed", async () => {
    await using cluster = await startRedisCluster(1);
    await using fleet = await startFleet(1, { cluster: cluster.masters.map(({ url }) => url) }, answer);
    await unharmed(fleet, "healthy");
    await cluster.masters[0]!.kill();
    await unharmed(fleet, "one is gone");
    await until(async () => (await cluster.replicas[0]!.cli("role")).startsWith("master"), {
      timeoutMs: 30_000,
      what: "its replica takes over",
    });
    await back(fleet, () => cluster.replicas[0]!.cli("dbsize"));
  });

  test("a master under sentinels that is killed", async () => {
    await using sentinels = await startRedisSentinel(1);
    const redis = { sentinels: { hosts: sentinels.hosts, name: sentinels.name } };
    await using fleet = await startFleet(1, redis, answer);
    await sentinels.master.kill();
    await unharmed(fleet, "the master is gone");
    await back(fleet, () => sentinels.replica.cli("dbsize"));
  });
});
