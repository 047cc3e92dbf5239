import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RedisError } from "../../../src/core/redis.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { deadPort, listen } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, startRedisCluster, startRedisSentinel } from "../../support/redis.ts";
import { linkTo, linkUp } from "../../support/redis-link.ts";
import { until } from "../../support/wait.ts";

const failure = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return "none";
  } catch (error) {
    assert.ok(error instanceof RedisError, String(error));
    return error.failure;
  }
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function settledHeap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const timed = async <T>(run: () => Promise<T>): Promise<[T, number]> => {
  const startedAt = fairClock.now();
  return [await run(), fairClock.now() - startedAt];
};

suite("a link to one server", { skip: redisMissing }, () => {
  test("fails at once before it is up, then gives strings as octets, numbers and lists", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url });
    assert.equal(await failure(rig.link.call("PING")), "down");
    await linkUp(rig.link);
    const octets = Buffer.from([0, 255, 13, 10]);
    assert.equal(String(await rig.link.call("SET", "k", octets)), "OK");
    assert.deepEqual(await rig.link.call("GET", "k"), octets);
    assert.equal(await rig.link.call("GET", "none"), null);
    assert.equal(await rig.link.call("INCR", "n"), 1);
    assert.deepEqual(await rig.link.call("MGET", "k", "none"), [octets, null]);
    assert.match(await server.cli("client", "list"), /name=spillway:test /);
    assert.deepEqual(
      rig.events.map(({ role, state, reason }) => [role, state, reason]),
      [["test", "up", ""]],
    );
  });

  test("a batch gives the replies in order, with an error in place of one that failed", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url });
    await linkUp(rig.link);
    const [first, second, third] = await rig.link.batch([
      ["SET", "k", "text"],
      ["INCR", "k"],
      ["GET", "k"],
    ]);
    assert.equal(String(first), "OK");
    assert.ok(second instanceof RedisError);
    assert.equal(second.failure, "refused");
    assert.equal(String(third), "text");
  });

  test("a script goes whole the first time and by its digest afterwards, also after the server forgot it", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url });
    await linkUp(rig.link);
    const script = { name: "add", lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" };
    assert.equal(await rig.link.script(script, ["n"], [2]), 2);
    assert.equal(await rig.link.script(script, ["n"], [3]), 5);
    await server.cli("script", "flush");
    assert.equal(await rig.link.script(script, ["n"], [1]), 6);
    assert.match(await server.cli("info", "commandstats"), /cmdstat_eval:calls=2,/);
  });

  test("a server that is killed fails what is under way and is found again within a second of its return", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url }, 2000);
    await linkUp(rig.link);
    const states: string[] = [];
    rig.link.onState((state) => states.push(state));
    const underWay = failure(rig.link.call("BLPOP", "never", 0));
    await server.kill();
    assert.equal(await underWay, "down");
    const [reason, ms] = await timed(() => failure(rig.link.call("PING")));
    assert.equal(reason, "down");
    assert.ok(ms < 5, `${ms} ms`);
    await server.restart();
    const [, back] = await timed(() => linkUp(rig.link));
    assert.ok(back < 1100, `back after ${back} ms`);
    assert.deepEqual(states, ["down", "up"]);
    assert.deepEqual(
      rig.events.map(({ state }) => state),
      ["up", "down", "up"],
    );
  });

  test("a hung server costs one deadline a call, is cut after its silence, and comes back when it wakes", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url }, 20);
    await linkUp(rig.link);
    server.pause();
    const [reason, ms] = await timed(() => failure(rig.link.call("GET", "k")));
    assert.equal(reason, "timeout");
    assert.ok(ms < 60, `${ms} ms`);
    await until(() => rig.link.state() === "down", { what: "the silence ends the connection" });
    const [later, none] = await timed(() => failure(rig.link.call("GET", "k")));
    assert.equal(later, "down");
    assert.ok(none < 5, `${none} ms`);
    server.resume();
    await linkUp(rig.link);
    assert.equal(await rig.link.call("GET", "k"), null);
  });

  test("calls without a reply do not pile up", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url }, 20);
    await linkUp(rig.link);
    server.pause();
    const before = settledHeap();
    let refused = 0;
    for (let round = 0; round < 60; round++) {
      const calls = Array.from({ length: 1000 }, () => rig.link.call("GET", "k").catch((error: Error) => error));
      for (const error of await Promise.all(calls)) if (/are due already|no connection/.test(String(error))) refused++;
    }
    assert.ok(refused >= 50_000, `${refused} of 60,000 calls cost nothing`);
    // What is under way yet, or garbage, goes; what has piled up stays.
    let grown = 0;
    await until(() => (grown = settledHeap() - before) < 16 * 1024 * 1024, {
      timeoutMs: 5000,
      what: () => `less than 16 MiB is left; ${grown} octets are`,
    });
    server.resume();
    await linkUp(rig.link);
  });

  test("attempts to connect are at least a second apart", async () => {
    await using server = await startRedis();
    await using proxy = await startFaultProxy(server.port);
    await proxy.set({ kind: "reset" });
    await using rig = linkTo({ url: proxy.url.replace("http", "redis") });
    const startedAt = performance.now();
    await until(() => proxy.connections >= 3, { what: "three attempts" });
    const ms = performance.now() - startedAt;
    assert.ok(ms > 1900, `three attempts within ${ms} ms`);
    assert.equal(rig.events.length, 1, "the first failure is told, and no other");
  });

  test("nobody there, a wrong password and a stranger who talks are told as a reason, and harm nobody", async () => {
    await using server = await startRedis({ requirepass: "right" });
    await using none = linkTo({ url: `redis://127.0.0.1:${await deadPort()}` });
    await using wrong = linkTo({ url: server.url.replace("//", "//:wrong@") });
    await using without = linkTo({ url: server.url });
    await using right = linkTo({ url: server.url.replace("//", "//:right@") });
    await linkUp(right.link);
    for (const [rig, reason] of [
      [none, /ECONNREFUSED/],
      [wrong, /WRONGPASS/],
      [without, /NOAUTH/],
    ] as const) {
      await until(() => rig.events.length > 0, { what: "a reason is told" });
      assert.equal(rig.events[0]!.state, "down");
      assert.match(rig.events[0]!.reason, reason);
      assert.equal(await failure(rig.link.call("PING")), "down");
    }
  });

  test("what is published comes on a connection of its own, also after that broke", async () => {
    await using server = await startRedis();
    await using rig = linkTo({ url: server.url });
    const heard: string[] = [];
    const stop = rig.link.subscribe("news", (message) => heard.push(String(message)));
    const publishUntilHeard = (text: string): Promise<boolean> =>
      until(
        async () => {
          await server.cli("publish", "news", text);
          return heard.includes(text);
        },
        { what: `${text} is heard` },
      );
    await publishUntilHeard("one");
    await server.cli("client", "kill", "type", "pubsub");
    await publishUntilHeard("two");
    stop();
    await until(async () => (await server.cli("pubsub", "numsub", "news")) === "news\n0", { what: "nobody listens" });
  });
});

