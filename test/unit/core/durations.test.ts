import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Durations, summed } from "../../../src/core/durations.ts";

test("C91: average, median and 95th percentile are off by less than 5 %, whatever the durations", () => {
  const ms = fc.double({ min: 0.0001, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1, maxLength: 300 }), (values) => {
      const durations = new Durations();
      for (const value of values) durations.add(value);
      const { count, averageMs, p50Ms, p95Ms } = summed([durations.read()]);
      const sorted = values.toSorted((a, b) => a - b);
      const near = (real: number | undefined, expected: number): void =>
        assert.ok(Math.abs(real! - expected) <= expected * 0.05, `${real} for ${expected}`);
      assert.equal(count, values.length);
      near(averageMs, values.reduce((sum, value) => sum + value, 0) / values.length);
      near(p50Ms, sorted[Math.ceil(values.length * 0.5) - 1]!);
      near(p95Ms, sorted[Math.ceil(values.length * 0.95) - 1]!);
    }),
  );
});

test("readings of several processes add up, through JSON too; of none there is nothing to tell", () => {
  const [one, other] = [new Durations(), new Durations()];
  for (let i = 0; i < 90; i++) one.add(1);
  for (let i = 0; i < 10; i++) other.add(100);
  const readings = JSON.parse(JSON.stringify([one.read(), other.read()])) as ReturnType<Durations["read"]>[];
  const { count, averageMs, p50Ms, p95Ms } = summed(readings);
  assert.deepEqual([count, averageMs], [100, 10.9]);
  assert.ok(Math.abs(p50Ms! - 1) < 0.05 && Math.abs(p95Ms! - 100) < 5);
  assert.deepEqual(summed([]), { count: 0, averageMs: undefined, p50Ms: undefined, p95Ms: undefined });
  const extremes = new Durations();
  for (const ms of [0, -1, 1e9]) extremes.add(ms);
  assert.equal(summed([extremes.read()]).count, 3);
});
