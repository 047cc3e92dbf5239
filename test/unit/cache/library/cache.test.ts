import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createFarTier, openLibrary } from "../../../support/library-rig.ts";
import { composeCache } from "../../../../src/library.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** A loader that a test answers by hand. */
function slowLoader<T>() {
  const calls: { resolve(value: T): void; reject(error: Error): void; readonly signal: AbortSignal }[] = [];
  const load = (_key: string, signal: AbortSignal): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    calls.push({ resolve, reject, signal });
    return promise;
  };
  return { load, calls };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite("a cache as a library: get and set", () => {
  test("gives back what was set, for its ttl, and nothing for another key", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    await cache.set("a", { n: 1 }, { ttl: "10s" });
    assert.deepEqual(await cache.get("a"), { n: 1 });
    assert.equal(await cache.get("b"), undefined);
    clock.advance(9999);
    assert.deepEqual(await cache.get("a"), { n: 1 });
    clock.advance(1);
    assert.equal(await cache.get("a"), undefined);
  });

  test("a minute is the ttl when nobody says; the cache's own is before that, the call's before both", async () => {
    await using plain = openLibrary();
    await using own = openLibrary({ ttl: "5s" });
    for (const [{ cache, clock }, ms] of [
      [plain, 60_000],
      [own, 5000],
    ] as const) {
      await cache.set("a", 1);
      await cache.set("b", 1, { ttl: "1s" });
      clock.advance(1000);
      assert.equal(await cache.get("b"), undefined);
      clock.advance(ms - 1001);
      assert.equal(await cache.get("a"), 1);
      clock.advance(1);
      assert.equal(await cache.get("a"), undefined);
    }
  });

  test("a value changed by who set it, got it or loaded it stays as it was for all others", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    const mine = { list: [1], octets: Buffer.from("abc") };
    const set = cache.set("a", mine);
    mine.list.push(2);
    await set;
    mine.octets.fill(0);
    const got = (await cache.get("a")) as typeof mine;
    got.list.push(3);
    got.octets.fill(1);
    assert.deepEqual(await cache.get("a"), { list: [1], octets: Buffer.from("abc") });
    const { load, calls } = slowLoader<number[]>();
    const both = [cache.getOrLoad("b", load), cache.getOrLoad("b", load)];
    await turn();
    calls[0]!.resolve([1]);
    const [first, second] = await Promise.all(both);
    first!.push(2);
    assert.deepEqual(second, [1]);
    assert.deepEqual(await cache.get("b"), [1]);
  });

  test("a Buffer of 100,000 octets comes back octet for octet", async () => {
    const far = createFarTier();
    await using rig = openLibrary({}, [{ name: "redis", tier: far }]);
    const octets = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
    rig.clock.advance(1);
    await rig.cache.set("a", octets);
    assert.ok(octets.equals((await rig.cache.get("a", { levels: ["redis"] }))!));
    const [entry] = far.kept.values();
    assert.ok(entry!.body.length <= 100_001);
  });

  test("many at once are one round trip to a tier, and duplicates count once", async () => {
    const far = createFarTier();
    await using one = openLibrary({}, [{ name: "redis", tier: far }]);
    await one.cache.setMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, i] as const));
    assert.deepEqual(far.trips, ["set 50"]);
    await using other = openLibrary({}, [{ name: "redis", tier: far }]);
    far.trips.length = 0;
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const found = await other.cache.getMany<number>([...keys, "k1", "k2"]);
    assert.deepEqual(
      [...found],
      Array.from({ length: 50 }, (_, i) => [`k${i}`, i]),
    );
    assert.deepEqual(far.trips, ["get 60"]);
    assert.equal((await other.cache.getMany(keys.slice(0, 50))).size, 50);
    assert.deepEqual(far.trips, ["get 60"], "they are in memory now");
    far.trips.length = 0;
    await other.cache.deleteMany(keys);
    assert.deepEqual(far.trips, ["delete 60"]);
    assert.equal((await other.cache.getMany(keys)).size, 0);
  });

  test("a call is about the levels it names and touches no other", async () => {
    const far = createFarTier();
    await using rig = openLibrary({}, [{ name: "redis", tier: far }]);
    const { cache } = rig;
    await cache.set("near", 1, { levels: ["memory"] });
    assert.deepEqual(far.trips, []);
    await cache.set("far", 2, { levels: ["redis"] });
    assert.equal(await cache.get("far", { levels: ["memory"] }), undefined);
    assert.equal(await cache.get("far", { levels: ["redis"] }), 2);
    assert.equal(await cache.get("far", { levels: ["memory"] }), undefined, "a look that names redis fills no memory");
    assert.equal(await cache.get("far"), 2);
    assert.equal(await cache.get("far", { levels: ["memory"] }), 2, "promoted");
    await cache.delete("far", { levels: ["memory"] });
    assert.equal(await cache.get("far", { levels: ["redis"] }), 2);
  });

  test("what a farther tier has is used for what is left of its ttl", async () => {
    const clock = new ManualClock();
    const far = createFarTier();
    await using one = openLibrary({}, [{ name: "redis", tier: far }], clock);
    await using other = openLibrary({}, [{ name: "redis", tier: far }], clock);
    await one.cache.set("a", 1, { ttl: "4s" });
    clock.advance(3000);
    assert.equal(await other.cache.get("a"), 1);
    clock.advance(1000);
    assert.equal(await other.cache.get("a"), undefined);
  });

  test("what is stale or purged in memory does not hide what another process has put into a farther tier", async () => {
    const clock = new ManualClock();
    const far = createFarTier();
    await using one = openLibrary({}, [{ name: "redis", tier: far }], clock);
    await using other = openLibrary({}, [{ name: "redis", tier: far }], clock);
    clock.advance(1);
    await one.cache.set("a", "old", { ttl: "1s", staleIfError: "1h", tags: ["t"] });
    assert.equal(await other.cache.get("a"), "old");
    clock.advance(2000);
    await one.cache.set("a", "new", { ttl: "1h", tags: ["t"] });
    assert.equal(await other.cache.get("a"), "new");
    far.trips.length = 0;
    assert.equal(await other.cache.get("a"), "new");
    assert.deepEqual(far.trips, [], "it is in memory");
    clock.advance(5);
    await other.cache.purge({ tags: ["t"] });
    // Without a log, what another process writes so soon after could be older than the purge.
    clock.advance(3005);
    await one.cache.set("a", "newest", { ttl: "1h", tags: ["t"] });
    assert.deepEqual([...(await other.cache.getMany(["a"])).values()], ["newest"]);
    assert.equal(await other.cache.get("a"), "newest");
  });

  test("a value longer than maxEntry is given and not kept, nor what it replaces", async () => {
    await using rig = openLibrary({ maxEntry: "1KiB" });
    const { cache } = rig;
    await cache.set("a", "short");
    await cache.set("a", "x".repeat(2000));
    assert.equal(await cache.get("a"), undefined);
    assert.equal(await cache.getOrLoad("b", () => "x".repeat(2000)), "x".repeat(2000));
    assert.equal(await cache.get("b"), undefined);
  });

  test("undefined and null are values: they are loaded once", async () => {
    await using rig = openLibrary();
    let loads = 0;
    for (let i = 0; i < 2; i++) assert.equal(await rig.cache.getOrLoad("u", () => void loads++), undefined);
    assert.equal(loads, 1);
  });

  test("what is wrong with a call is said with its remedy, and nothing is kept", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    class Account {
      readonly owner = "me";
    }
    await assert.rejects(cache.set("a", new Account()), /instance of Account.*Keep plain objects/);
    await assert.rejects(
      cache.setMany([
        ["b", 1],
        ["c", () => 1],
      ]),
      /a function/,
    );
    assert.equal(await cache.get("b"), undefined);
    await assert.rejects(
      cache.getOrLoad("a", () => new Account()),
      /instance of Account/,
    );
    await assert.rejects(cache.set("a", 1, { ttl: 60 as never }), /ttl: expected a duration with its unit.*got 60/);
    await assert.rejects(cache.set("a", 1, { write: "back" }), /needs a writer/);
    await assert.rejects(cache.get(7 as never), /a key is a text, not number/);
    await assert.rejects(cache.get("x".repeat(9000)), /at most 8192 characters/);
    await assert.rejects(cache.get("\ud800"), /well-formed Unicode/);
    await assert.rejects(cache.purge({}), /give tags, keys, a prefix or all/);
  });

  test("what is wrong with the settings is said all at once", () => {
    const parts = { clock: new ManualClock(), random: () => 0.5 };
    const create = (config: object) => () => composeCache(config, parts);
    assert.throws(create({ memmory: "1MiB", ttl: 60 }), { name: "UsageError", message: /ttl: .*\n.*memmory/s });
    assert.throws(create({ write: "back" }), /there is no writer/);
    assert.throws(create({ loader: "x" }), /loader: expected a function/);
    assert.throws(create({ prefix: "a/b" }), /prefix: has letters/);
    assert.throws(create({ maxEntry: "1GiB" }), /larger than memory/);
  });

  test("nothing keeps the clock busy once it is closed", async () => {
    const { cache, clock } = openLibrary({ writer: () => {}, write: "back" });
    await cache.set("a", 1);
    await cache.getOrLoad("b", () => 1);
    await cache.close();
    assert.equal(clock.pending, 0);
  });
});