suite("what is overridden of the client library", { skip: redisMissing }, () => {
  /** Passes octets between a client and the server, and more to the client when the test says so. */
  async function startIntruder(t: TestContext, port: number): Promise<{ port: number; intrude(octets: string): void }> {
    const clients = new Set<Socket>();
    const intruder = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      clients.add(client);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        from.on("error", () => {});
        from.on("close", () => to.destroy());
        from.pipe(to);
      }
      client.on("close", () => clients.delete(client));
    });
    t.after(() => {
      for (const client of clients) client.destroy();
      intruder.close();
    });
    return {
      port: await listen(intruder, 0),
      intrude: (octets) => clients.forEach((client) => client.write(octets)),
    };
  }

  test("is there in this version: the queue of commands that are due, and what empties it", async () => {
    const { Redis } = await import("ioredis");
    const client = new Redis({ lazyConnect: true }) as unknown as Record<string, Record<string, unknown> | undefined>;
    assert.equal(typeof client["flushQueue"], "function", "ioredis has flushQueue no more: see cutOnStrayReply");
    assert.equal(
      typeof client["commandQueue"]?.["shift"],
      "function",
      "ioredis has no commandQueue with shift any more",
    );
  });

  test("does its work: a reply that nobody asked for ends the connection, which comes back", async (t) => {
    await using server = await startRedis();
    const intruder = await startIntruder(t, server.port);
    await using rig = linkTo({ url: `redis://127.0.0.1:${intruder.port}` });
    await linkUp(rig.link);
    assert.equal(String(await rig.link.call("SET", "k", "right")), "OK");
    intruder.intrude("$5\r\nwrong\r\n");
    await until(() => rig.link.state() === "down", { what: "the connection is cut" });
    assert.match(rig.events.at(-1)!.reason, /a reply came that nobody had asked for/);
    await linkUp(rig.link, 2500);
    assert.equal(String(await rig.link.call("GET", "k")), "right");
  });

  test("lets the library give up what is due when a connection ends", async (t) => {
    await using server = await startRedis();
    const intruder = await startIntruder(t, server.port);
    await using rig = linkTo({ url: `redis://127.0.0.1:${intruder.port}` }, 2000);
    await linkUp(rig.link);
    const due = Array.from({ length: 100 }, () => failure(rig.link.call("BLPOP", "never", 0)));
    await server.kill();
    assert.deepEqual(new Set(await Promise.all(due)), new Set(["down"]));
  });
});

