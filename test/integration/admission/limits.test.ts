import assert from "node:assert/strict";
import { test } from "node:test";
import { contenders, results, type Result } from "../../support/simulator/results.ts";
import { cells, scenarioOf, sweepOf } from "../../support/simulator/sweep.ts";
import { storedResults } from "../../../tools/docs/limits.ts";

const stored = storedResults();
const found = results();
const NINE = ["A", "B", "C", "D", "E", "F", "F'", "G"];

const near = (a: Result, b: Result): boolean =>
  Math.abs(a.served - b.served) < 0.01 && Math.abs(a.refused - b.refused) < 0.01 && Math.abs(a.limit - b.limit) < 1;

const of = (name: string, scenario: string): Result => found[name]![scenario]!;

test("docs/limits.md shows what the simulator finds", () => {
  for (const [name, by] of Object.entries(found)) {
    for (const [scenario, result] of Object.entries(by)) {
      const shown = stored.scenarios[name]?.[scenario];
      assert.ok(shown && near(shown, result), `${name}, ${scenario}: npm run limits:write && npm run docs:write`);
    }
  }
});

for (const name of ["adaptive", "adaptive behind a queue"]) {
  test(`${name}: 95 % of what is possible in every scenario and with every seed, streams and few calls too`, () => {
    for (const [scenario, { served, worst }] of Object.entries(found[name]!)) {
      assert.ok(served >= 0.955 && worst >= 0.945, `${scenario}: ${served}, worst seed ${worst}`);
    }
  });

  test(`${name}: 96 % in the scenarios that are published for others, too`, () => {
    for (const scenario of NINE)
      assert.ok(of(name, scenario).served >= 0.96, `${scenario}: ${of(name, scenario).served}`);
  });

  test(`${name}: the limit after 15 minutes at 2 x is within a tenth of that after one`, () => {
    const { minute, end } = of(name, "B");
    assert.ok(Math.abs(end / minute - 1) <= 0.1, `${minute}, then ${end}`);
  });

  test(`${name}: a heavier mix at 0.7 x: 0.1 % refused at most, and 95 % served once it is 2 x`, () => {
    assert.ok(of(name, "F").refused <= 0.001, String(of(name, "F").refused));
    assert.ok(of(name, "F'").served >= 0.95);
  });
}

/** What the published algorithms do at least, and where they are known to fall short. */
const BOUNDS: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>> = {
  aimd: { A: [0.95, 1], C: [0.95, 1], D: [0.6, 0.8], F: [0.99, 1] },
  vegas: { A: [0.95, 1], B: [0.95, 1], D: [0.95, 1], F: [0.55, 0.75], G: [0.6, 0.8] },
  gradient2: { A: [0.95, 1], C: [0.95, 1], D: [0.8, 0.92], F: [0.85, 0.97] },
};

for (const [name, by] of Object.entries(BOUNDS)) {
  test(`${name}: served as published comparisons have it`, () => {
    for (const [scenario, [least, most]] of Object.entries(by)) {
      const { served } = of(name, scenario);
      assert.ok(served >= least && served <= most, `${scenario}: ${served}`);
    }
  });
}

test("gradient2 and aimd drift under a lasting overload", () => {
  for (const name of ["gradient2", "aimd"]) assert.ok(of(name, "B").end > 1.5 * of(name, "B").minute, name);
});

test("other dependencies: the cells that went worst go as it is shown, and none under 80 %", () => {
  for (const contender of contenders.filter(({ settings }) => settings.algorithm === "adaptive")) {
    const shown = stored.sweep[contender.name]!;
    const ranked = cells.toSorted((a, b) => shown[scenarioOf(a).name]!.served - shown[scenarioOf(b).name]!.served);
    for (const cell of ranked.slice(0, 10)) {
      const { name } = scenarioOf(cell);
      const result = sweepOf(contender, cell);
      assert.ok(near(shown[name]!, result), `${name}: npm run limits:write && npm run docs:write`);
      assert.ok(result.served >= 0.8, `${name}: ${result.served}`);
    }
    const all = Object.values(shown);
    assert.ok(all.filter(({ served }) => served >= 0.95).length >= 0.75 * all.length);
  }
});
