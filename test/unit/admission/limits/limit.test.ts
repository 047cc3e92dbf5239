import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ALGORITHMS, createLimit } from "../../../../src/admission/limits/choice.ts";
import { within, type Limit, type Sample } from "../../../../src/admission/limits/limit.ts";
import { seeded } from "../../../support/traces.ts";

const bounds = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 1000 }))
  .map(([min, more, most]) => ({ min, initial: min + more, max: min + more + most }));

const number = fc.oneof(
  fc.double({ min: 0, max: 10_000, noNaN: true }),
  fc.constantFrom(NaN, -1, -Infinity, Infinity, 0, 1e-300, 1e300, Number.MAX_VALUE),
);

type Step =
  | { readonly is: "began"; readonly after: number; readonly inFlight: number; readonly route: string }
  | { readonly is: "ended"; readonly after: number; readonly sample: Omit<Sample, "startedAt"> };

const route = fc.constantFrom("a", "b", "c");
const after = fc.oneof(fc.double({ min: 0, max: 500, noNaN: true }), fc.constantFrom(0, 1e6, 1e12));
const inFlight = fc.oneof(fc.integer({ min: 0, max: 2000 }), number);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ is: fc.constant("began" as const), after, inFlight, route }),
  fc.record({
    is: fc.constant("ended" as const),
    after,
    sample: fc.record({
      route,
      latency: number,
      inFlight,
      ending: fc.constantFrom("success" as const, "dropped" as const),
    }),
  }),
);

/** Plays the steps, the last of them again and again so that windows fill; gives what `seats` said after each. */
function play(limit: Limit, steps: readonly Step[]): number[] {
  let now = 1000;
  const said: number[] = [];
  for (let round = 0; round < 12; round++) {
    for (const step of steps) {
      now += step.after;
      if (step.is === "began") limit.began(step.route, now, step.inFlight);
      else limit.ended({ ...step.sample, startedAt: now - step.sample.latency }, now);
      said.push(limit.seats(now));
    }
  }
  return said;
}

for (const algorithm of ALGORITHMS) {
  test(`${algorithm}: seats are whole and within the bounds, whatever it is told`, () => {
    fc.assert(
      fc.property(bounds, fc.array(step, { minLength: 1, maxLength: 60 }), (bounds, steps) => {
        const limit = createLimit({ algorithm, ...bounds }, seeded(1));
        for (const seats of [limit.seats(0), ...play(limit, steps)]) {
          assert.ok(Number.isInteger(seats) && seats >= bounds.min && seats <= bounds.max, `${seats} seats`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test(`${algorithm}: the same calls give the same seats`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const [one, two] = [1, 2].map(() => createLimit({ algorithm, initial: 10, min: 2, max: 1000 }, seeded(7)));
        assert.deepEqual(play(one!, steps), play(two!, steps));
      }),
      { numRuns: 20 },
    );
  });

  test(`${algorithm}: starts with its first guess`, () => {
    assert.equal(createLimit({ algorithm, initial: 10, min: 2, max: 1000 }, seeded(1)).seats(0), 10);
  });
}

test("what is no number of seats becomes the fewest, what is too much the most", () => {
  const bounds = { initial: 10, min: 2, max: 40 };
  assert.deepEqual(
    [NaN, -1, 1.9, 2, 7.9, 40, 41, Infinity].map((seats) => within(bounds, seats)),
    [2, 2, 2, 2, 7, 40, 40, 40],
  );
});
