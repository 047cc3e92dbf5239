import assert from "node:assert/strict";
import { test } from "node:test";
import { Baseline, Baselines, MOST_ROUTES } from "../../../../src/admission/limits/baseline.ts";

const drained = (baseline: Baseline, calls: number, latency: number): number => {
  for (let call = 0; call < calls; call++) baseline.drained.add(latency + (call % 2 === 0 ? 5 : -5));
  baseline.settle();
  return baseline.mean;
};

test("a guess is replaced by the first call that met nobody waiting", () => {
  const baseline = new Baseline();
  baseline.guess(400, 2);
  assert.equal(baseline.mean, 200);
  baseline.learn(50);
  baseline.guess(400, 2);
  assert.equal(baseline.mean, 50);
});

test("drains that agree are pooled", () => {
  const baseline = new Baseline();
  drained(baseline, 60, 50);
  const mean = drained(baseline, 60, 51);
  assert.ok(mean > 50.2 && mean < 50.9, String(mean));
});

test("a drain that cannot be reconciled replaces what was known", () => {
  const baseline = new Baseline();
  drained(baseline, 400, 50);
  assert.equal(drained(baseline, 30, 100), 100);
});

test("calls that are all alike are no trouble", () => {
  const baseline = new Baseline();
  for (let round = 0; round < 3; round++) {
    for (let call = 0; call < 30; call++) baseline.drained.add(50);
    baseline.settle();
    assert.equal(baseline.mean, 50);
  }
  for (let call = 0; call < 30; call++) baseline.drained.add(70);
  baseline.settle();
  assert.equal(baseline.mean, 70);
});

test("a hundred thousand routes have 65 baselines", () => {
  const baselines = new Baselines();
  for (let route = 0; route < 100_000; route++) baselines.of(`route ${route}`).learn(1);
  assert.equal(baselines.size, MOST_ROUTES + 1);
  assert.equal(baselines.of("never seen"), baselines.of("nor this"));
});

test("a route is long only beside one that is ten times as fast", () => {
  const baselines = new Baselines();
  const poll = baselines.of("poll");
  poll.learn(30_000);
  assert.equal(baselines.long(poll), false);
  baselines.of("quick").learn(20);
  assert.equal(baselines.long(poll), true);
  assert.equal(baselines.long(baselines.of("quick")), false);
});
