import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";
import { redact, REDACTED } from "../../../src/config/redact.ts";

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
  const copy = redact(config) as typeof config;
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
    redact("postgres://u:p@ss/w@db:5432/shop?sslmode=require"),
    `postgres://${REDACTED}@db:5432/shop?sslmode=require`,
  );
  assert.equal(redact("redis://:pw@h1,h2/0"), `redis://${REDACTED}@h1,h2/0`);
  assert.equal(redact("https://h/?access_token=abc&a=b"), `https://h/?access_token=${REDACTED}&a=b`);
  assert.equal(redact("http://127.0.0.1:3001"), "http://127.0.0.1:3001");
});
