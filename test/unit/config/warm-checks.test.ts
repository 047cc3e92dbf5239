import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";

const routes = [
  { name: "posts", match: { path: "/posts/:id", methods: ["POST"] }, dependency: "shop", cache: { ttl: "1m" } },
  { name: "shop", match: { host: "shop.example", path: "/api/*" }, dependency: "shop", cache: { ttl: "1m" } },
  { name: "wild", match: { host: "*.example", path: "/wild" }, dependency: "shop", cache: { ttl: "1m" } },
  { name: "plain", match: { path: "/plain*" }, dependency: "shop" },
];

const load = (warm: object, schedule: readonly object[] = []) =>
  validateConfig({
    dependencies: { shop: { http: { targets: ["http://127.0.0.1:1"] } } },
    routes,
    cache: { warm, schedule },
  });

const told = (...targets: readonly unknown[]): readonly string[] =>
  load({ targets }).warnings.map(({ path, message }) => `${path}: ${message}`);

test("a target that nothing would come of is told at its place", () => {
  assert.deepEqual(
    told({ url: "/api/a?x=1", host: "shop.example" }, "http://shop.example:8080/api", "http://x.example/wild"),
    [],
  );
  const [none, plain, post, scheme] = told("/api/a", "/plain-one", "/posts/1", "https://shop.example/api/a");
  assert.match(none!, /^cache\.warm\.targets\.0: is never warmed: no route matches \/api\/a for the host localhost/);
  assert.match(plain!, /^cache\.warm\.targets\.1: is never warmed: its route plain has no cache/);
  assert.match(post!, /^cache\.warm\.targets\.2: is never warmed: its route posts takes no GET/);
  assert.match(scheme!, /^cache\.warm\.targets\.3: is kept for requests over https/);
});

test("cache.warm.host is the host of targets without one; defaults are a trickle that readiness does not wait for", () => {
  assert.deepEqual(load({ host: "shop.example", targets: ["/api/a"] }).warnings, []);
  const { targets, ...rest } = load({}).config.cache.warm;
  assert.deepEqual(targets, []);
  const paces = { rate: 20, concurrency: 2, deadline: 30_000, readyWithin: 0 };
  assert.deepEqual(rest, { ...paces, onStart: true, afterFailover: true });
  const [only] = load({ targets: [{ url: "http://shop.example/api/a" }] }).config.cache.warm.targets;
  assert.deepEqual(only, { url: "http://shop.example/api/a", headers: {}, priority: 5 });
});

test("what is no target, pace or task is refused with its place", () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ targets: ["api"] }, /cache\.warm\.targets\.0/],
    [{ targets: ["ftp://shop.example/"] }, /cache\.warm\.targets\.0/],
    [{ targets: [{ url: "/a", priority: 10 }] }, /cache\.warm\.targets\.0/],
    [{ targets: [{ url: "/a", headers: { Host: "b" } }] }, /cache\.warm\.targets\.0/],
    [{ targets: [{ url: "/a", headers: { "X-A": "a\r\nb: c" } }] }, /cache\.warm\.targets\.0/],
    [{ targets: [{ url: "/a", method: "POST" }] }, /cache\.warm\.targets\.0/],
    [{ rate: 101 }, /cache\.warm\.rate/],
    [{ rate: 0 }, /cache\.warm\.rate/],
    [{ concurrency: 65 }, /cache\.warm\.concurrency/],
    [{ readyWithin: "21s" }, /cache\.warm\.readyWithin.*between 0 and 20s/],
    [{ more: 1 }, /cache\.warm/],
  ];
  for (const [warm, message] of refused) assert.throws(() => load(warm), message, JSON.stringify(warm));
  const tasks: readonly (readonly [object, RegExp])[] = [
    [{ every: "1h" }, /cache\.schedule\.0.*nothing to do/],
    [{ every: "500ms", warm: true }, /cache\.schedule\.0\.every/],
    [{ every: "1h", purge: { soft: true } }, /cache\.schedule\.0\.purge.*nothing to purge/],
  ];
  for (const [task, message] of tasks) assert.throws(() => load({}, [task]), message, JSON.stringify(task));
});
