import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { HEALTHY, mannerOf, parseFaults, verdictOf } from "../../../src/demo/faults.ts";

const errorsOf = (json: string): string => {
  const parsed = parseFaults(json);
  assert.ok("errors" in parsed, json);
  return parsed.errors.join("; ");
};

suite("demo faults", () => {
  test("what is not named is healthy", () => {
    assert.deepEqual(parseFaults("{}"), { faults: HEALTHY });
    assert.deepEqual(parseFaults('{"latencyMs":800,"errorRate":0.3}'), {
      faults: { ...HEALTHY, latencyMs: 800, errorRate: 0.3 },
    });
  });

  test("every mistake is told with its remedy, all at once", () => {
    assert.match(
      errorsOf('{"latency":1,"hang":1}'),
      /unknown key "latency": use latencyMs, .*; hang: expected true or false, got 1/,
    );
    assert.match(errorsOf('{"latencyMs":60001}'), /from 0 to 60000 \(milliseconds\), got 60001/);
    assert.match(errorsOf('{"errorRate":-0.1}'), /from 0 to 1/);
    assert.match(errorsOf('{"errorRate":null}'), /got null/);
    assert.match(errorsOf('{"__proto__":{"hang":true}}'), /unknown key "__proto__"/);
    assert.match(errorsOf('{"toString":true}'), /unknown key/);
    for (const json of ["", "nope", "[]", "null", "7"]) assert.match(errorsOf(json), /object such as/);
  });

  test("refuse wins over hang, hang over errors; the roll decides about errors", () => {
    assert.equal(verdictOf({ ...HEALTHY, refuse: true, hang: true, errorRate: 1 }, 0), "refuse");
    assert.equal(verdictOf({ ...HEALTHY, hang: true, errorRate: 1 }, 0), "hang");
    assert.equal(verdictOf({ ...HEALTHY, errorRate: 0.3 }, 0.29), "error");
    assert.equal(verdictOf({ ...HEALTHY, errorRate: 0.3 }, 0.3), "answer");
    assert.equal(verdictOf({ ...HEALTHY, errorRate: 1 }, 0.999), "error");
    assert.equal(verdictOf(HEALTHY, 0), "answer");
  });

  test("truncate wins over drip", () => {
    assert.equal(mannerOf(HEALTHY), "whole");
    assert.equal(mannerOf({ ...HEALTHY, drip: true }), "drip");
    assert.equal(mannerOf({ ...HEALTHY, drip: true, truncate: true }), "truncate");
  });
});
