import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { InFlight } from "../../../src/limits/in-flight.ts";
import { KeyHash } from "../../../src/limits/key-hash.ts";

test("counts each key as a map would, whatever comes and goes", () => {
  const steps = fc.array(fc.record({ key: fc.integer({ min: 0, max: 300 }), enters: fc.boolean() }), {
    maxLength: 2000,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), fc.integer(), (taken, most, secret) => {
      const flights = new InFlight(new KeyHash(secret, 5));
      const model = new Map<number, number>();
      for (const { key, enters } of taken) {
        const count = model.get(key) ?? 0;
        if (enters) {
          assert.equal(flights.enter(`${key}`, most), count < most);
          if (count < most) model.set(key, count + 1);
        } else if (count > 0) {
          flights.leave(`${key}`);
          if (count > 1) model.set(key, count - 1);
          else model.delete(key);
        }
        assert.equal(flights.keys, model.size);
      }
      for (const [key, count] of model) for (let left = 0; left < count; left++) flights.leave(`${key}`);
      assert.equal(flights.keys, 0);
    }),
    { numRuns: 100 },
  );
});
