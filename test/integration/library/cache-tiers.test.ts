import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { cacheKey } from "../../../src/cache/key.ts";
import type { Cache } from "../../../src/cache/library/cache.ts";
import { cacheSettings } from "../../../src/cache/settings.ts";
import { createStore } from "../../../src/cache/store.ts";
import type { SharedRedis } from "../../../src/cache/tiers/open.ts";
import { createRedis } from "../../../src/cluster/redis.ts";
import { redisSettings } from "../../../src/cluster/settings.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createEventBus } from "../../../src/core/events.ts";
import { createCache, type CacheConfig } from "../../../src/library.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { postgresMissing, startPostgres } from "../../support/postgres.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { entryOf } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";

const secret = "a secret of sixteen letters and more";

interface Far {
  /** Settings with this tier. */
  readonly config: CacheConfig;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Breaks every octet string it holds. */
  damage(): Promise<void>;
}

interface FarKind {
  readonly name: "redis" | "postgres";
  readonly missing: string | false;
  start(t: TestContext): Promise<Far>;
}

const kinds: readonly FarKind[] = [
  {
    name: "redis",
    missing: redisMissing,
    async start(t) {
      const server = await startRedis();
      t.after(() => server[Symbol.asyncDispose]());
      return {
        config: { redis: { url: server.url, deadline: "400ms" }, secret },
        pause: () => server.pause(),
        resume: () => server.resume(),
        kill: () => server.kill(),
        restart: () => server.restart(),
        async damage() {
          const script =
            "for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('TYPE', k).ok == 'hash' then local f = redis.call('HGET', k, 'f'); if f then redis.call('HSET', k, 'f', f .. 'x') end end end";
          await server.cli("EVAL", script, "0");
        },
      };
    },
  },
  {
    name: "postgres",
    missing: postgresMissing,
    async start(t) {
      const server = await startPostgres();
      t.after(() => server[Symbol.asyncDispose]());
      return {
        config: { postgres: { url: server.url, deadline: "500ms" }, secret },
        pause: () => server.pause(),
        resume: () => server.resume(),
        kill: () => server.kill(),
        restart: () => server.restart(),
        damage: async () => void (await server.query("update spillway_cache set frame = frame || 'x'::bytea")),
      };
    },
  },
];

/** As a gateway opens it. */
function openRedis(t: TestContext, config: CacheConfig["redis"]): SharedRedis | undefined {
  const settings = redisSettings.parse(config);
  if (!settings) return undefined;
  const parts = { clock: systemClock, random: Math.random, bus: createEventBus("gateway"), ca: undefined };
  const redis = createRedis(settings, parts);
  t.after(() => redis.close());
  return { redis, prefix: settings.prefix, deadline: settings.deadline };
}

