import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { passThroughTable } from "../../../loadtests/bench/report.ts";

suite("table of a comparison", () => {
  const slice = (cpuMicros: number, more: { errors?: number; starved?: boolean } = {}) => ({
    requests: 2000,
    seconds: 2,
    p50: 1,
    p99: 2,
    errors: 0,
    starved: false,
    cpuMicros,
    ...more,
  });
  const memory = { residentBefore: 80, residentAfter: 100 };
  const rows = passThroughTable(
    [
      { name: "floor", slices: [slice(40), slice(50)], ...memory },
      { name: "peer", slices: [slice(80, { errors: 3 }), slice(0, { starved: true })], ...memory },
    ],
    "floor",
  ).split("\n");

  test("ratios count from the base", () => {
    assert.match(rows[2] ?? "", /^floor +45\.0 \(40\.0\) +1\.00 +1000 +1\.00 +2\.00 +80 -> 100 +0$/);
  });

  test("a contender with errors and one that was starved are marked, and the starved slice is not in the figures", () => {
    assert.match(rows[3] ?? "", /^peer ! ~ +80\.0 \(80\.0\) +2\.00 +1000 .* 3$/);
  });
});
