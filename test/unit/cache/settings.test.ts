import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";
import { cacheOptions, cachePolicy } from "../../../src/cache/settings.ts";

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
  assert.throws(() => load({ ttl: "60s", tag: ["products"] }), /tag/);
  assert.throws(() => load({ ttl: "60s", tags: ["two words"] }), /cache\.tags\.0.*no blanks/);
  assert.throws(() => load("always"), /cache/);
  assert.throws(() => load({ staleIfError: "1h" }), /ttl/);
  assert.throws(
    () => load("origin", { dependency: undefined, respond: { status: 204 } }),
    /only answers of a dependency/,
  );
  const routes = [{ match: { path: "/*" }, respond: { status: 204 } }];
  assert.throws(() => validateConfig({ routes, cache: { memory: "1MiB", maxEntry: "2MiB" } }), /larger than memory/);
});

test("a tag takes parameters of the path, and one that the path has not is refused with its place", () => {
  const match = { path: "/items/:id" };
  const { cache } = load({ ttl: "60s", tags: ["items", "item:{id}"] }, { match }).routes[0]!;
  assert.deepEqual(cacheOptions(cache).tags, ["items", "item:{id}"]);
  assert.throws(
    () => load({ ttl: "60s", tags: ["items", "item:{nr}"] }, { match }),
    /routes\.0\.cache\.tags\.1.*no parameter ":nr".*it has :id/s,
  );
  assert.throws(() => load({ ttl: "60s", tags: ["item:{id}"] }), /it has none/);
  assert.throws(() => load("off", { match, purges: ["items", "item:{nr}"] }), /routes\.0\.purges\.1.*":nr"/s);
});

test("a secret has 16 characters at least, former ones stand beside a present one, and no error repeats them", () => {
  const secrets = (cache: object) =>
    validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 204 } }], cache }).config.cache;
  assert.equal(secrets({}).secret, undefined);
  assert.deepEqual(secrets({}).previousSecrets, []);
  assert.equal(secrets({ secret: "sixteen letters!" }).secret, "sixteen letters!");
  assert.deepEqual(
    secrets({ secret: "sixteen letters!", previousSecrets: ["x".repeat(16)] }).previousSecrets.length,
    1,
  );
  const quiet =
    (...words: RegExp[]) =>
    (error: Error) =>
      words.every((word) => word.test(error.message)) && !error.message.includes("fifteen letters");
  assert.throws(() => secrets({ secret: "fifteen letters" }), quiet(/cache\.secret/, /at least 16/));
  const previousSecrets = ["fifteen letters and more"];
  assert.throws(() => secrets({ previousSecrets }), quiet(/cache\.previousSecrets/, /no secret beside/));
});

test("a cache of options alone follows the origin; windows and presets need a ttl", () => {
  assert.deepEqual(cachePolicy(load({ fallback: { body: "sorry" } }).routes[0]!.cache), { by: "origin" });
  assert.deepEqual(cachePolicy(load({ failSafe: "24h" }).routes[0]!.cache), { by: "origin" });
  for (const needy of [{ staleIfError: "1h" }, { staleWhileRevalidate: "1h" }, { preset: "cdn" }]) {
    assert.throws(() => load(needy), /ttl: give one, or take this out|long the ttl is/);
  }
});

test("refresh-ahead is for an operator's ttl unless it is told otherwise", () => {
  const ahead = (cache: unknown) => cacheOptions(load(cache).routes[0]!.cache).refreshAhead;
  assert.deepEqual(
    ["origin", {}, { ttl: "1m" }, { ttl: "1m", refreshAhead: false }, { refreshAhead: true }].map(ahead),
    [false, false, true, false, true],
  );
});

const store = (cache: unknown, own: unknown, more: object = {}) =>
  validateConfig({
    dependencies: { a: { http: { targets: ["http://127.0.0.1:1"] } } },
    routes: [{ name: "r", match: { path: "/*" }, dependency: "a", cache: own }],
    cache,
    ...more,
  }).config;

const HOT = { memory: "50MiB", ttl: { min: "60s", max: "300s" } };

test("classes of answers have memory of their own, a range for ttl and tiers; none is there unless declared", () => {
  assert.deepEqual(store(undefined, "origin").cache.classes, {});
  const { cache, routes } = store(
    { memory: { min: "32MiB", max: "256MiB" }, eviction: "lru", classes: { hot: { ...HOT, tiers: ["memory"] } } },
    { ttl: "60s", class: "hot", tiers: { memory: "30s" } },
  );
  assert.deepEqual(cache.memory, { min: 32 * 2 ** 20, max: 256 * 2 ** 20 });
  assert.deepEqual(cache.classes, {
    hot: { memory: 50 * 2 ** 20, ttl: { min: 60_000, max: 300_000 }, tiers: ["memory"], purge: "hard" },
  });
  const { class: name, tiers } = cacheOptions(routes[0]!.cache);
  assert.deepEqual([name, tiers], ["hot", { memory: 30_000 }]);
});

