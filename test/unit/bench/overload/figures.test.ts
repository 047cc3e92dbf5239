import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Experiment } from "../../../../loadtests/bench/overload/experiment.ts";
import { met } from "../../../../loadtests/bench/overload/experiment.ts";
import { STEP } from "../../../../loadtests/bench/overload/experiments/step.ts";
import { chartOf } from "../../../../loadtests/bench/overload/figures.ts";
import { haproxyGate, nginxGate } from "../../../../loadtests/bench/overload/native.ts";
import { readOptions } from "../../../../loadtests/bench/overload/options.ts";
import { GATES, spillwayConfig } from "../../../../loadtests/bench/overload/peers.ts";
import { tables } from "../../../../loadtests/bench/overload/report.ts";
import type { Result } from "../../../../loadtests/bench/overload/results.ts";
import { path, svg, ticks } from "../../../../loadtests/bench/overload/svg.ts";
import { validateConfig } from "../../../../src/config/load.ts";

const SCALE = { before: 1, during: 2, after: 3, minutes: 1 };
const PLAN = STEP.plans(SCALE).find(({ label }) => label === "3x")!;

const result = (peer: string, rounds: readonly Record<string, number>[]): Result => ({
  peer,
  plan: PLAN,
  rounds: [...rounds],
  course: { step: 500, offered: [1], useful: [200], refused: [0], critical: [1] },
  samples: [],
  classes: [],
  reasons: { "sheddable: wait": 12 },
});

suite("SVG of a chart", () => {
  test("axes have round steps that reach the end", () => {
    assert.deepEqual(ticks(10, 5), [0, 2, 4, 6, 8, 10]);
    assert.deepEqual(ticks(35, 8), [0, 5, 10, 15, 20, 25, 30, 35]);
    assert.deepEqual(ticks(0.9, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.ok(ticks(1234, 5).at(-1)! >= 1234);
  });

  test("a value that does not exist breaks the line instead of being drawn as zero", () => {
    const same = String;
    const points = [
      [0, 1],
      [1, 2],
      [2, Number.NaN],
      [3, 4],
      [4, 5],
    ] as const;
    assert.equal(path(points, same, same), "M0 1L1 2M3 4L4 5");
  });

  test("theory is broken, names are escaped, and a name has one colour in all charts", () => {
    const line = {
      name: "a<b",
      points: [
        [0, 0],
        [1, 1],
      ] as const,
    };
    const chart = { title: "t", x: "x", y: "y", lines: [line, { ...line, name: "best", theory: true }] };
    const text = svg("one & two", [chart, chart]);
    assert.match(text, /one &amp; two/);
    assert.match(text, /a&lt;b/);
    assert.equal(text.match(/stroke-dasharray/g)?.length, 3);
    assert.equal(
      new Set([...text.matchAll(/fill="none" stroke="(#[0-9a-f]+)" stroke-width="2"/g)].map((m) => m[1])).size,
      1,
    );
    assert.ok(!text.includes("NaN"));
  });

  test("a sweep has goodput in capacities and both lines of theory", () => {
    const text = chartOf(STEP, [result("spillway", [{ "goodput %": 99, "critical %": 100 }])]);
    assert.match(text, /useful answers, % of the capacity/);
    assert.match(text, /critical requests answered/);
    assert.ok(!text.includes("NaN"));
  });
});

suite("report of an experiment", () => {
  const measures = (goodput: number) => ({
    "goodput %": goodput,
    "recovery s": Number.POSITIVE_INFINITY,
    "late p99 ms": 30,
  });
  const goals: Experiment["goals"] = [
    { measure: "goodput %", plan: "3x", sense: "at least", target: 97 },
    { measure: "recovery s", plan: "3x", sense: "at most", target: 0.5 },
  ];
  const results = [result("spillway", [measures(98), measures(96), measures(99)]), result("haproxy", [measures(100)])];
  const text = tables({ ...STEP, goals }, results, [{ peer: "nginx", reason: "not on PATH" }]);

  test("has medians, marks a generator that was late, and says never instead of Infinity", () => {
    assert.match(text, /^spillway ~ +98\.0 +never/m);
  });

  test("tells of each goal whether it is met, with all rounds and beside the anchor in the same round", () => {
    assert.match(text, /^met {3}3x goodput %: 98\.0 \[98\.0, 96\.0, 99\.0\], at least 97; 0\.98 of haproxy's$/m);
    assert.match(text, /^MISS {2}3x recovery s: never /m);
    assert.match(text, /^refused by spillway at 3x, first round: sheddable: wait 12$/m);
    assert.match(text, /^nginx: not available: not on PATH$/m);
  });

  test("a figure that does not exist meets no goal", () => {
    assert.ok(!met(goals[0]!, Number.NaN) && !met(goals[1]!, Number.NaN));
  });
});

suite("how the peers are set up", () => {
  const setting = {
    port: 1,
    ops: 2,
    seats: 10,
    folder: "/f",
    places: [
      { prefix: "/a/", origin: "http://127.0.0.1:7" },
      { prefix: "/", origin: "http://127.0.0.1:8" },
    ],
  };

  test("Spillway is told routes and the field of the class, and nothing of the capacity", () => {
    const { config } = validateConfig(spillwayConfig(setting));
    assert.deepEqual(Object.keys(config.dependencies), ["origin0", "origin1"]);
    assert.ok(!JSON.stringify(spillwayConfig(setting)).includes("limit"));
  });

  test("the proxies in C are told the seats of each dependency", () => {
    assert.equal(haproxyGate(setting).match(/maxconn 10$/gm)?.length, 2);
    assert.equal(nginxGate(setting).match(/limit_conn seats 10;/g)?.length, 2);
  });

  test("names are unique, and nonsense on the command line is refused", () => {
    assert.equal(new Set(GATES.map(({ name }) => name)).size, GATES.length);
    assert.throws(() => readOptions(["--rounds", "0"]), /--rounds/);
    assert.throws(() => readOptions(["--minutes", "x"]), /--minutes/);
    assert.deepEqual(readOptions(["--only", "E1,E3"]).only, ["E1", "E3"]);
  });
});
