import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Quantity } from "../../../src/limits/counter.ts";
import { KeyHash } from "../../../src/limits/key-hash.ts";
import { createMemoryCounter } from "../../../src/limits/memory-counter.ts";
import { admitted, counterSuite } from "../../support/counter-suite.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function rigOf(quantity: Quantity, parts: { share?: () => number; keys?: number } = {}) {
  const { share = () => 1, keys = 1024 } = parts;
  const clock = new ManualClock();
  const counter = createMemoryCounter(quantity, { clock, hash: new KeyHash(1, 2), keys, share });
  return { clock, counter };
}

counterSuite("memory", async (quantity) => {
  const { clock, counter } = rigOf(quantity);
  return { counter, pass: async (ms) => clock.advance(ms), async [Symbol.asyncDispose]() {} };
});

test("it answers at once, without a promise", () => {
  const { counter } = rigOf({ limit: 1, window: 1000, burst: undefined });
  assert.equal(counter.take("a") instanceof Promise, false);
});

const quantities = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  window: fc.integer({ min: 1, max: 10 }).map((seconds) => seconds * 1000),
});
/** Milliseconds between requests. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 700, noNaN: true })), {
  minLength: 1,
  maxLength: 300,
});

/** The times at which requests of one key, so far apart, were let through. */
async function timesOf(quantity: Quantity, between: readonly number[]): Promise<number[]> {
  const { clock, counter } = rigOf(quantity);
  const times: number[] = [];
  for (const gap of between) {
    clock.advance(gap);
    if ((await counter.take("a")).ok) times.push(clock.now());
  }
  return times;
}

test("no window of any beginning sees more of a bucket than burst + limit", async () => {
  await fc.assert(
    fc.asyncProperty(quantities, fc.integer({ min: 1, max: 60 }), gaps, async ({ limit, window }, burst, between) => {
      const times = await timesOf({ limit, window, burst }, between);
      for (const [from, start] of times.entries()) {
        const inside = times.slice(from).filter((time) => time < start + window).length;
        assert.ok(inside <= burst + limit, `${inside} of ${burst} + ${limit}`);
      }
    }),
    { numRuns: 200 },
  );
});

test("a fixed window lets through exactly what was asked, up to its limit", async () => {
  await fc.assert(
    fc.asyncProperty(quantities, gaps, async ({ limit, window }, between) => {
      const times = await timesOf({ limit, window, burst: undefined }, between);
      let now = 0;
      let end = 0;
      let used = 0;
      const expected: number[] = [];
      for (const gap of between) {
        now += gap;
        if (now >= end) {
          end = now + window;
          used = 0;
        }
        if (used++ < limit) expected.push(now);
      }
      assert.equal(times.length, expected.length);
    }),
    { numRuns: 200 },
  );
});

test("who comes back when told to is let through, and not a millisecond earlier", async () => {
  await fc.assert(
    fc.asyncProperty(quantities, fc.integer({ min: 1, max: 20 }), fc.boolean(), async (quantity, burst, fixed) => {
      const { clock, counter } = rigOf({ ...quantity, burst: fixed ? undefined : burst });
      let taken = await counter.take("a");
      while (taken.ok) taken = await counter.take("a");
      if (taken.retryMs > 2) {
        clock.advance(taken.retryMs - 1);
        assert.equal((await counter.take("a")).ok, false);
        clock.advance(1.01);
      } else clock.advance(taken.retryMs + 0.01);
      assert.equal((await counter.take("a")).ok, true);
    }),
    { numRuns: 200 },
  );
});

test("of several processes each lets its share through", async () => {
  for (const burst of [undefined, 100]) {
    let processes = 4;
    const { counter, clock } = rigOf({ limit: 100, window: 1000, burst }, { share: () => processes });
    assert.equal(await admitted(counter, "a", 200), 25);
    clock.advance(5000);
    processes = 2;
    assert.equal(await admitted(counter, "a", 200), 50);
  }
});

test("a step of the wall clock changes nothing", async () => {
  const { counter, clock } = rigOf({ limit: 2, window: 1000, burst: undefined });
  assert.equal(await admitted(counter, "a", 5), 2);
  clock.setWall(clock.wall() + 86_400_000);
  assert.equal(await admitted(counter, "a", 5), 0);
  clock.setWall(0);
  assert.equal(await admitted(counter, "a", 5), 0);
  clock.advance(1000);
  assert.equal(await admitted(counter, "a", 5), 2);
});

test("a million addresses that ask once do not give a quota back to who has used its own", async () => {
  const { counter, clock } = rigOf({ limit: 100, window: 60_000, burst: undefined }, { keys: 16_384 });
  const offenders = Array.from({ length: 20 }, (_, index) => `offender ${index}`);
  for (const key of offenders) assert.equal(await admitted(counter, key, 120), 100);
  const before = counter.reading();
  for (let at = 0; at < 1_000_000; at++) void counter.take(`address ${at}`);
  const after = counter.reading();
  assert.equal(after.bytes, before.bytes);
  assert.equal(after.bytes, 16_384 * 28);
  assert.ok(after.keys <= 16_384, `${after.keys}`);
  for (const key of offenders) assert.equal(await admitted(counter, key, 1), 0, key);
  clock.advance(60_000);
  assert.equal(counter.reading().keys, 0);
});

test("somebody who asks steadily keeps being counted during a flood", async () => {
  const { counter } = rigOf({ limit: 50, window: 60_000, burst: undefined }, { keys: 1024 });
  let through = 0;
  for (let at = 0; at < 200; at++) {
    if ((await counter.take("steady")).ok) through++;
    for (let other = 0; other < 500; other++) void counter.take(`${at} ${other}`);
  }
  assert.ok(through <= 60, `${through} of 50`);
});
