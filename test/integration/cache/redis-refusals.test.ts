import assert from "node:assert/strict";
import { mkdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { linkTo, linkUp } from "../../support/redis-link.ts";
import { redisMissing, startRedis, startRedisCluster, type RedisServer } from "../../support/redis.ts";
import { deadPort } from "../../support/raw-origin.ts";
import { startStandIn } from "../../support/stand-in.ts";
import { until } from "../../support/wait.ts";
import { sizeOf, startOne, survives } from "./redis-trouble.ts";

const CERTIFICATE = new URL("../../support/tls/cert.pem", import.meta.url).pathname;
const PRIVATE_KEY = new URL("../../support/tls/key.pem", import.meta.url).pathname;
/** As many errors as there are commands in a chunk. */
const refusing =
  (error: string) =>
  (chunk: Buffer): Buffer =>
    Buffer.from(`-${error}\r\n`.repeat(chunk.toString("latin1").match(/^\*\d+\r$/gm)?.length ?? 1));

/** Of what only a broken deployment answers; the others are provoked. */
const refusals = {
  WRONGTYPE: "WRONGTYPE Operation against a key holding the wrong kind of value",
  UNKNOWN: "ERR unknown command 'EVALSHA'",
};

suite("a gateway whose Redis refuses (F1)", { skip: redisMissing, timeout: 240_000 }, () => {
  for (const [name, error] of Object.entries(refusals)) {
    test(`${name} in place of every reply`, async (t) => {
      await using server = await startRedis();
      await using standIn = await startStandIn(server.port);
      await survives(t, name, { url: `redis://127.0.0.1:${standIn.port}` }, sizeOf(server), {
        begin: () => standIn.answer(refusing(error)),
        end: () => standIn.answer(undefined),
      });
    });
  }

  test("OOM: its memory is full", async (t) => {
    await using server = await startRedis();
    await survives(t, "OOM", { url: server.url }, sizeOf(server), {
      begin: () => server.cli("config", "set", "maxmemory", "1"),
      end: () => server.cli("config", "set", "maxmemory", "0"),
    });
  });

  test("READONLY: it is made a replica under its clients", async (t) => {
    await using server = await startRedis();
    const nobody = await deadPort();
    await survives(t, "READONLY", { url: server.url }, sizeOf(server), {
      async begin() {
        await server.cli("replicaof", "127.0.0.1", `${nobody}`);
        assert.match(await server.cli("set", "k", "v"), /^READONLY/);
      },
      end: () => server.cli("replicaof", "no", "one"),
    });
  });

  test("LOADING: started again, it reads its data for seconds", async (t) => {
    // Microseconds a key, and octets from one look at its clients to the next.
    const slow = { "key-load-delay": "1000", "loading-process-events-interval-bytes": "1024" };
    await using server = await startRedis({ ...slow, rdbcompression: "no" });
    await server.cli("eval", "for i = 1, 3000 do redis.call('SET', 'data:' .. i, i) end", "0");
    await survives(t, "LOADING", { url: server.url }, sizeOf(server), {
      async begin() {
        await server.cli("save");
        await server.restart();
        assert.match(await server.cli("get", "k"), /^LOADING/);
      },
      end: () =>
        until(async () => (await server.cli("info", "persistence")).includes("\nloading:0"), {
          what: "it has read all",
        }),
    });
  });

  test("MISCONF: it cannot write its snapshots", async (t) => {
    await using server = await startRedis();
    const directory = (await server.cli("config", "get", "dir")).split("\n")[1]!;
    const inTheWay = join(directory, "dump.rdb");
    const saved = async (status: "ok" | "err"): Promise<void> => {
      await server.cli("bgsave");
      await until(
        async () => {
          const info = await server.cli("info", "persistence");
          return info.includes("rdb_bgsave_in_progress:0") && info.includes(`rdb_last_bgsave_status:${status}`);
        },
        { what: `its snapshot is ${status}` },
      );
    };
    await survives(t, "MISCONF", { url: server.url }, sizeOf(server), {
      async begin() {
        await mkdir(inTheWay);
        await server.cli("config", "set", "save", "3600 1");
        await saved("err");
        assert.match(await server.cli("set", "k", "v"), /^MISCONF/);
      },
      async end() {
        await rmdir(inTheWay);
        await saved("ok");
      },
    });
  });

  test("CLUSTERDOWN: a master without a replica hangs, and its slots with it", async (t) => {
    await using cluster = await startRedisCluster();
    const [first, second, third] = cluster.masters as [RedisServer, RedisServer, RedisServer];
    const state = async ({ cli }: RedisServer, word: string): Promise<boolean> =>
      (await cli("cluster", "info")).includes(`cluster_state:${word}`);
    await survives(t, "CLUSTERDOWN", { cluster: cluster.urls }, sizeOf(first, third), {
      async begin() {
        second.pause();
        await until(() => state(first, "fail"), { what: "the cluster is down" });
        assert.match(await first.cli("get", "k"), /^(CLUSTERDOWN|MOVED)/);
      },
      async end() {
        second.resume();
        const all = async () => (await Promise.all(cluster.masters.map((one) => state(one, "ok")))).every(Boolean);
        await until(all, { what: "the cluster is up" });
      },
    });
  });

  test("BUSY: a script that does not end, until it is killed", async (t) => {
    await using server = await startRedis({ "lua-time-limit": "5" });
    let script: Promise<unknown> = Promise.resolve();
    await survives(t, "BUSY", { url: server.url }, sizeOf(server), {
      async begin() {
        script = server.cli("eval", "while true do end", "0").catch(() => {});
        await until(async () => (await server.cli("get", "k")).includes("BUSY"), { what: "it is busy" });
      },
      async end() {
        await server.cli("script", "kill");
        await script;
      },
    });
  });

  test("no more clients are taken", async (t) => {
    await using server = await startRedis();
    await using admin = linkTo({ url: server.url });
    await linkUp(admin.link);
    await survives(t, "max clients", { url: server.url }, sizeOf(server), {
      async begin() {
        await admin.link.call("CONFIG", "SET", "maxclients", "1");
        await admin.link.call("CLIENT", "KILL", "SKIPME", "yes");
        await assert.rejects(async () => {
          if (/max number of clients/.test(await server.cli("ping"))) throw new Error("refused");
        });
      },
      end: () => admin.link.call("CONFIG", "SET", "maxclients", "1000"),
    });
  });

  test("each connection is tried once a second at most, counted where they arrive", async (t) => {
    await using server = await startRedis();
    await using proxy = await startFaultProxy(server.port);
    await using rig = await startOne({ url: proxy.url.replace("http", "redis") });
    await until(() => proxy.open === CONNECTIONS, { what: "all are connected" });
    const before = proxy.connections;
    const startedAt = performance.now();
    await proxy.set({ kind: "reset" });
    for (let i = 0; performance.now() < startedAt + 4000; i++) {
      await rig.ask(`/cold-${i}`);
      await sleep(5);
    }
    const attempts = proxy.connections - before;
    const seconds = (performance.now() - startedAt) / 1000;
    t.diagnostic(`${attempts} attempts of ${CONNECTIONS} connections in ${seconds.toFixed(1)} s`);
    assert.ok(attempts >= CONNECTIONS * 2 && attempts <= CONNECTIONS * (1 + Math.floor(seconds)), `${attempts}`);
  });
});

/** Two for the tier, two for the log of purges, one for leases, one for seats. */
const CONNECTIONS = 6;

suite("a link over TLS (rediss)", { skip: redisMissing, timeout: 60_000 }, () => {
  const tls = { "tls-cert-file": CERTIFICATE, "tls-key-file": PRIVATE_KEY, "tls-ca-cert-file": CERTIFICATE };

  test("with the authority of its certificate it is up, without it says why and stays down", async () => {
    const port = await deadPort();
    await using server = await startRedis({ ...tls, "tls-port": `${port}`, "tls-auth-clients": "no" });
    const url = `rediss://localhost:${port}`;
    await using trusting = linkTo({ url }, 100, await readFile(CERTIFICATE, "utf8"));
    await linkUp(trusting.link);
    assert.equal(String(await trusting.link.call("SET", "k", "v")), "OK");
    assert.equal(await server.cli("get", "k"), "v");
    await using strict = linkTo({ url });
    await until(() => strict.events.length > 0, { what: "a reason is told" });
    assert.equal(strict.link.state(), "down");
    assert.match(strict.events[0]!.reason, /certificate/i);
  });
});
