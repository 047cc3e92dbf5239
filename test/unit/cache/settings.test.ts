import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";
import { cachePolicy } from "../../../src/cache/settings.ts";

const load = (cache: unknown, more: object = {}) =>
  validateConfig({
    dependencies: { a: { http: { targets: ["http://127.0.0.1:1"] } } },
    routes: [{ match: { path: "/*" }, dependency: "a", cache, ...more }],
  }).config;

test("a route's cache is off unless told, and takes lifetimes or the origin's word", () => {
  assert.equal(cachePolicy(load(undefined).routes[0]!.cache), undefined);
  assert.equal(cachePolicy(load("off").routes[0]!.cache), undefined);
  assert.deepEqual(cachePolicy(load("origin").routes[0]!.cache), { by: "origin" });
  assert.deepEqual(cachePolicy(load({ ttl: "60s", staleIfError: "1h" }).routes[0]!.cache), {
    by: "operator",
    ttl: 60_000,
    staleWhileRevalidate: 0,
    staleIfError: 3_600_000,
  });
});

test("refuses what it does not know and what cannot be kept", () => {
  assert.throws(() => load({ ttl: "60s", tags: ["products"] }), /tags/);
  assert.throws(() => load("always"), /cache/);
  assert.throws(() => load({ staleIfError: "1h" }), /ttl/);
  assert.throws(
    () => load("origin", { dependency: undefined, respond: { status: 204 } }),
    /only answers of a dependency/,
  );
  const routes = [{ match: { path: "/*" }, respond: { status: 204 } }];
  assert.throws(() => validateConfig({ routes, cache: { memory: "1MiB", maxEntry: "2MiB" } }), /larger than memory/);
});
