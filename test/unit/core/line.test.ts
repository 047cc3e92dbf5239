import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Line, type Place } from "../../../src/core/line.ts";

test("takes in the order of joining, whoever leaves in between: as an array would", () => {
  const step = fc.oneof(fc.constant("join" as const), fc.constant("take" as const), fc.nat(20));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const line = new Line<number>();
      const model: number[] = [];
      const places = new Map<number, Place>();
      let next = 0;
      for (const one of steps) {
        if (one === "join") {
          places.set(next, line.join(next));
          model.push(next++);
        } else if (one === "take") assert.equal(line.take(), model.shift());
        else {
          // Also those that have been taken or have left already: nothing happens then.
          places.get(one)?.leave();
          if (model.includes(one)) model.splice(model.indexOf(one), 1);
        }
        assert.equal(line.length, model.length);
      }
      while (model.length > 0) assert.equal(line.take(), model.shift());
      assert.equal(line.take(), undefined);
    }),
  );
});