suite("a link to a cluster", { skip: redisMissing }, () => {
  test("routes by key, listens, and goes on with a replica in place of a master that was killed", async () => {
    await using cluster = await startRedisCluster(1);
    await using rig = linkTo({ cluster: cluster.masters.map(({ url }) => url) }, 200);
    await linkUp(rig.link);
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    const setAll = () => Promise.all(keys.map((key) => failure(rig.link.call("SET", key, key))));
    await until(async () => (await setAll()).every((reason) => reason === "none"), { what: "all keys can be set" });
    const heard: string[] = [];
    rig.link.subscribe("news", (message) => heard.push(String(message)));
    await until(
      async () => {
        await rig.link.call("PUBLISH", "news", "x");
        return heard.length > 0;
      },
      { what: "news are heard" },
    );
    await cluster.masters[0]!.kill();
    const startedAt = fairClock.now();
    await until(async () => (await setAll()).every((reason) => reason === "none"), {
      what: "all keys can be set again",
    });
    assert.ok(fairClock.now() - startedAt < 10_000);
  });
});

suite("a link through sentinels", { skip: redisMissing }, () => {
  test("finds the master, and the new one when that was killed", async () => {
    await using sentinels = await startRedisSentinel(1);
    await using rig = linkTo({ sentinels: { hosts: sentinels.hosts, name: sentinels.name } }, 200);
    await linkUp(rig.link);
    await rig.link.call("SET", "k", "v");
    await until(async () => (await sentinels.replica.cli("get", "k")) === "v", { what: "the replica has it" });
    await sentinels.master.kill();
    await until(async () => (await failure(rig.link.call("SET", "k", "w"))) === "none", {
      what: "the new master takes a write",
    });
    assert.equal(await sentinels.replica.cli("get", "k"), "w");
  });

  test("does not leave connections to sentinels behind, however often the one to the master is lost", async () => {
    await using sentinels = await startRedisSentinel(1);
    await using rig = linkTo({ sentinels: { hosts: sentinels.hosts, name: sentinels.name } }, 200);
    const listening = async (): Promise<number> =>
      [...(await sentinels.sentinel("client", "list")).matchAll(/sub=1 /g)].length;
    for (let round = 0; round < 3; round++) {
      await linkUp(rig.link);
      await until(async () => (await listening()) > 0, { what: "it listens for failovers" });
      // Itself, wherever it is: a busy machine may make the sentinel go over to the replica.
      await rig.link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no").catch(() => {});
      const losses = (): number => rig.events.filter(({ state }) => state === "down").length;
      await until(() => losses() > round, { what: "the connection is lost" });
    }
    await linkUp(rig.link);
    const settled = async (): Promise<boolean> => (await listening()) === 1;
    await until(settled, { timeoutMs: 5000, what: "one connection listens" });
  });
});
