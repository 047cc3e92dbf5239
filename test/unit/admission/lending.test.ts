import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { lend, partOf } from "../../../src/admission/lending.ts";

test("idle seats go to where requests wait, and a fifth stays with who owns them", () => {
  assert.deepEqual(
    lend([
      { own: 10, used: 10, queued: 7 },
      { own: 10, used: 1, queued: 0 },
    ]),
    [7, -7],
  );
  assert.deepEqual(
    lend([
      { own: 10, used: 10, queued: 70 },
      { own: 10, used: 1, queued: 0 },
    ]),
    [7, -7],
    "9 are idle, 2 are kept",
  );
  assert.deepEqual(
    lend([
      { own: 10, used: 10, queued: 3 },
      { own: 10, used: 10, queued: 9 },
      { own: 10, used: 0, queued: 0 },
      { own: 10, used: 6, queued: 0 },
    ]),
    [3, 7, -8, -2],
  );
  assert.deepEqual(
    lend([
      { own: 10, used: 10, queued: 3 },
      { own: 10, used: 10, queued: 9 },
    ]),
    [0, 0],
    "nobody has any to lend",
  );
});

const desk = fc.record({
  own: fc.integer({ min: 1, max: 1000 }),
  used: fc.integer({ min: 0, max: 1500 }),
  queued: fc.integer({ min: 0, max: 5000 }),
});

test("whatever is lent adds up to nothing, leaves who lends what it uses, and is for who needs it", () => {
  fc.assert(
    fc.property(fc.array(desk, { minLength: 1, maxLength: 9 }), (desks) => {
      const deltas = lend(desks);
      assert.equal(
        deltas.reduce((all, one) => all + one, 0),
        0,
      );
      for (const [i, delta] of deltas.entries()) {
        const { own, used, queued } = desks[i]!;
        assert.ok(Number.isInteger(delta));
        if (delta < 0) assert.ok(queued === 0 && own + delta > used && own + delta >= Math.ceil(own * 0.2));
        if (delta > 0) assert.ok(delta <= queued);
      }
    }),
  );
});

test("a fixed number of seats is divided without a rest, and every worker has one", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((worker) => partOf(10, worker, 4)),
    [3, 3, 2, 2],
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((worker) => partOf(2, worker, 4)),
    [1, 1, 1, 1],
  );
});