for (const { name, missing, start } of kinds) {
  suite(`the library's cache over ${name}`, { skip: missing, timeout: 300_000 }, () => {
    const open = (t: TestContext, config: CacheConfig): Cache => {
      const cache = createCache({ onError: () => {}, ...config });
      t.after(() => cache.close());
      return cache;
    };
    /** What was set is there, however long the first connection takes. */
    const setUntilThere = async (cache: Cache, key: string, value: unknown): Promise<void> => {
      await until(
        async () => {
          await cache.set(key, value, { ttl: "1m" });
          return (await cache.get(key, { levels: [name] })) !== undefined;
        },
        { timeoutMs: 30_000, what: `${name} has ${key}` },
      );
    };

    test("what one process sets another has, octet for octet, with what is left of its ttl", async (t) => {
      const far = await start(t);
      const [one, other] = [open(t, far.config), open(t, far.config)];
      const octets = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
      await setUntilThere(one, "a", { octets, when: new Date(5), big: 7n });
      await setUntilThere(other, "warm", 1);
      assert.deepEqual(await other.get("a"), { octets, when: new Date(5), big: 7n });
      await one.set("short", 1, { ttl: "300ms" });
      assert.equal(await other.get("short"), 1);
      await until(async () => (await other.get("short")) === undefined, { what: "the end of its ttl" });
    });

    test("1,000 at once are kept, found and deleted", async (t) => {
      const far = await start(t);
      const [one, other] = [open(t, far.config), open(t, far.config)];
      await setUntilThere(one, "warm", 1);
      await setUntilThere(other, "warm", 1);
      const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);
      await one.setMany(keys.map((key, i) => [key, i] as const));
      const found = await other.getMany<number>(keys);
      assert.equal(found.size, 1000);
      assert.ok(keys.every((key, i) => found.get(key) === i));
      await other.deleteMany(keys);
      assert.equal((await other.getMany(keys, { levels: [name] })).size, 0);
      assert.equal((await one.getMany(keys, { levels: [name] })).size, 0);
    });

    test("two functions wait for one load, a second process finds what it brought", async (t) => {
      const far = await start(t);
      const [one, other] = [open(t, far.config), open(t, far.config)];
      await setUntilThere(one, "warm", 1);
      await setUntilThere(other, "warm", 1);
      let loads = 0;
      const load = (): number => ++loads;
      assert.deepEqual(await Promise.all([one.getOrLoad("a", load), one.getOrLoad("a", load)]), [1, 1]);
      await until(async () => (await other.get("a")) === 1, { what: "the second process has it" });
      assert.equal(await other.getOrLoad("a", load), 1);
      assert.equal(loads, 1);
    });

    test("clear takes what is under its own prefix, other caches and gateways keep theirs", async (t) => {
      const far = await start(t);
      const [mine, too] = [open(t, { ...far.config, prefix: "mine" }), open(t, { ...far.config, prefix: "mine" })];
      const others = [
        open(t, far.config),
        open(t, { ...far.config, prefix: "mine2" }),
        open(t, { ...far.config, prefix: "v1" }),
      ];
      const long = "x".repeat(2000);
      for (const cache of [mine, too, ...others]) await setUntilThere(cache, "a", 1);
      for (const cache of [mine, ...others]) await setUntilThere(cache, long, 2);
      const store = createStore(
        cacheSettings.parse(name === "postgres" ? { postgres: far.config.postgres, secret } : { secret }),
        {
          clock: systemClock,
          random: Math.random,
          bus: createEventBus("gateway"),
          redis: openRedis(t, far.config.redis),
        },
      );
      t.after(() => store.close());
      const gateways = store.tiers.find((tier) => tier.name === name)!.tier;
      const key = cacheKey({ scheme: "http", authority: "shop.example", path: "/", query: "" });
      const entry = { ...entryOf("kept"), keepUntil: Date.now() + 60_000 };
      await until(
        async () => {
          await gateways.set(key, entry);
          return (await gateways.get(key, () => "")) !== undefined;
        },
        { timeoutMs: 30_000, what: "the gateway's entry is there" },
      );
      await mine.clear();
      const ofTier = { levels: [name] } as const;
      for (const cache of [mine, too]) {
        assert.equal((await cache.getMany(["a", long], ofTier)).size, 0);
      }
      for (const cache of others) assert.equal((await cache.getMany(["a", long], ofTier)).size, 2);
      assert.ok(await gateways.get(key, () => ""), "the gateway's");
      await mine.set("a", 3);
      assert.equal(await mine.get("a", ofTier), 3);
    });

    test("octets that were tampered with are a miss, and so are those of another secret", async (t) => {
      const far = await start(t);
      const [one, other] = [open(t, far.config), open(t, far.config)];
      const stranger = open(t, { ...far.config, secret: "another secret of sixteen letters" });
      await setUntilThere(one, "a", 1);
      await setUntilThere(other, "warm", 1);
      assert.equal(await stranger.get("a"), undefined);
      await far.damage();
      assert.equal(await other.get("a"), undefined);
      assert.equal(await other.getOrLoad("a", () => 2), 2);
    });

    test("a server that is killed or hangs fails no call, and costs next to nothing after the first ones", async (t) => {
      const far = await start(t);
      const cache = open(t, far.config);
      await setUntilThere(cache, "a", 1);
      for (const [stop, start] of [
        [() => far.pause(), () => far.resume()],
        [() => far.kill(), () => far.restart()],
      ] as const) {
        await stop();
        assert.equal(await cache.get("a"), 1, "memory has it");
        for (let i = 0; i < 20; i++) assert.equal(await cache.getOrLoad(`cold ${i}`, () => i), i);
        const before = fairClock.now();
        for (let i = 0; i < 20; i++) assert.equal(await cache.getOrLoad(`colder ${i}`, () => i), i);
        const each = (fairClock.now() - before) / 20;
        t.diagnostic(`${each.toFixed(2)} ms a miss`);
        assert.ok(each < 50, `${each} ms a miss`);
        await start();
        await setUntilThere(cache, "back", 1);
        await cache.clear();
        await setUntilThere(cache, "a", 1);
      }
    });
  });
}

