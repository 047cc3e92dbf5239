import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { remainingFields } from "../../../src/dependency/remaining.ts";
import { readDeadline } from "../../../src/routing/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const ALL = ["x-request-timeout-ms", "x-request-deadline", "grpc-timeout", "x-envoy-expected-rq-timeout-ms"];

suite("what remains of a deadline", () => {
  test("is said as X-Request-Timeout-Ms and in the client's own spellings, 5 ms less", () => {
    const clock = new ManualClock({ now: 1000 });
    const wall = clock.wall();
    assert.deepEqual(remainingFields({ deadline: 1305.9, deadlineFields: ["grpc-timeout"] }, clock), [
      "x-request-timeout-ms",
      "300",
      "grpc-timeout",
      "300m",
    ]);
    const fields = remainingFields({ deadline: 1105, deadlineFields: ALL.slice(1) }, clock);
    assert.deepEqual(fields.slice(2), [
      "x-request-deadline",
      String(wall + 100),
      "grpc-timeout",
      "100m",
      "x-envoy-expected-rq-timeout-ms",
      "100",
    ]);
  });

  test("is never less than a millisecond, and stays within what gRPC can write", () => {
    const clock = new ManualClock();
    assert.deepEqual(remainingFields({ deadline: 3 }, clock), ["x-request-timeout-ms", "1"]);
    const week = { deadline: 7 * 86_400_000, deadlineFields: ["grpc-timeout"] };
    assert.equal(remainingFields(week, clock)[3], "99999999m");
  });

  test("is read by the next gateway as the same, whatever the spelling", () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: 90_000_000 }), fc.subarray(ALL), (ms, deadlineFields) => {
        const clock = new ManualClock({ now: 77 });
        const fields = remainingFields({ deadline: 77 + ms, deadlineFields }, clock);
        for (let i = 0; i < fields.length; i += 2) {
          const read = readDeadline(fields.slice(i, i + 2), 77, clock.wall());
          assert.equal(read?.at, 77 + ms - 5);
        }
      }),
    );
  });
});
