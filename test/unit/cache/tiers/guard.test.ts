import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { suite, test } from "node:test";
import type { Entry } from "../../../../src/cache/entry.ts";
import { guarded } from "../../../../src/cache/tiers/guard.ts";
import type { Tier } from "../../../../src/cache/tiers/tier.ts";
import { createEventBus } from "../../../../src/core/events.ts";
import { RedisError, type RedisFailure } from "../../../../src/core/redis.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { memoryTier } from "../../../support/memory-tier.ts";
import { entryOf, tierSuite } from "../../../support/tier-suite.ts";

const any = (): string => "";
const silent = (): Promise<never> => new Promise(() => {});
const failing = (failure: RedisFailure) => (): Promise<never> => Promise.reject(new RedisError(failure, failure));

/** A guard around a tier that does as told, with what it told. */
function rig(first: Partial<Tier> = {}) {
  const clock = new ManualClock();
  const bus = createEventBus(`guard-${Math.random()}`);
  const told: string[] = [];
  const skipped: string[] = [];
  bus.subscribe("spillway:cache-tier", ({ state }) => void told.push(state));
  bus.subscribe("spillway:cache-skipped", ({ reason }) => void skipped.push(reason));
  const found = entryOf("found");
  const well: Tier = {
    get: async () => found,
    set: async () => {},
    delete: async () => {},
    clear: async () => {},
    close() {},
  };
  let calls = 0;
  let now: Tier = { ...well, ...first };
  const tier = guarded(
    {
      get: (...asked) => (calls++, now.get(...asked)),
      set: (...asked) => (calls++, now.set(...asked)),
      delete: (key) => now.delete(key),
      clear: () => now.clear(),
      close: () => now.close(),
    },
    { name: "redis", clock, random: () => 0, bus },
  );
  const become = (next: Partial<Tier>): void => void (now = { ...well, ...next });
  return { clock, tier, told, skipped, found, become, calls: () => calls };
}

const parts = () => ({
  name: "redis" as const,
  clock: new ManualClock(),
  random: () => 0,
  bus: createEventBus("guard"),
});
tierSuite("guarded", (bytes) =>
  guarded(
    memoryTier(bytes, () => Date.now()),
    parts(),
  ),
);

suite("the guard of a tier", () => {
  test("a look that is late is a miss at the deadline, and the next ones cost nothing", async () => {
    const { clock, tier, told, skipped, calls } = rig({ get: silent });
    const look = tier.get("a", any);
    await clock.advanceAsync(22);
    assert.equal(await Promise.race([look, nextTurn("pending")]), "pending");
    await clock.advanceAsync(1);
    assert.equal(await look, undefined);
    for (let i = 0; i < 100; i++) assert.equal(tier.get("a", any), undefined);
    assert.equal(calls(), 1);
    assert.deepEqual(told, ["open"]);
    assert.deepEqual(skipped.slice(0, 2), ["timeout", "open"]);
  });

  test("an answer that lies there when we come late ourselves is no failure", async () => {
    const answer = Promise.withResolvers<Entry | undefined>();
    const { clock, tier, found, told } = rig({ get: () => answer.promise });
    const look = tier.get("a", any);
    clock.setNow(500);
    clock.advance(0);
    answer.resolve(found);
    await nextTurn();
    clock.advance(10);
    assert.equal(await look, found);
    assert.deepEqual(told, []);
  });

  test("an answer that comes late makes the next call a probe, which ends what the lateness began", async () => {
    const answers: ((entry: Entry) => void)[] = [];
    const { clock, tier, found, told } = rig({ get: () => new Promise((resolve) => answers.push(resolve)) });
    void tier.get("a", any);
    await clock.advanceAsync(23);
    for (let round = 0; round < 4; round++) {
      assert.equal(tier.state, "open");
      answers.pop()!(found);
      await nextTurn();
      assert.equal(tier.get("a", any), undefined, "nobody waits for it");
      assert.equal(tier.state, "half-open");
      if (round < 3) await clock.advanceAsync(23);
    }
    answers.pop()!(found);
    await nextTurn();
    assert.equal(tier.state, "closed");
    assert.deepEqual(told, ["open", "closed"]);
  });

  test("nobody waits for the probe, and its success opens the way", async () => {
    const { clock, tier, told, become, found } = rig({ get: silent });
    void tier.get("a", any);
    await clock.advanceAsync(300);
    become({});
    assert.equal(tier.get("a", any), undefined);
    assert.equal(tier.get("a", any), undefined);
    await nextTurn();
    assert.equal(await tier.get("a", any), found);
    assert.deepEqual(told, ["open", "closed"]);
  });

  test("a probe that is late as well doubles the pause", async () => {
    const { clock, tier, calls } = rig({ get: silent });
    void tier.get("a", any);
    await clock.advanceAsync(23 + 250);
    void tier.get("a", any);
    assert.equal(calls(), 2);
    await clock.advanceAsync(23 + 499);
    void tier.get("a", any);
    assert.equal(calls(), 2);
    await clock.advanceAsync(1);
    void tier.get("a", any);
    assert.equal(calls(), 3);
  });

  test("failures never reject; the fifth in a row ends the calls until there is a new connection", async () => {
    const { tier, become, calls, found } = rig({ get: failing("down"), set: failing("down") });
    for (let i = 0; i < 3; i++) assert.equal(await tier.get("a", any), undefined);
    for (let i = 0; i < 2; i++) await tier.set("a", entryOf("a"));
    await tier.delete("a");
    await tier.clear();
    assert.equal(tier.state, "open");
    assert.equal(calls(), 5);
    become({});
    tier.reconnected();
    assert.equal(tier.get("a", any), undefined);
    await nextTurn();
    assert.equal(await tier.get("a", any), found);
  });

  test("what throws at once is a failure like any other", () => {
    const { tier } = rig({
      get() {
        throw new Error("at once");
      },
    });
    assert.equal(tier.get("a", any), undefined);
  });

  test("writes that are refused do not end reading", async () => {
    const { tier, skipped, found } = rig({ set: failing("refused") });
    for (let i = 0; i < 20; i++) await tier.set("a", entryOf("a"));
    assert.equal(await tier.get("a", any), found);
    assert.deepEqual([...new Set(skipped)], ["refused"]);
  });

  test("looks and writes under way are bounded, by count and by octets", async () => {
    const { clock, tier, calls, skipped } = rig({ get: silent, set: silent });
    const looks = Array.from({ length: 600 }, () => tier.get("a", any));
    assert.equal(calls(), 512);
    const small = entryOf("a");
    for (let i = 0; i < 300; i++) void tier.set("a", small);
    assert.equal(calls(), 512 + 256);
    assert.equal(skipped.filter((reason) => reason === "busy").length, 88 + 44);
    await clock.advanceAsync(23);
    for (const look of looks) assert.equal(await look, undefined);

    const second = rig({ set: silent });
    const large: Entry = { ...entryOf("a"), body: Buffer.alloc(10 * 1024 * 1024) };
    for (let i = 0; i < 10; i++) void second.tier.set("a", large);
    assert.equal(second.calls(), 3);
  });
});
