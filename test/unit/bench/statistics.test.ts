import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { thereAndBack } from "../../../loadtests/bench/slices.ts";
import { median, pairedRatio, quantile } from "../../../loadtests/bench/statistics.ts";

suite("statistics of the benchmarks", () => {
  test("the median of an even count lies between the two in the middle, in any order", () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([9]), 9);
  });

  test("nothing measured is not a zero", () => {
    assert.ok(Number.isNaN(median([])));
  });

  test("a quantile interpolates and leaves its input alone", () => {
    const values = [30, 10, 20];
    assert.equal(quantile(values, 0.75), 25);
    assert.deepEqual(values, [30, 10, 20]);
  });

  test("a ratio is taken pass by pass, so noise that meets both in one pass drops out", () => {
    assert.equal(pairedRatio([20, 200, 22], [10, 100, 11]), 2);
    assert.ok(Number.isNaN(pairedRatio([1, 2], [])));
  });

  test("a starved slice counts nowhere and shifts no pair", () => {
    assert.equal(median([1, Number.NaN, 3]), 2);
    assert.equal(pairedRatio([20, Number.NaN, 30], [10, 10, 10]), 2.5);
  });

  test("contenders are visited there and back", () => {
    assert.deepEqual(thereAndBack(3, 2), [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0]);
  });
});