suite("a cache as a library: loads", () => {
  test("200 callers of a cold key wait for one load", async () => {
    const far = createFarTier();
    await using rig = openLibrary({}, [{ name: "redis", tier: far }]);
    const { load, calls } = slowLoader<number>();
    const all = Array.from({ length: 200 }, () => rig.cache.getOrLoad("a", load));
    await turn();
    calls[0]!.resolve(7);
    assert.deepEqual(new Set(await Promise.all(all)), new Set([7]));
    assert.equal(calls.length, 1);
    assert.deepEqual(far.trips, ["get 1", "set 1"]);
  });

  test("a failed load is theirs all, once, and not kept", async () => {
    await using rig = openLibrary();
    const { load, calls } = slowLoader<number>();
    const all = Array.from({ length: 200 }, () => rig.cache.getOrLoad("a", load).catch((e: Error) => e.message));
    await turn();
    calls[0]!.reject(new Error("down"));
    assert.deepEqual(new Set(await Promise.all(all)), new Set(["down"]));
    assert.equal(calls.length, 1);
    assert.equal(await rig.cache.getOrLoad("a", () => 1), 1);
  });

  test("a failure is kept for errorTtl when that is asked for, and until the key is written", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    let loads = 0;
    const failing = (): never => {
      loads++;
      throw new Error("down");
    };
    const ask = (): Promise<unknown> =>
      cache.getOrLoad("a", failing, { errorTtl: "5s" }).catch((e: Error) => e.message);
    assert.equal(await ask(), "down");
    clock.advance(4999);
    assert.equal(await ask(), "down");
    assert.equal(loads, 1);
    clock.advance(1);
    await ask();
    assert.equal(loads, 2);
    await cache.set("a", 1);
    assert.equal(await ask(), 1);
  });

  test("past its ttl a value is given at once while one load runs behind it", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    const policy = { ttl: "10s", staleWhileRevalidate: "1m" } as const;
    const { load, calls } = slowLoader<number>();
    await cache.set("a", 1, policy);
    clock.advance(11_000);
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => cache.getOrLoad("a", load, policy))), [1, 1, 1]);
    assert.equal(calls.length, 1);
    calls[0]!.resolve(2);
    await turn();
    assert.equal(await cache.getOrLoad("a", load, policy), 2);
    assert.equal(calls.length, 1);
  });

  test("a source in outage for 3 s is asked three times at most for a key, 20 times a second", async () => {
    await using rig = openLibrary();
    const { cache, clock, failures } = rig;
    for (const policy of [
      { ttl: "1s", staleWhileRevalidate: "30s" },
      { ttl: "1s", staleIfError: "60s" },
    ] as const) {
      const key = JSON.stringify(policy);
      let loads = 0;
      await cache.set(key, "old", policy);
      clock.advance(1001);
      for (let i = 0; i < 60; i++) {
        const value = await cache.getOrLoad(
          key,
          () => {
            loads++;
            throw new Error("down");
          },
          policy,
        );
        assert.equal(value, "old");
        clock.advance(50);
      }
      assert.ok(loads <= 3, `${loads} loads`);
    }
    assert.ok(failures.length >= 1 && failures.every((message) => message === "down"));
  });

  test("a load that hangs is waited for 100 ms with a stale value in hand, then kept when it comes", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    const policy = { ttl: "1s", staleIfError: "1m" } as const;
    const { load, calls } = slowLoader<string>();
    await cache.set("a", "old", policy);
    clock.advance(2000);
    const asked = cache.getOrLoad("a", load, policy);
    let answered: string | undefined;
    void asked.then((value) => (answered = value));
    await clock.advanceAsync(99);
    assert.equal(answered, undefined);
    await clock.advanceAsync(1);
    assert.equal(await asked, "old");
    calls[0]!.resolve("new");
    await turn();
    assert.equal(await cache.get("a"), "new");
  });

  test("past all its windows nothing is given but what the load says", async () => {
    await using rig = openLibrary();
    const { cache, clock } = rig;
    await cache.set("a", "old", { ttl: "1s", staleIfError: "2s" });
    clock.advance(3000);
    await assert.rejects(
      cache.getOrLoad("a", () => Promise.reject(new Error("down"))),
      /down/,
    );
  });

  test("a load that takes longer than loadTimeout has failed, and its signal says so", async () => {
    await using rig = openLibrary({ loadTimeout: "2s" });
    const { cache, clock } = rig;
    const { load, calls } = slowLoader<string>();
    const asked = cache.getOrLoad("a", load);
    const outcome = assert.rejects(asked, /took longer than 2000 ms/);
    await clock.advanceAsync(2000);
    await outcome;
    assert.equal(calls[0]!.signal.aborted, true);
    calls[0]!.resolve("late");
    await turn();
    assert.equal(await cache.get("a"), undefined, "what comes too late is not kept");
    assert.equal(await cache.getOrLoad("a", () => "next"), "next");
  });

  test("with a loader in the settings, get reads through it", async () => {
    const asked: string[] = [];
    await using rig = openLibrary({
      loader: (key) => {
        asked.push(key);
        return `value of ${key}`;
      },
    });
    assert.equal(await rig.cache.get("a"), "value of a");
    assert.equal(await rig.cache.get("a"), "value of a");
    assert.deepEqual(asked, ["a"]);
  });
});

