import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { excessOf, jittered, pauseAfter } from "../../../../src/dependency/breaker/rates.ts";

const rates = { errorRate: 0.5, slowCallRate: 0.8 };

suite("shares that open a breaker", () => {
  test("are no matter with fewer calls than the least", () => {
    assert.equal(excessOf({ calls: 19, failures: 19, slow: 19 }, rates, 20), undefined);
    assert.equal(excessOf({ calls: 20, failures: 20, slow: 0 }, rates, 20), "errors");
  });

  test("are reached, not passed", () => {
    assert.equal(excessOf({ calls: 20, failures: 10, slow: 0 }, rates, 20), "errors");
    assert.equal(excessOf({ calls: 20, failures: 9, slow: 15 }, rates, 20), undefined);
    assert.equal(excessOf({ calls: 20, failures: 9, slow: 16 }, rates, 20), "slow");
  });

  test("never follow from calls that all went well", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.double({ min: 0.01, max: 1 }), fc.double({ min: 0.01, max: 1 }), (calls, a, b) => {
        assert.equal(excessOf({ calls, failures: 0, slow: 0 }, { errorRate: a, slowCallRate: b }, 0), undefined);
      }),
    );
  });
});

suite("how long a breaker stays open", () => {
  test("doubles while it opens again soon, to the longest, and is short again after it was closed for long", () => {
    const pauses: number[] = [];
    let pause: number | undefined;
    for (let i = 0; i < 6; i++) {
      pause = pauseAfter(pause === undefined ? undefined : { pause, closedFor: 0 }, 5_000, 60_000);
      pauses.push(pause);
    }
    assert.deepEqual(pauses, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    assert.equal(pauseAfter({ pause: 60_000, closedFor: 60_000 }, 5_000, 60_000), 60_000);
    assert.equal(pauseAfter({ pause: 60_000, closedFor: 60_001 }, 5_000, 60_000), 5_000);
  });

  test("is a quarter more or less by chance", () => {
    assert.equal(jittered(1000, 0), 750);
    assert.equal(jittered(1000, 0.5), 1000);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999_999, noNaN: true }), (random) => {
        const pause = jittered(1000, random);
        assert.ok(pause >= 750 && pause < 1250);
      }),
    );
  });
});
