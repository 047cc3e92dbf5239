import assert from "node:assert/strict";
import { after, before, beforeEach, suite, test } from "node:test";
import * as fc from "fast-check";
import type { Quantity } from "../../../src/limits/counter.ts";
import { KeyHash } from "../../../src/limits/key-hash.ts";
import { createMemoryCounter } from "../../../src/limits/memory-counter.ts";
import { admitted, counterSuite, type CounterRig } from "../../support/counter-suite.ts";
import { openFleetRig, type FleetRig } from "../../support/fleet-counter.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

const HOUR = 3_600_000;
const hourly = (limit: number, burst?: number): Quantity => ({ limit, window: HOUR, burst });

/** Scripts that Redis has run. */
async function scriptsOf(server: RedisServer): Promise<number> {
  const stats = await server.cli("info", "commandstats");
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

suite("counters in Redis", { skip: redisMissing }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server[Symbol.asyncDispose]());
  beforeEach(() => server.cli("flushall"));

  for (const exact of [true, false]) {
    const open = (quantity: Quantity): Promise<CounterRig> => openFleetRig(server, quantity, { exact });
    counterSuite(exact ? "redis, exact" : "redis, in advance", open);
  }

  for (const exact of [true, false]) {
    test(`three processes together let the limit through, ${exact ? "exact" : "in advance"}`, async () => {
      for (const quantity of [hourly(100), hourly(100, 40), hourly(7), hourly(2000)]) {
        await server.cli("flushall");
        await using one = await openFleetRig(server, quantity, { exact });
        await using two = await openFleetRig(server, quantity, { exact });
        await using three = await openFleetRig(server, quantity, { exact });
        const most = quantity.burst ?? quantity.limit;
        const through = await Promise.all([one, two, three].map(({ counter }) => admitted(counter, "client", most)));
        const total = through.reduce((sum, count) => sum + count, 0);
        assert.ok(total <= most * (exact ? 1 : 1.05) && total >= most * 0.95, `${through.join(" + ")} of ${most}`);
      }
    });
  }

  test("requests at once at three processes let the limit through, and a twentieth more at most", async () => {
    await using one = await openFleetRig(server, hourly(200));
    await using two = await openFleetRig(server, hourly(200));
    await using three = await openFleetRig(server, hourly(200));
    const takens = await Promise.all(
      [one, two, three].flatMap(({ counter }) => Array.from({ length: 300 }, async () => counter.take("client"))),
    );
    const through = takens.filter(({ ok }) => ok).length;
    assert.ok(through >= 200 && through <= 210, `${through}`);
  });

  test("in advance it takes few calls, and refusals take none", async () => {
    await using rig = await openFleetRig(server, hourly(10_000));
    const first = await scriptsOf(server);
    assert.equal(await admitted(rig.counter, "client", 10_000), 10_000);
    const spent = (await scriptsOf(server)) - first;
    assert.ok(spent < 60, `${spent} calls for 10,000 requests`);
    await rig.counter.take("client");
    const before = await scriptsOf(server);
    assert.equal(await admitted(rig.counter, "client", 5000), 0);
    const refusing = (await scriptsOf(server)) - before;
    assert.ok(refusing < 10, `${refusing} calls for 5,000 refusals`);
  });

  test("what was taken in advance from a bucket and not used is given back", async () => {
    await using rig = await openFleetRig(server, hourly(400, 400));
    await using other = await openFleetRig(server, hourly(400, 400));
    await until(() => rig.fleet.processes === 2, { what: "both know of each other" });
    // Ten pass unasked; with the eleventh a lease of 50 is taken.
    assert.equal(await admitted(rig.counter, "client", 11), 11);
    await rig.pass(1100);
    assert.equal((await rig.counter.take("client")).ok, true);
    await rig.pass(1100);
    assert.equal((await rig.counter.take("client")).ok, true);
    const left = await admitted(other.counter, "client", 400);
    assert.ok(left >= 400 - 13 - 50 && left <= 400 - 13 + 2, `${left}`);
  });

  test("a bucket in Redis decides as one in memory does", async () => {
    await using rig: FleetRig = await openFleetRig(server, { limit: 10, window: 1_000_000, burst: 4 }, { exact: true });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 25 }), async (gaps) => {
        const clock = new ManualClock();
        const model = createMemoryCounter(
          { limit: 10, window: 1_000_000, burst: 4 },
          { clock, hash: new KeyHash(1, 1), keys: 1024, share: () => 1 },
        );
        const key = `client ${run++}`;
        // A quarter off the times at which tokens come: what passes in Redis beside it decides nothing.
        clock.advance(25_000);
        for (const gap of gaps) {
          await rig.pass(gap * 40_000);
          clock.advance(gap * 40_000);
          const [real, expected] = [await rig.counter.take(key), await model.take(key)];
          assert.deepEqual([real.ok, real.remaining], [expected.ok, expected.remaining]);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("a server whose clock has stepped back leaves a bucket empty at most", async () => {
    await using rig = await openFleetRig(server, { limit: 3600, window: HOUR, burst: 5 }, { exact: true });
    await rig.counter.take("client");
    const [name] = (await server.cli("keys", "test:quota:bucket:*")).split("\n");
    await server.cli("set", name!, `${(Date.now() + 10 * HOUR) * 1000}`);
    const refused = await rig.counter.take("client");
    assert.equal(refused.ok, false);
    assert.ok(refused.retryMs <= 1001, `${refused.retryMs}`);
  });

  test("what Redis holds under a counter's name and is none does no harm", async () => {
    await using rig = await openFleetRig(server, hourly(5), { exact: true });
    await rig.counter.take("client");
    const [name] = (await server.cli("keys", "test:quota:window:*")).split("\n");
    await server.cli("del", name!);
    await server.cli("lpush", name!, "x");
    assert.equal((await rig.counter.take("client")).ok, true);
  });

  test("counters end with their windows, and keys are hashes", async () => {
    await using rig = await openFleetRig(server, { limit: 5, window: 60_000, burst: undefined });
    await using bucket = await openFleetRig(server, { limit: 5, window: 60_000, burst: 5 });
    await rig.counter.take("hsecret-api-key");
    await bucket.counter.take("hsecret-api-key");
    const names = (await server.cli("keys", "*")).split("\n");
    assert.equal(names.length, 3);
    for (const name of names) {
      assert.match(name, /^test:quota:(processes|(window|bucket):rule:[\w-]{22})$/);
      const left = Number(await server.cli("pttl", name));
      assert.ok(left > 0 && left <= 60_000, `${name} ${left}`);
    }
  });

  test("processes know how many there are, and forget who has left", async () => {
    await using one = await openFleetRig(server, hourly(5));
    {
      await using _two = await openFleetRig(server, hourly(5));
      await until(() => one.fleet.processes === 2, { what: "two processes" });
    }
    await until(() => one.fleet.processes === 1, { what: "one process" });
  });
});

suite("counters in a Redis that is lost", { skip: redisMissing }, () => {
  for (const how of ["dies", "hangs"] as const) {
    test(`when it ${how} each process lets its share through, at once, and it is in use again afterwards`, async () => {
      await using server = await startRedis();
      await using one = await openFleetRig(server, hourly(100));
      await using two = await openFleetRig(server, hourly(100));
      await until(() => one.fleet.processes === 2 && two.fleet.processes === 2, { what: "both know of each other" });
      assert.equal((await one.counter.take("before")).ok, true);
      if (how === "dies") await server.kill();
      else server.pause();
      await until(() => !one.fleet.found && !two.fleet.found, { what: "it is seen to be lost" });
      for (const { counter } of [one, two]) {
        const first = counter.take("client");
        assert.equal(first instanceof Promise, false);
        assert.equal(await admitted(counter, "client", 200), 49);
      }
      if (how === "dies") await server.restart();
      else server.resume();
      await until(() => one.fleet.found && two.fleet.found, { what: "it is in use again" });
      assert.equal((await one.counter.take("client")).ok, true);
    });
  }

  test("fail: open lets all through, closed none", async () => {
    await using server = await startRedis();
    await using open = await openFleetRig(server, hourly(5), { fail: "open" });
    await using closed = await openFleetRig(server, hourly(5), { fail: "closed" });
    await server.kill();
    await until(() => !open.fleet.found && !closed.fleet.found, { what: "it is seen to be lost" });
    assert.equal(await admitted(open.counter, "client", 50), 50);
    assert.equal(await admitted(closed.counter, "client", 50), 0);
  });
});