suite("a cache as a library: purges", () => {
  test("by tag, by key, by prefix, all: what it is about is gone, the rest stays", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    const fill = async (): Promise<void> => {
      await cache.set("user:1", 1, { tags: ["users", "eu"] });
      await cache.set("user:2", 2, { tags: ["users"] });
      await cache.set("order:1", 3);
    };
    const left = async (): Promise<string[]> => [...(await cache.getMany(["user:1", "user:2", "order:1"])).keys()];
    await fill();
    await cache.purge({ tags: ["eu"] });
    assert.deepEqual(await left(), ["user:2", "order:1"]);
    await cache.purge({ keys: ["order:1", "never"] });
    assert.deepEqual(await left(), ["user:2"]);
    await fill();
    await cache.purge({ prefix: "user:" });
    assert.deepEqual(await left(), ["order:1"]);
    await fill();
    await cache.purge({ all: true });
    assert.deepEqual(await left(), []);
    await fill();
    await cache.clear();
    assert.deepEqual(await left(), []);
  });

  test("a soft purge makes a value stale: it stands in for a load that fails", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    const policy = { ttl: "1m", staleIfError: "1h", tags: ["t"] } as const;
    await cache.set("a", "old", policy);
    await cache.purge({ tags: ["t"], soft: true });
    assert.equal(await cache.get("a"), undefined);
    assert.equal(await cache.getOrLoad("a", () => Promise.reject(new Error("down")), policy), "old");
    await cache.purge({ tags: ["t"] });
    await assert.rejects(
      cache.getOrLoad("a", () => Promise.reject(new Error("down")), policy),
      /down/,
    );
  });

  test("tags may be told by the value", async () => {
    await using rig = openLibrary();
    const { cache } = rig;
    const policy = { tags: (user: { team: string }) => [`team:${user.team}`] };
    await cache.getOrLoad("a", () => ({ team: "red" }), policy);
    await cache.purge({ tags: ["team:blue"] });
    assert.ok(await cache.get("a"));
    await cache.purge({ tags: ["team:red"] });
    assert.equal(await cache.get("a"), undefined);
  });

  for (const [what, act] of [
    ["a purge by tag", (cache) => cache.purge({ tags: ["t"] })],
    ["a purge by key", (cache) => cache.purge({ keys: ["a"] })],
    ["a purge by prefix", (cache) => cache.purge({ prefix: "" })],
    ["a delete", (cache) => cache.delete("a")],
    ["a clear", (cache) => cache.clear()],
    ["a set", (cache) => cache.set("a", "new")],
  ] as readonly [string, (cache: ReturnType<typeof openLibrary>["cache"]) => Promise<void>][]) {
    test(`${what} during a load: what the load brings is kept for nobody`, async () => {
      for (const tags of [["t"], () => ["t"]]) {
        await using rig = openLibrary();
        const { cache } = rig;
        const { load, calls } = slowLoader<string>();
        const early = cache.getOrLoad("a", load, { tags });
        await turn();
        await act(cache);
        const late = cache.getOrLoad("a", load, { tags });
        await turn();
        calls[0]!.resolve("old");
        calls[1]?.resolve("new");
        assert.equal(await early, "old");
        assert.equal(await late, "new", "who comes after it does not join the load from before it");
        assert.equal(await cache.getOrLoad("a", load, { tags }), "new");
      }
    });
  }

  test("a look into a farther tier that a delete or a set overtakes brings nothing old back", async () => {
    const far = createFarTier();
    await using rig = openLibrary({}, [{ name: "redis", tier: far }]);
    const { cache } = rig;
    const levels = ["memory", "redis"] as const;
    const acts = [
      () => cache.delete("a"),
      () => cache.delete("a", { levels }),
      () => cache.set("a", "new"),
      () => cache.set("a", "new", { levels }),
    ];
    const ask = far.get.bind(far);
    for (const act of acts) {
      await cache.set("a", "old");
      await cache.delete("a", { levels: ["memory"] });
      const gate = Promise.withResolvers<void>();
      const late = async (key: string) => {
        const found = await ask(key, () => "");
        await gate.promise;
        return found;
      };
      Object.assign(far, { get: late });
      const looking = cache.get("a");
      await turn();
      await act();
      gate.resolve();
      await looking;
      Object.assign(far, { get: ask });
      assert.notEqual(await cache.get("a"), "old");
    }
  });
});
