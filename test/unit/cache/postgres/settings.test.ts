import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../../src/config/load.ts";
import { redactData } from "../../../../src/core/redact.ts";
import { quoteName } from "../../../../src/cache/postgres/table.ts";

const load = (postgres: object) =>
  validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 204 } }], cache: { postgres } }).config.cache;

const url = "postgres://gateway:hunter2@db.example/shop";

test("a URL is all that it needs", () => {
  assert.deepEqual(load({ url }).postgres, {
    url,
    table: "spillway_cache",
    maxConnections: 4,
    deadline: 20,
    maxBytes: 2 ** 30,
  });
  assert.equal(
    validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 204 } }] }).config.cache.postgres,
    undefined,
  );
});

test("refuses what is no URL of PostgreSQL and names that cannot be one, and no error repeats the URL", () => {
  for (const bad of ["mysql://gateway:hunter2@db/x", "hunter2", "postgres://gateway:hunter2@db:none/x"]) {
    assert.throws(
      () => load({ url: bad }),
      (error: Error) =>
        /cache\.postgres\.url - expected postgres:/.test(error.message) && !error.message.includes("hunter2"),
    );
  }
  assert.throws(() => load({ url, table: "x".repeat(41) }), /cache\.postgres\.table/);
  assert.throws(() => load({ url, schema: 'a"; drop table users; --' }), /cache\.postgres\.schema/);
  assert.throws(() => load({ url, maxConnections: 0 }), /maxConnections/);
  assert.throws(() => load({ url, host: "db" }), /host/);
});

test("where a configuration is shown, the password is not", () => {
  assert.doesNotMatch(JSON.stringify(redactData(load({ url }))), /hunter2/);
});

test("a name is quoted whatever it holds", () => {
  assert.equal(quoteName('a"b'), '"a""b"');
});
