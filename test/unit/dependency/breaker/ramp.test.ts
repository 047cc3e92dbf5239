import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Ramp } from "../../../../src/dependency/breaker/ramp.ts";

const rules = { errorRate: 0.5, slowCallRate: 0.8, rampFor: 9_000, probeTimeout: 2_000 };

/** Asks so often a second, each probe answered well at once; gives how many of each second passed, until it closes. */
function climb(ramp: Ramp, perSecond: number): { passed: number[]; closedAt: number } {
  const passed: number[] = [];
  for (let at = 0; at < 100_000; at += 1000 / perSecond) {
    const second = Math.floor(at / 1000);
    passed[second] ??= 0;
    if (ramp.enter(at) !== "pass") continue;
    passed[second]++;
    if (ramp.ended(at, false, false) === "close") return { passed, closedAt: at };
  }
  throw new Error("it never closed");
}

suite("the way back of a breaker", () => {
  test("lets 5 %, 25 % and all pass, a third of its time each", () => {
    const { passed, closedAt } = climb(new Ramp(rules, 0), 200);
    assert.deepEqual(passed.slice(0, 3), [10, 10, 10]);
    assert.ok(
      passed.slice(3, 6).every((count) => count >= 48 && count <= 51),
      passed.join(),
    );
    assert.ok(
      passed.slice(6, 9).every((count) => count >= 196 && count <= 200),
      passed.join(),
    );
    assert.ok(closedAt >= 9_000 && closedAt < 9_400, String(closedAt));
  });

  test("gets along with one request a second: each of them may pass", () => {
    const { passed } = climb(new Ramp(rules, 0), 1);
    assert.ok(
      passed.every((count) => count === 1),
      passed.join(),
    );
  });

  test("has one probe under way until one went well, and two more for each that did", () => {
    const ramp = new Ramp({ ...rules, rampFor: 0 }, 0);
    const under = (): number => {
      for (let i = 0; i < 1000; i++) ramp.enter(1);
      return ramp.underWay;
    };
    assert.equal(under(), 1);
    ramp.ended(2, false, false);
    assert.equal(under(), 3);
    ramp.ended(2, false, false);
    assert.equal(under(), 5);
  });

  test("is over with the first probe that fails or is slow", () => {
    for (const [failed, slow] of [
      [true, false],
      [false, true],
    ] as const) {
      const ramp = new Ramp(rules, 0);
      assert.equal(ramp.enter(0), "pass");
      assert.equal(ramp.ended(1, failed, slow), "open");
    }
  });

  test("bears a failure among probes that go well", () => {
    const ramp = new Ramp(rules, 0);
    for (const failed of [false, false, true]) {
      let at = 0;
      while (ramp.enter((at += 1000)) !== "pass");
      assert.equal(ramp.ended(at, failed, false), "on");
    }
  });

  test("a probe without an answer is overdue at its deadline, and not before", () => {
    const ramp = new Ramp(rules, 0);
    assert.equal(ramp.enter(100), "pass");
    assert.equal(ramp.enter(2_099), "no");
    assert.equal(ramp.enter(2_100), "overdue");
  });

  test("a probe that told nothing leaves its place to another", () => {
    const ramp = new Ramp(rules, 0);
    assert.equal(ramp.enter(0), "pass");
    assert.equal(ramp.enter(1_500), "no");
    ramp.untold();
    assert.equal(ramp.enter(1_501), "pass");
  });

  test("in a step no more pass than its share and one a second, whatever the requests and answers", () => {
    const action = fc.record({
      wait: fc.double({ min: 0, max: 300, noNaN: true }),
      answer: fc.constantFrom("none", "well", "untold"),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const ramp = new Ramp({ ...rules, rampFor: 1e9, probeTimeout: 1e9 }, 0);
        let now = 0;
        let asked = 0;
        let passed = 0;
        let well = 0;
        for (const { wait, answer } of actions) {
          now += wait;
          asked++;
          if (ramp.enter(now) === "pass") passed++;
          assert.ok(ramp.underWay <= 1 + 2 * well);
          if (answer === "well" && ramp.underWay > 0) {
            well++;
            ramp.ended(now, false, false);
          } else if (answer === "untold") ramp.untold();
        }
        assert.ok(passed <= 1 + asked * 0.05 + now / 1000 + 1e-6, `${passed} of ${asked} in ${now} ms`);
      }),
    );
  });
});
