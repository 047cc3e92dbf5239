import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startFaultProxy, type Fault } from "../../support/fault-proxy.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import {
  redisMissing,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type RedisServer,
} from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { sizeOf, startOne, survives } from "./redis-trouble.ts";
import { TEXT } from "./trouble-rig.ts";

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

suite("a gateway whose Redis is in trouble (F1)", { skip: redisMissing }, () => {
  for (const fault of faults) {
    test(`${JSON.stringify(fault)} loses no request, and is over when it is over`, async (t) => {
      await using server = await startRedis();
      await using proxy = await startFaultProxy(server.port);
      await survives(t, JSON.stringify(fault), { url: proxy.url.replace("http", "redis") }, sizeOf(server), {
        async begin() {
          await proxy.set(fault);
          // Those that stand would not know.
          if (fault.kind === "refuse") await server.cli("client", "kill", "type", "normal");
        },
        end: () => proxy.set({ kind: "none" }),
      });
    });
  }

  test("hung", async (t) => {
    await using server = await startRedis();
    await survives(t, "hung", { url: server.url }, sizeOf(server), {
      begin: () => server.pause(),
      end: () => server.resume(),
    });
  });

  test("killed, and started again empty", async (t) => {
    await using server = await startRedis();
    await survives(t, "killed", { url: server.url }, sizeOf(server), {
      begin: () => server.kill(),
      end: () => server.restart(),
    });
  });

  test("without a password all of a sudden (NOAUTH)", async (t) => {
    await using server = await startRedis();
    const asAdmin = ["-a", "secret", "--no-auth-warning"];
    await survives(t, "NOAUTH", { url: server.url }, sizeOf(server), {
      async begin() {
        await server.cli("config", "set", "requirepass", "secret");
        await server.cli(...asAdmin, "client", "kill", "type", "normal");
      },
      end: () => server.cli(...asAdmin, "config", "set", "requirepass", ""),
    });
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
    await using rig = await startOne({ url: `redis://127.0.0.1:${stranger.port}` });
    for (let i = 0; turn < garbage.length; i++) {
      const { status, text } = await rig.ask(`/${i}`);
      assert.deepEqual([status, text], [200, TEXT]);
    }
  });

  test("a master of a cluster that is killed, until its replica is in its place", async (t) => {
    await using cluster = await startRedisCluster(1);
    const [master, replica] = [cluster.masters[0]!, cluster.replicas[0]!];
    await survives(t, "a cluster's failover", { cluster: cluster.urls }, sizeOf(replica), {
      begin: () => master.kill(),
      end: () =>
        until(async () => (await replica.cli("cluster", "info")).includes("cluster_state:ok") && isMaster(replica), {
          timeoutMs: 60_000,
          what: "its replica takes over",
        }),
    });
  });

  test("a master under sentinels that is killed, until its replica is in its place", async (t) => {
    await using sentinels = await startRedisSentinel(1);
    const { hosts, name, master, replica } = sentinels;
    await survives(t, "a sentinel's failover", { sentinels: { hosts, name } }, sizeOf(replica), {
      begin: () => master.kill(),
      end: () => until(() => isMaster(replica), { timeoutMs: 60_000, what: "its replica takes over" }),
    });
  });
});

const isMaster = async ({ cli }: RedisServer): Promise<boolean> => (await cli("role")).startsWith("master");
