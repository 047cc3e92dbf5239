import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ChangeRate, lifetimeFor } from "../../../../src/cache/ttl/change-rate.ts";
import { suggestLifetime } from "../../../../src/cache/ttl/suggestion.ts";
import { LIFETIMES, lifetimeOf, volatilityOf, volatilityScore } from "../../../../src/cache/ttl/volatility.ts";

const MINUTE = 60_000;

/** Park and Miller's minimal generator: the same numbers every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Looks at a thing that changes at random, once every `mean` milliseconds, at intervals that `next` gives. */
function watch(mean: number, looks: number, next: (rate: ChangeRate) => number, random: () => number): ChangeRate {
  const rate = new ChangeRate();
  for (let i = 0; i < looks; i++) {
    const interval = next(rate);
    rate.observe(interval, random() < -Math.expm1(-interval / mean));
  }
  return rate;
}

test("C40: the rate of changes is found within 20 % from looks that tell only whether anything changed", () => {
  for (const [seed, mean] of [5 * 1000, MINUTE, 30 * MINUTE, 12 * 60 * MINUTE].entries()) {
    const random = seeded(seed + 1);
    const found = watch(mean, 2000, () => mean * (0.1 + 2 * random()), random).rate()!;
    assert.ok(Math.abs(found * mean - 1) < 0.2, `a change every ${mean} ms was taken for one every ${1 / found}`);
  }
});

test("C40: looks that come once a lifetime, which follows from them, find the lifetime within 20 %", () => {
  const mean = 10 * MINUTE;
  const ideal = lifetimeFor(1 / mean, 0.2);
  const aim = (rate: ChangeRate): number =>
    Math.min(60 * MINUTE, Math.max(1000, lifetimeFor(rate.rate() ?? 1 / MINUTE, 0.2)));
  const rate = watch(mean, 3000, aim, seeded(7));
  assert.ok(Math.abs(aim(rate) / ideal - 1) < 0.2, `${aim(rate)} instead of ${ideal}`);
});

test("C40: a thing that changes more often is never given the longer lifetime", () => {
  const some = fc.double({ min: 1e-9, max: 1, noNaN: true });
  fc.assert(
    fc.property(some, some, fc.double({ min: 0.01, max: 0.9, noNaN: true }), (one, other, risk) => {
      const [calm, lively] = one < other ? [one, other] : [other, one];
      assert.ok(lifetimeFor(lively, risk) <= lifetimeFor(calm, risk));
    }),
  );
  const after = (changed: number): number => {
    const rate = new ChangeRate();
    for (let i = 0; i < 100; i++) rate.observe(MINUTE, i < changed);
    return rate.rate()!;
  };
  for (let changed = 1; changed <= 100; changed++) assert.ok(after(changed) > after(changed - 1));
});

test("old looks fade: what was lively and is calm now is found to be so", () => {
  const rate = new ChangeRate();
  for (let i = 0; i < 1000; i++) rate.observe(MINUTE, true);
  const lively = rate.rate()!;
  for (let i = 0; i < 5000; i++) rate.observe(MINUTE, false);
  assert.ok(rate.rate()! < lively / 100);
  assert.ok(rate.weight <= 1000);
});

test("no look, and no interval that counts, is no rate", () => {
  const rate = new ChangeRate();
  assert.equal(rate.rate(), undefined);
  for (const interval of [0, 999, -1, Number.NaN]) rate.observe(interval, true);
  assert.equal(rate.rate(), undefined);
});

test("C41: the shipped lifetimes, cell by cell", () => {
  const seconds = Object.entries(LIFETIMES).map(([kind, { high, medium, low }]) => [
    kind,
    ...[high, medium, low].map((ms) => ms / 1000),
  ]);
  assert.deepEqual(seconds, [
    ["task", 60, 300, 600],
    ["project", 300, 600, 1200],
    ["user", 600, 1200, 1800],
    ["session", 900, 1800, 3600],
    ["search", 60, 180, 300],
    ["dashboard", 300, 450, 600],
    ["template", 3600, 7200, 14_400],
  ]);
  assert.deepEqual(
    [0.9, 0.5, 0.1].map((score) => lifetimeOf("task", score) / 1000),
    [60, 300, 600],
  );
  assert.deepEqual([0, 1 / 3, 2 / 3, 1].map(volatilityOf), ["low", "medium", "high", "high"]);
});

test("C42: the score is the base times one and three factors of at most one each, a quarter of it, at most 1", () => {
  const score = (base: number, changes: number, variance: number, activity: number): number =>
    volatilityScore({ base, changes, variance, activity });
  assert.equal(score(0.8, 5, 0.5, 0.5), 0.5);
  assert.equal(score(0.8, 0, 0, 0), 0.2);
  assert.equal(score(1, 1000, 1000, 1000), 1);
  assert.equal(score(1, 10, 1, 1), 1, "each factor is capped");
  assert.equal(score(1, -5, -5, -5), 0.25);
});

test("C43: a suggestion says what it rests on, what it gains and what it risks", () => {
  const observed = { ttl: MINUTE, changes: 1 / (60 * MINUTE), requests: 1 / (10 * 1000), looks: 500 };
  const aim = { min: 10_000, max: 30 * MINUTE, risk: 0.1 };
  const suggested = suggestLifetime(observed, aim)!;
  assert.equal(suggested.current, MINUTE);
  assert.ok(Math.abs(suggested.proposed - 60 * MINUTE * 0.10536) < 100, `${suggested.proposed}`);
  assert.ok(Math.abs(suggested.staleRisk.proposed - 0.1) < 1e-9);
  assert.ok(Math.abs(suggested.staleRisk.current - 0.01653) < 1e-4);
  assert.ok(Math.abs(suggested.hitGain - (37.93 / 38.93 - 6 / 7)) < 1e-3, `${suggested.hitGain}`);
  assert.equal(suggestLifetime({ ...observed, changes: 1e-12 }, aim)!.proposed, aim.max);
  const lively = suggestLifetime({ ...observed, changes: 1 / 1000 }, aim)!;
  assert.equal(lively.proposed, aim.min);
  assert.ok(lively.hitGain < 0);
  assert.equal(suggestLifetime({ ...observed, looks: 19 }, aim), undefined);
});
