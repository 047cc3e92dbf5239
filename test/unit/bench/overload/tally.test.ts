import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { type Attempt, readAttempts, writeAttempts } from "../../../../loadtests/bench/overload/records.ts";
import { medians } from "../../../../loadtests/bench/overload/results.ts";
import { readLimit, readReasons } from "../../../../loadtests/bench/overload/run.ts";
import {
  dueIn,
  goodput,
  histogram,
  jain,
  recovery,
  series,
  share,
  success,
} from "../../../../loadtests/bench/overload/tally.ts";
import { fairShares, goodputAt, successAt } from "../../../../loadtests/bench/overload/theory.ts";

const attempt = (due: number, more: Partial<Attempt> = {}): Attempt => ({
  due,
  latency: 50,
  late: 0.5,
  request: due,
  attempt: 1,
  last: true,
  kind: "ok",
  class: 0,
  path: 0,
  tenant: 0,
  phase: 0,
  ...more,
});

/** One each 10 ms from `from` to `to`. */
const every10 = (from: number, to: number, more: Partial<Attempt> = {}): Attempt[] =>
  Array.from({ length: (to - from) / 10 }, (_, i) => attempt(from + i * 10, more));

suite("tally of a run", () => {
  test("goodput counts useful answers by when they came, not by when they were asked for", () => {
    const all = [attempt(960), attempt(1100), attempt(1990), attempt(1200, { kind: "refused" })];
    assert.equal(goodput(all, { from: 1000, to: 2000 }), 2);
    assert.equal(dueIn(all, { from: 1000, to: 2000 }).length, 3);
  });

  test("a request with retries is one, and succeeds when its last attempt does; a share is of attempts", () => {
    const all = [
      attempt(0, { kind: "refused", last: false, request: 1 }),
      attempt(100, { kind: "ok", attempt: 2, request: 1 }),
      attempt(0, { kind: "timeout", request: 2 }),
    ];
    assert.equal(success(all), 0.5);
    assert.equal(share(all, "refused"), 1 / 3);
    assert.ok(Number.isNaN(success([])));
  });

  test("recovery is the time until a whole second succeeds, in quarters of a second", () => {
    const bad = every10(0, 600, { kind: "timeout" });
    const good = every10(600, 5000);
    assert.equal(recovery([...bad, ...good], { from: 0, to: 5000 }), 0.75);
    assert.equal(recovery(good, { from: 1000, to: 5000 }), 0);
    assert.equal(recovery(every10(0, 5000, { kind: "refused" }), { from: 0, to: 5000 }), Number.POSITIVE_INFINITY);
  });

  test("a series has offers by their due time and answers by their arrival, and no success where nobody asked", () => {
    const all = [attempt(100), attempt(480), attempt(600, { kind: "refused", class: 2, latency: 1 })];
    assert.deepEqual(series(all, 1500, 500), {
      step: 500,
      offered: [4, 2, 0],
      useful: [2, 2, 0],
      refused: [0, 2, 0],
      critical: [1, Number.NaN, Number.NaN],
    });
  });

  test("a histogram has a cell above its last bound", () => {
    assert.deepEqual(histogram([0.5, 1, 1.5, 5000]), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  test("Jain's index is 1 for all alike and 1 / n for one that has everything", () => {
    assert.equal(jain([3, 3, 3]), 1);
    assert.equal(jain([4, 0, 0, 0]), 0.25);
  });

  test("attempts are the same after a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "attempts-"));
    try {
      const all = [attempt(1.25), attempt(2, { kind: "error", last: false, class: 2, path: 1, tenant: 19, phase: 3 })];
      writeAttempts(join(folder, "a"), all);
      assert.deepEqual(readAttempts(join(folder, "a")), all);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a measure that is endless in half of the rounds is endless", () => {
    const of = (...values: number[]) => medians({ rounds: values.map((value) => ({ s: value })) })["s"];
    assert.equal(of(0.5, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
    assert.equal(of(0.5, 0.25, Number.POSITIVE_INFINITY), 0.5);
  });

  test("the limit is the largest of the dependencies', or none", () => {
    const text = 'spillway_admission_limit{dependency="a"} 12\nspillway_admission_limit{dependency="b"} 30.5\n';
    assert.equal(readLimit(text), 30.5);
    assert.ok(Number.isNaN(readLimit("spillway_admission_limited 3\n")));
  });
});

suite("what a gateway tells of its refusals", () => {
  test("by class and reason, all dependencies together", () => {
    const text = [
      'spillway_refused_total{reason="wait",class="sheddable",dependency="a"} 3',
      'spillway_refused_total{dependency="b",reason="wait",class="sheddable"} 4',
      'spillway_refused_total{reason="full",class="critical"} 1',
    ].join("\n");
    assert.deepEqual(readReasons(text), { "sheddable: wait": 7, "critical: full": 1 });
  });
});

suite("what is possible at best", () => {
  test("goodput ends at the capacity", () => assert.deepEqual([0.5, 1, 6].map(goodputAt), [0.5, 1, 1]));

  test("each class gets what those above it leave: 100 / 52 / 0 % at 3 times the capacity", () => {
    const round = (load: number) => successAt(load, [0.15, 0.35, 0.5]).map((part) => Math.round(part * 100));
    assert.deepEqual(round(3), [100, 52, 0]);
    assert.deepEqual(round(6), [100, 5, 0]);
    assert.deepEqual(round(10), [67, 0, 0]);
    assert.deepEqual(round(0.7), [100, 100, 100]);
  });

  test("what a small tenant does not need goes to the larger ones", () => {
    assert.deepEqual(fairShares([2, 2, 20], 10), [1, 1, 0.3]);
    assert.deepEqual(fairShares([10, 10], 10), [0.5, 0.5]);
  });
});
