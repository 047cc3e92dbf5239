import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { validateConfig } from "../../../src/config/load.ts";
import { REDACTED, redactData, redactText } from "../../../src/core/redact.ts";
import { processorMs } from "../../support/fair-clock.ts";

for (const [text, clean] of [
  ["postgres://app:hunter2@db:5432/x failed", "postgres://[redacted]@db:5432/x failed"],
  ["redis://:hunter2@cache and http://a:hunter2@b", "redis://[redacted]@cache and http://[redacted]@b"],
  ["Authorization: Bearer hunter2hunter2", "Authorization: Bearer [redacted]"],
  ["password=hunter2&x=1", "password=[redacted]&x=1"],
  ["GET /?access_token=hunter2#top", "GET /?access_token=[redacted]#top"],
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

test("a list under a secret's name is hidden member by member", () => {
  assert.deepEqual(redactData({ priority: { cohort: { salt: "a", rotate: 5 } } }), {
    priority: { cohort: { salt: REDACTED, rotate: 5 } },
  });
  assert.deepEqual(redactData({ cache: { secret: "a", previousSecrets: ["b", "c"] } }), {
    cache: { secret: REDACTED, previousSecrets: [REDACTED, REDACTED] },
  });
});

test("long hostile text is redacted in a time that grows with its length", () => {
  const patterns = ["a://", "a", "bearer ", "token = ", "@", " "];
  fc.assert(
    fc.property(fc.constantFrom(...patterns), (piece) => {
      const before = processorMs();
      redactText(piece.repeat(20_000));
      assert.ok(processorMs() - before < 1000, piece);
    }),
  );
});

test("tokens, secret fields and credentials in URLs are replaced, all else is kept", () => {
  const { config } = validateConfig({
    ops: { tokens: [{ name: "oncall", role: "admin", token: "0123456789abcdef0123456789abcdef" }] },
    dependencies: { a: { http: { targets: ["http://a:3001"] } } },
    routes: [
      {
        match: { path: "/*" },
        dependency: "a",
        requestHeaders: { set: { Authorization: "Bearer x", "x-api-key": "k", "x-plain": "p" }, remove: ["cookie"] },
      },
    ],
  });
  const copy = redactData(config) as typeof config;
  assert.deepEqual(copy.ops.tokens, [{ name: "oncall", role: "admin", token: REDACTED }]);
  assert.deepEqual(copy.routes[0]!.requestHeaders, {
    set: { Authorization: REDACTED, "x-api-key": REDACTED, "x-plain": "p" },
    remove: ["cookie"],
  });
  assert.deepEqual(copy.dependencies, config.dependencies);
  assert.deepEqual(copy.listen, config.listen);
  assert.ok(!Object.isFrozen(copy));
});

test("a URL keeps what is no secret", () => {
  assert.equal(
    redactData("postgres://u:p@ss/w@db:5432/shop?sslmode=require"),
    `postgres://${REDACTED}@db:5432/shop?sslmode=require`,
  );
  assert.equal(redactData("redis://:pw@h1,h2/0"), `redis://${REDACTED}@h1,h2/0`);
  assert.equal(redactData("https://h/?access_token=abc&a=b"), `https://h/?access_token=${REDACTED}&a=b`);
  assert.equal(redactData("http://127.0.0.1:3001"), "http://127.0.0.1:3001");
});
