import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { redactData, redactText } from "../../../src/core/redact.ts";

for (const [text, clean] of [
  ["postgres://app:hunter2@db:5432/x failed", "postgres://[redacted]@db:5432/x failed"],
  ["redis://:hunter2@cache and http://a:hunter2@b", "redis://[redacted]@cache and http://[redacted]@b"],
  ["Authorization: Bearer hunter2hunter2", "Authorization: Bearer [redacted]"],
  ["password=hunter2&x=1", "password=[redacted]&x=1"],
  ["http://catalog:3001/a@b is fine", "http://catalog:3001/a@b is fine"],
] as const) {
  test(`redacted: ${clean}`, () => assert.equal(redactText(text), clean));
}

test("data: values under names of secrets are gone, the rest is as it was", () => {
  const config = {
    ops: { tokens: [{ name: "oncall", role: "admin", token: "hunter2" }], port: 9901 },
    redis: { url: "redis://:hunter2@cache", password: "hunter2" },
    headers: { Authorization: "hunter2", "x-api-key": ["hunter2"] },
    off: null,
  };
  assert.deepEqual(redactData(config), {
    ops: { tokens: [{ name: "oncall", role: "admin", token: "[redacted]" }], port: 9901 },
    redis: { url: "redis://[redacted]@cache", password: "[redacted]" },
    headers: { Authorization: "[redacted]", "x-api-key": ["[redacted]"] },
    off: null,
  });
});

test("long hostile text is redacted in a time that grows with its length", () => {
  const patterns = ["a://", "a", "bearer ", "token = ", "@", " "];
  fc.assert(
    fc.property(fc.constantFrom(...patterns), (piece) => {
      const before = performance.now();
      redactText(piece.repeat(20_000));
      assert.ok(performance.now() - before < 1000, piece);
    }),
  );
});
