import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { linkTo, linkUp } from "../../support/redis-link.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { deadPort } from "../../support/raw-origin.ts";
import { startStandIn } from "../../support/stand-in.ts";
import { until } from "../../support/wait.ts";
import { sends } from "./cache-rig.ts";
import { startFleet, type Fleet } from "./fleet-rig.ts";

const answer = sends("hello", { "Cache-Control": "max-age=60" });
const CERTIFICATE = new URL("../../support/tls/cert.pem", import.meta.url).pathname;
const PRIVATE_KEY = new URL("../../support/tls/key.pem", import.meta.url).pathname;
/** Milliseconds: the longest pause of the breaker, and of the attempts to connect. */
const LONGEST_PAUSE = 1000;
/** Milliseconds that a busy machine adds. */
const SLACK = 600;
/** Milliseconds that a request may take: a deadline of 20, and the rest for a busy machine. */
const LONGEST = 250;

let asked = 0;

/** For 8 new URLs, 5 requests at once and 5 later. Gives what reached the origin. */
async function traffic(fleet: Fleet, what: string): Promise<number> {
  const before = fleet.calls();
  for (let i = 0; i < 8; i++) {
    const path = `/wave-${++asked}`;
    const ask = () => Promise.all(Array.from({ length: 5 }, () => fleet.ask(0, path)));
    for (const { status, text, ms } of [...(await ask()), ...(await ask())]) {
      assert.deepEqual([status, text], [200, "hello"], what);
      assert.ok(ms < LONGEST, `${what}: ${ms} ms`);
    }
  }
  return fleet.calls() - before;
}

/** Milliseconds until what is fetched is written to Redis again. */
async function back(fleet: Fleet, keys: () => Promise<string>): Promise<number> {
  const startedAt = performance.now();
  await until(
    async () => {
      const before = Number(await keys());
      await fleet.ask(0, `/back-${++asked}`);
      return Number(await keys()) > before;
    },
    { timeoutMs: 10_000, what: () => `Redis is in use again; told: ${fleet.told.join(" ")}` },
  );
  return performance.now() - startedAt;
}

interface Trouble {
  begin(): unknown;
  end(): unknown;
}

/** No request is lost, the origin sees next to nothing of it, and it is over when it is over. */
async function survives(t: TestContext, fleet: Fleet, what: string, keys: () => Promise<string>, trouble: Trouble) {
  await back(fleet, keys);
  const healthy = await traffic(fleet, `${what}: before`);
  await trouble.begin();
  const troubled = await traffic(fleet, what);
  await trouble.end();
  const ms = await back(fleet, keys);
  t.diagnostic(`${what}: origin calls ${healthy} -> ${troubled}, back in ${ms.toFixed(0)} ms`);
  assert.ok(troubled <= healthy * 1.2, `${what}: ${troubled} calls of the origin, healthy ${healthy}`);
  assert.ok(ms <= LONGEST_PAUSE + SLACK, `${what}: back in ${ms} ms`);
}

/** As many errors as there are commands in a chunk. */
const refusing =
  (error: string) =>
  (chunk: Buffer): Buffer =>
    Buffer.from(`-${error}\r\n`.repeat(chunk.toString("latin1").match(/^\*\d+\r$/gm)?.length ?? 1));

const refusals = {
  LOADING: "LOADING Redis is loading the dataset in memory",
  MISCONF: "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk",
  CLUSTERDOWN: "CLUSTERDOWN The cluster is down",
  READONLY: "READONLY You can't write against a read only replica.",
  WRONGTYPE: "WRONGTYPE Operation against a key holding the wrong kind of value",
  OOM: "OOM command not allowed when used memory > 'maxmemory'.",
};

suite("a gateway whose Redis refuses (F1)", { skip: redisMissing, timeout: 120_000 }, () => {
  for (const [name, error] of Object.entries(refusals)) {
    test(`${name} in place of every reply`, async (t) => {
      await using server = await startRedis();
      await using standIn = await startStandIn(server.port);
      await using fleet = await startFleet(1, { url: `redis://127.0.0.1:${standIn.port}` }, answer);
      await survives(t, fleet, name, () => server.cli("dbsize"), {
        begin: () => standIn.answer(refusing(error)),
        end: () => standIn.answer(undefined),
      });
    });
  }

  test("BUSY: a script that does not end, until it is killed", async (t) => {
    await using server = await startRedis({ "lua-time-limit": "5" });
    await using fleet = await startFleet(1, { url: server.url }, answer);
    let script: Promise<unknown> = Promise.resolve();
    await survives(t, fleet, "BUSY", () => server.cli("dbsize"), {
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
    await using fleet = await startFleet(1, { url: server.url }, answer);
    await using admin = linkTo({ url: server.url });
    await linkUp(admin.link);
    await survives(t, fleet, "max clients", () => server.cli("dbsize"), {
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
    await using fleet = await startFleet(1, { url: proxy.url.replace("http", "redis") }, answer);
    const roles = proxy.open;
    const before = proxy.connections;
    await proxy.set({ kind: "reset" });
    const seconds = 3;
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      await fleet.ask(0, `/cold-${++asked}`);
      await sleep(5);
    }
    const attempts = proxy.connections - before;
    t.diagnostic(`${attempts} attempts of ${roles} connections in ${seconds} s`);
    assert.ok(attempts <= roles * (seconds + 1), `${attempts} attempts of ${roles} connections`);
  });
});

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