suite("the library's cache in several processes, with Redis", { skip: redisMissing, timeout: 300_000 }, () => {
  test("what one purges, sets or deletes, another that had it in memory does not give any more", async (t) => {
    const server = await startRedis();
    t.after(() => server[Symbol.asyncDispose]());
    const open = (): Cache => {
      const cache = createCache({ redis: { url: server.url, deadline: "400ms" }, secret, onError: () => {} });
      t.after(() => cache.close());
      return cache;
    };
    const [one, other] = [open(), open()];
    const bothHave = async (value: number): Promise<void> => {
      const policy = { ttl: "10m", tags: ["t"] } as const;
      await until(
        async () => {
          await one.set("a", value, policy);
          return (await one.get("a")) === value && (await other.get("a")) === value;
        },
        { timeoutMs: 30_000, what: `both have ${value}` },
      );
    };
    const acts: readonly (readonly [string, () => Promise<void>, unknown])[] = [
      ["a purge by tag", () => one.purge({ tags: ["t"] }), undefined],
      ["a purge by prefix", () => one.purge({ prefix: "" }), undefined],
      ["a purge by key", () => one.purge({ keys: ["a"] }), undefined],
      ["a delete", () => one.delete("a"), undefined],
      ["a set", () => one.set("a", -1), -1],
    ];
    for (const [i, [what, act, expected]] of acts.entries()) {
      await bothHave(i);
      const before = performance.now();
      await act();
      await until(async () => (await other.get("a")) === expected, { what: `${what} was heard of` });
      t.diagnostic(`${what}: ${(performance.now() - before).toFixed(1)} ms`);
      assert.equal(await one.get("a"), expected);
    }
  });

  test("a set of a key that nobody has is in the log of purges all the same: a load of it in another process may be older", async (t) => {
    const server = await startRedis();
    t.after(() => server[Symbol.asyncDispose]());
    const open = (): Cache => {
      const cache = createCache({ redis: { url: server.url, deadline: "400ms" }, secret, onError: () => {} });
      t.after(() => cache.close());
      return cache;
    };
    const [one, other] = [open(), open()];
    for (const cache of [one, other]) {
      const there = async (): Promise<boolean> => {
        await cache.set("warm", 1);
        return (await cache.get("warm", { levels: ["redis"] })) === 1;
      };
      await until(there, { timeoutMs: 30_000, what: "Redis has it" });
    }
    const source = Promise.withResolvers<number>();
    const load = other.getOrLoad("new", () => source.promise);
    await new Promise((resolve) => setImmediate(resolve));
    await one.set("new", 2);
    source.resolve(1);
    await load;
    await until(async () => (await other.get("new")) === 2, { what: "the other process has what was set" });
    assert.equal(await one.get("new", { levels: ["redis"] }), 2);
  });

  test("callers of two processes that ask for the same at once wait for one load", async (t) => {
    const server = await startRedis();
    t.after(() => server[Symbol.asyncDispose]());
    const open = async (): Promise<Cache> => {
      const cache = createCache({ redis: { url: server.url, deadline: "400ms" }, secret, onError: () => {} });
      t.after(() => cache.close());
      await until(
        async () => {
          await cache.set("warm", 1);
          return (await cache.get("warm", { levels: ["redis"] })) === 1;
        },
        { timeoutMs: 30_000, what: "Redis has it" },
      );
      return cache;
    };
    const caches = [await open(), await open()];
    for (let round = 0; round < 5; round++) {
      let loads = 0;
      const load = async (): Promise<number> => {
        loads++;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return round;
      };
      const before = performance.now();
      const ask = (cache: Cache) => Array.from({ length: 50 }, () => cache.getOrLoad(`cold ${round}`, load));
      assert.deepEqual(new Set(await Promise.all(caches.flatMap(ask))), new Set([round]));
      assert.equal(loads, 1);
      t.diagnostic(`${(performance.now() - before).toFixed(0)} ms for a load of 100 ms`);
    }
    await assert.rejects(
      caches[0]!.getOrLoad("down", () => Promise.reject(new Error("down"))),
      /down/,
    );
    assert.equal(await caches[1]!.getOrLoad("down", () => 1), 1, "a failure holds nobody up");
  });

  test("while Redis hangs, set and getOrLoad go on, and set waits half a second at most", async (t) => {
    const server = await startRedis();
    t.after(() => server[Symbol.asyncDispose]());
    const cache = createCache({ redis: { url: server.url }, secret, onError: () => {} });
    t.after(() => cache.close());
    await until(
      async () => {
        await cache.set("warm", 1);
        return (await cache.get("warm", { levels: ["redis"] })) === 1;
      },
      { timeoutMs: 30_000, what: "Redis has it" },
    );
    server.pause();
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      const before = fairClock.now();
      await cache.set(`k${i}`, i);
      waits.push(Math.round(fairClock.now() - before));
      assert.equal(await cache.get(`k${i}`), i);
      assert.equal(await cache.getOrLoad(`l${i}`, () => i), i);
    }
    server.resume();
    t.diagnostic(`${waits.join(", ")} ms`);
    // The deadline of log and tiers together; the rest is a busy machine.
    assert.ok(Math.max(...waits) < 500 + 150, waits.join());
  });
});
