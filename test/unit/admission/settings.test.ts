import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";

const read = (limit: unknown) =>
  validateConfig({
    dependencies: { catalog: { http: { targets: ["http://127.0.0.1:1"] }, ...(limit === undefined ? {} : { limit }) } },
    routes: [{ match: { path: "/*" }, dependency: "catalog" }],
  }).config.dependencies["catalog"]!.limit;

test("a dependency is protected unless its limit is off: an adaptive limit from ten seats, and the waits of the classes", () => {
  assert.deepEqual(read(undefined), {
    algorithm: "adaptive",
    initial: 10,
    min: 2,
    max: 1000,
    mode: "enforce",
    queue: { system: 1000, critical: 400, default: 300, sheddable: 100, bulk: 20 },
  });
  assert.deepEqual(read({}), read(undefined));
  assert.equal(read("off"), "off");
});

test("what cannot be is refused with its place and a remedy", () => {
  for (const [limit, told] of [
    [{ min: 20 }, /limit\.initial.*must not be below min/],
    [{ initial: 2000 }, /limit\.initial.*must not be above max/],
    [{ min: 5, max: 4, initial: 5 }, /limit\.min.*must not be above max/],
    [{ initial: 0 }, /limit\.initial/],
    [{ initial: 1.5 }, /limit\.initial/],
    [{ algorithm: "gradient" }, /limit\.algorithm.*gradient2/],
    [{ mode: "dry" }, /limit\.mode.*shadow/],
    [{ queue: { critical: 400 } }, /limit\.queue\.critical.*duration with its unit/],
    [{ queue: { default: "2m" } }, /limit\.queue\.default.*must be between 0ms and 1m/],
    [{ queue: { depth: -1 } }, /limit\.queue\.depth/],
    [{ queue: { deep: 1 } }, /limit\.queue\.deep.*known here are depth/],
    [{ seats: 10 }, /unknown key "seats"/],
    ["on", /limit/],
  ] as const) {
    assert.throws(() => read(limit), { message: told }, JSON.stringify(limit));
  }
});