test("refuses a class that is not there, a ttl out of its range and tiers that are not configured, and says where", () => {
  const classes = { hot: HOT };
  assert.throws(() => store({ classes }, { class: "hott" }), /routes\.0\.cache\.class.*did you mean "hot"/s);
  assert.throws(() => store({}, { class: "hot" }), /none is declared/);
  assert.throws(
    () => store({ classes }, { ttl: "10m", class: "hot" }),
    /routes\.0\.cache\.ttl.*from 1m to 5m, got 10m/s,
  );
  assert.throws(() => store({}, { tiers: ["memory", "redis"] }), /routes\.0\.cache\.tiers\.1.*no tier redis/s);
  assert.throws(
    () => store({}, { tiers: { postgres: "1h" } }),
    /routes\.0\.cache\.tiers\.postgres.*add cache\.postgres/s,
  );
  assert.throws(
    () => store({ classes: { hot: { ...HOT, tiers: ["postgres"] } } }, "origin"),
    /cache\.classes\.hot\.tiers/,
  );
  assert.throws(() => store({}, { tiers: ["disk"] }), /routes\.0\.cache/);
  assert.throws(() => store({}, { tiers: {} }), /name one tier or more/);
  assert.throws(() => store({ memory: { min: "2MiB", max: "1MiB" } }, "origin"), /cache\.memory/);
  assert.throws(() => store({ memory: "12" }, "origin"), /cache\.memory - expected a size with its unit/);
  assert.throws(
    () => store({ maxEntry: "2MiB", classes: { hot: { memory: "1MiB" } } }, "origin"),
    /cache\.classes\.hot\.memory.*smaller than cache\.maxEntry/s,
  );
  assert.throws(
    () => store({ maxEntry: "4MiB", memory: { min: "2MiB", max: "8MiB" } }, "origin"),
    /larger than memory/,
  );
  assert.throws(() => store({ eviction: "random" }, "origin"), /cache\.eviction/);
});

test("refuses a route whose memory would give way into tiers that it left out", () => {
  const redis = { redis: { url: "redis://127.0.0.1:6379" } };
  const classes = {
    here: { memory: "1MiB", tiers: ["memory"] },
    wide: { memory: "1MiB", tiers: { memory: "1m", redis: "5m" } },
  };
  const cache = { demotion: "farther", maxEntry: "1MiB", classes };
  assert.throws(
    () => store(cache, { tiers: ["memory"] }, redis),
    /routes\.0\.cache\.tiers - leaves out redis, where cache\.demotion puts.*name a class/s,
  );
  assert.throws(() => store(cache, { class: "wide", tiers: { memory: "10s" } }, redis), /leaves out redis/);
  store(cache, { class: "here", tiers: ["memory"] }, redis);
  store(cache, { class: "wide" }, redis);
  store(cache, { tiers: ["redis"] }, redis);
  store(cache, { tiers: ["memory", "redis"] }, redis);
  store({ ...cache, demotion: "off" }, { tiers: ["memory"] }, redis);
});

test("who asks can be in the key only where tokens are verified", () => {
  const route = { match: { path: "/*" }, dependency: "a" };
  const config = (varyBy: unknown, cache?: object) =>
    validateConfig({
      dependencies: { a: { http: { targets: ["http://127.0.0.1:1"] } } },
      routes: [{ ...route, cache: { varyBy } }],
      ...(cache && { cache }),
    });
  for (const varyBy of [["user"], [{ header: "x-tenant" }, "role"], [{ claim: "plan" }]]) {
    assert.throws(() => config(varyBy), /cache\.varyBy\.\d - nobody is known without cache\.identity/);
    config(varyBy, { identity: { jwt: { secret: "x".repeat(32) } } });
  }
  config([{ header: "x-tenant" }, { cookie: "currency" }]);
  assert.throws(() => config([{ header: "not a name" }]), /varyBy/);
  assert.throws(() => config([]), /varyBy/);
});

test("caches in front are told to keep nothing that varyBy tells apart, and a query rule is one of two", () => {
  const varyBy = [{ header: "x-tenant" }];
  for (const preset of ["cdn", "full"]) {
    assert.throws(() => load({ ttl: "1m", preset, varyBy }), /know nothing of varyBy/);
  }
  for (const preset of ["browser", "shared"]) load({ ttl: "1m", preset, varyBy });
  assert.throws(() => load({ query: { ignore: ["a"], only: ["b"] } }), /one of ignore and only/);
});
