import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { lend, partOf, type Desk } from "../../../src/admission/lending.ts";

/** `wants` of critical, default and bulk requests. */
const desk = (own: number, critical: number, middle: number, bulk: number): Desk => ({
  own,
  wants: [0, critical, middle, 0, bulk],
});

test("idle seats go to where requests wait, and a fifth stays with who owns them", () => {
  assert.deepEqual(lend([desk(10, 0, 17, 0), desk(10, 0, 1, 0)]), [7, -7]);
  assert.deepEqual(lend([desk(10, 0, 80, 0), desk(10, 0, 1, 0)]), [8, -8]);
  assert.deepEqual(lend([desk(5, 0, 9, 0), desk(5, 0, 0, 0)]), [4, -4]);
  assert.deepEqual(lend([desk(10, 0, 10, 0), desk(10, 0, 9, 1)]), [0, 0], "everybody has enough");
});

test("more important requests of one process get the seats of less important ones of another", () => {
  assert.deepEqual(lend([desk(10, 16, 0, 0), desk(10, 0, 0, 50)]), [6, -6]);
  assert.deepEqual(lend([desk(10, 30, 0, 0), desk(10, 0, 0, 50)]), [8, -8], "but for those that are kept");
  assert.deepEqual(lend([desk(10, 4, 20, 0), desk(10, 4, 20, 0)]), [0, 0], "alike");
});

const anyDesk = fc.record({
  own: fc.integer({ min: 1, max: 500 }),
  wants: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 5, maxLength: 5 }),
});

const total = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

test("whatever is lent adds up to nothing, everybody keeps a fifth, and nothing waits behind what is less important", () => {
  fc.assert(
    fc.property(fc.array(anyDesk, { minLength: 1, maxLength: 9 }), (desks) => {
      const seats = lend(desks).map((delta, i) => desks[i]!.own + delta);
      assert.equal(total(seats), total(desks.map(({ own }) => own)));
      for (const [i, { own }] of desks.entries()) {
        assert.ok(Number.isInteger(seats[i]) && seats[i]! >= Math.max(1, Math.ceil(own * 0.2)));
      }
      for (let rank = 0; rank < 5; rank++) {
        const upTo = desks.map(({ wants }) => total(wants.slice(0, rank + 1)));
        if (!desks.some((_, i) => upTo[i]! > seats[i]!)) continue;
        // Somebody waits for this class: nobody has more seats than for it and what is above, or what is kept.
        for (const [i, { own, wants }] of desks.entries()) {
          if (total(wants) <= own && desks.every((one) => total(one.wants) <= one.own)) continue;
          assert.ok(seats[i]! <= Math.max(upTo[i]!, Math.max(1, Math.ceil(own * 0.2))));
        }
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
