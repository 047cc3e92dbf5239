import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Window } from "../../../../src/dependency/breaker/window.ts";

interface Call {
  readonly at: number;
  readonly failed: boolean;
  readonly slow: boolean;
}

/** Reads all calls anew each time. */
function slowly(calls: readonly Call[], now: number, span: number) {
  const newest = Math.floor(now / span);
  const counted = calls.filter(({ at }) => Math.floor(at / span) > newest - 10);
  return {
    calls: counted.length,
    failures: counted.filter(({ failed }) => failed).length,
    slow: counted.filter(({ slow }) => slow).length,
  };
}

suite("the window of a breaker", () => {
  test("has the counts that a look at all calls gives, whenever they came", () => {
    const step = fc.record({
      wait: fc.oneof(fc.double({ min: 0, max: 30, noNaN: true }), fc.double({ min: 0, max: 2500, noNaN: true })),
      failed: fc.boolean(),
      slow: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(100, 1000, 77),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.array(step, { maxLength: 200 }),
        (ms, start, steps) => {
          const window = new Window(ms);
          const calls: Call[] = [];
          let now = start;
          for (const { wait, failed, slow } of steps) {
            now += wait;
            window.add(now, failed, slow);
            calls.push({ at: now, failed, slow });
            const { calls: count, failures, slow: slowOnes } = window;
            assert.deepEqual({ calls: count, failures, slow: slowOnes }, slowly(calls, now, ms / 10));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("forgets a call after nine to ten tenths of its length", () => {
    const window = new Window(1000);
    window.add(99, true, true);
    window.moveTo(999);
    assert.equal(window.calls, 1);
    window.moveTo(1000);
    assert.deepEqual([window.calls, window.failures, window.slow], [0, 0, 0]);
  });
});
