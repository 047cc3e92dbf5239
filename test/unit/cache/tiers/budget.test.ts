import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { nextBudget, scaleBudget } from "../../../../src/cache/tiers/budget.ts";
import { createMemoryTier } from "../../../../src/cache/tiers/memory.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const MIB = 2 ** 20;
const reading = { budget: 64 * MIB, min: 32 * MIB, max: 128 * MIB, hitGainPerMiB: 0, heapPressure: 0.3 };

suite("a budget that moves by itself (C11)", () => {
  test("grows by a quarter while that brings hits, and not beyond its most", () => {
    assert.equal(nextBudget({ ...reading, hitGainPerMiB: 0.0001 }), 80 * MIB);
    assert.equal(nextBudget({ ...reading, budget: 120 * MIB, hitGainPerMiB: 0.5 }), 128 * MIB);
    assert.equal(nextBudget({ ...reading, hitGainPerMiB: 0.00009 }), 64 * MIB);
  });

  test("stays where memory gets scarce, shrinks by a quarter where it is tight, and not below its least", () => {
    assert.equal(nextBudget({ ...reading, hitGainPerMiB: 0.5, heapPressure: 0.75 }), 64 * MIB);
    assert.equal(nextBudget({ ...reading, hitGainPerMiB: 0.5, heapPressure: 0.9 }), 48 * MIB);
    assert.equal(nextBudget({ ...reading, budget: 34 * MIB, heapPressure: 1 }), 32 * MIB);
  });

  test("is never out of its range, whatever is read", () => {
    const size = fc.integer({ min: 1, max: 4096 * MIB });
    const part = fc.double({ min: 0, max: 2, noNaN: true });
    fc.assert(
      fc.property(size, size, size, part, part, (one, other, budget, hitGainPerMiB, heapPressure) => {
        const [min, max] = [Math.min(one, other), Math.max(one, other)];
        const next = nextBudget({ budget, min, max, hitGainPerMiB, heapPressure });
        assert.ok(next >= min && next <= max && Number.isInteger(next));
      }),
    );
  });

  test("what comes back after it gave way makes a tier grow, up to its most; tight memory makes it shrink", () => {
    const clock = new ManualClock();
    const now = (): number => 0;
    const range = { min: 50_000, max: 200_000 };
    const tier = createMemoryTier({ limits: { bytes: range.min, entries: 1000 }, eviction: "lru", now });
    let pressure = 0.1;
    const stop = scaleBudget({ range, tier, clock, heapPressure: () => pressure });
    // Twice as much as fits, over and over.
    const ask = (): void => {
      for (let i = 0; i < 200; i++) {
        const key = `k${i % 20}`;
        if (!tier.get(key, () => "")) tier.set(key, entryOf("x".repeat(4000)));
      }
    };
    ask();
    clock.advance(10_000);
    assert.equal(tier.stats().limit, 62_500);
    for (let i = 0; i < 20; i++) {
      ask();
      clock.advance(10_000);
      assert.ok(tier.stats().limit <= range.max);
    }
    const grown = tier.stats().limit;
    assert.ok(grown >= 20 * 4700 && grown <= range.max, "large enough that nothing gives way");
    ask();
    clock.advance(10_000);
    assert.equal(tier.stats().limit, grown, "and no larger, since that brings nothing");
    pressure = 0.95;
    for (let i = 0; i < 20; i++) clock.advance(10_000);
    assert.equal(tier.stats().limit, range.min);
    assert.ok(tier.stats().bytes <= range.min);
    stop();
    assert.equal(clock.pending, 0);
  });

  test("reads by itself how much memory is in use", () => {
    const clock = new ManualClock();
    const tier = createMemoryTier({ limits: { bytes: 50_000, entries: 10 }, eviction: "lru", now: () => 0 });
    const stop = scaleBudget({ range: { min: 50_000, max: 60_000 }, tier, clock });
    clock.advance(10_000);
    assert.equal(tier.stats().limit, 50_000);
    stop();
  });
});
