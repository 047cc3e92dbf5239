import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readDeadline } from "../../../src/routing/deadline.ts";

const WALL = Date.UTC(2026, 0, 1);
const NOW = 500;
const read = (...fields: string[]) => readDeadline(fields, NOW, WALL);
/** Milliseconds from now. */
const left = (...fields: string[]) => {
  const deadline = read(...fields);
  return deadline && Math.round((deadline.at - NOW) * 1e6) / 1e6;
};

const FIELDS = ["x-request-timeout-ms", "x-request-deadline", "grpc-timeout", "x-envoy-expected-rq-timeout-ms"];

suite("a client's deadline", () => {
  test("each spelling says what it says", () => {
    assert.equal(left("x-request-timeout-ms", " 250 "), 250);
    assert.equal(left("x-envoy-expected-rq-timeout-ms", "15000"), 15_000);
    assert.equal(left("x-request-deadline", String(WALL + 800)), 800);
    for (const [text, ms] of [
      ["1H", 3_600_000],
      ["2M", 120_000],
      ["3S", 3000],
      ["100m", 100],
      ["5000u", 5],
      ["99999999n", 99.999999],
      ["0m", 0],
    ] as const) {
      assert.equal(left("grpc-timeout", text), ms, text);
    }
  });

  test("the earliest of several counts, and all that were read are named once", () => {
    const deadline = read(
      "x-request-timeout-ms",
      "900",
      "grpc-timeout",
      "1S",
      "x-request-timeout-ms",
      "300",
      "x-request-deadline",
      "soon",
    );
    assert.deepEqual(deadline, { at: NOW + 300, fields: ["x-request-timeout-ms", "grpc-timeout"] });
  });

  test("0 has passed, but for Envoy, which means no limit by it", () => {
    assert.equal(left("x-request-timeout-ms", "0"), 0);
    assert.equal(left("x-envoy-expected-rq-timeout-ms", "0"), undefined);
  });

  test("a point in time has passed for a minute; before that it is a wrong clock, or seconds", () => {
    assert.equal(left("x-request-deadline", String(WALL - 60_000)), -60_000);
    assert.equal(left("x-request-deadline", String(WALL - 60_001)), undefined);
    assert.equal(left("x-request-deadline", String(Math.floor(WALL / 1000) + 5)), undefined);
  });

  test("what cannot be read is passed over", () => {
    const bad = ["", " ", "-1", "+1", "1.5", "1e3", "0x10", "1 2", "100, 200", "٣", "12345678901234", "NaN", "10ms"];
    for (const text of bad) {
      for (const name of FIELDS) assert.equal(read(name, text), undefined, `${name}: ${text}`);
    }
    for (const text of ["m", "123456789m", "1h", "1 m", "-1S", "1Sm"]) {
      assert.equal(read("grpc-timeout", text), undefined, text);
    }
    assert.equal(read("priority", "u=1"), undefined);
    assert.equal(read("grpc-timeout", "x", "x-request-timeout-ms", "7")?.at, NOW + 7);
  });

  test("no text throws or makes a deadline that is no number", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[0-9HMSmun., -]{0,20}$/));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...FIELDS, "x"), text)), (pairs) => {
        const deadline = read(...pairs.flat());
        assert.ok(!deadline || (Number.isFinite(deadline.at) && deadline.at >= NOW - 60_000));
        assert.ok(
          !deadline || (deadline.fields.length > 0 && new Set(deadline.fields).size === deadline.fields.length),
        );
      }),
    );
  });
});
