import assert from "node:assert/strict";
import { test } from "node:test";
import { wholeBody } from "../../../../src/core/body.ts";
import { createEventBus } from "../../../../src/core/events.ts";
import { headerValue } from "../../../../src/core/headers.ts";
import { cachePartsOf } from "../../../../src/cache/route.ts";
import { cacheSettings, routeCacheSettings } from "../../../../src/cache/settings.ts";
import { createCacheStage } from "../../../../src/cache/stage.ts";
import { createStore } from "../../../../src/cache/store.ts";
import { RouteLifetimes } from "../../../../src/cache/ttl/route-lifetime.ts";
import { validateConfig } from "../../../../src/config/load.ts";
import { endedExchange } from "../../../support/ended-exchange.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const MINUTE = 60_000;
const FIRST = { by: "operator", ttl: 5 * MINUTE, staleWhileRevalidate: 0, staleIfError: 0 } as const;
const AIM = { min: 10_000, max: 30 * MINUTE, risk: 0.1 };
const FIGURES = { route: "all", hits: 900, stale: 0, misses: 100, bypasses: 5, fallbacks: 0 };

const load = (cache: unknown, more: object = {}) =>
  validateConfig({
    dependencies: { a: { http: { targets: ["http://127.0.0.1:1"] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "a", cache }],
    cache: more,
  }).config;

/** A route over an origin whose answer is another one each time, or never; asked whenever its answer has gone stale. */
async function lived(cache: unknown, changes: boolean, fetches: number) {
  const clock = new ManualClock();
  const bus = createEventBus(`lifetime ${Math.random()}`);
  const store = createStore(cacheSettings.parse({}), { clock, random: () => 0.5, bus });
  const settings = routeCacheSettings.parse(cache);
  const parts = cachePartsOf({ settings, name: "all", dependency: undefined, store, clock })!;
  let served = 0;
  const handler = createCacheStage(parts)(async () => {
    served += 1;
    const body = wholeBody(Buffer.from(changes ? `${served}` : "same"));
    return { kind: "served", status: 200, headers: [], body, by: "dependency" };
  });
  let status = "";
  for (let fetched = 0; fetched < fetches; fetched++) {
    const outcome = await handler({ ...endedExchange().exchange, headers: [] });
    if (outcome.kind === "served") outcome.body.takeWhole();
    status = ("headers" in outcome && headerValue(outcome.headers ?? [], "cache-control")) || "";
    const { policy } = parts;
    clock.advance(policy.by === "operator" ? policy.ttl : 0);
  }
  const reading = store.lifetimes.read([FIGURES]);
  await store.close();
  return { policy: parts.policy, reading: reading[0], status };
}

test("C43: suggest is a dry run: what ttl would do is told, and nothing changes", async () => {
  const { policy, reading } = await lived({ ttl: "5m", adapt: { min: "10s", max: "30m" } }, true, 40);
  assert.equal(policy.by === "operator" && policy.ttl, 5 * MINUTE);
  assert.ok(reading);
  assert.equal(reading.applied, false);
  assert.equal(reading.current, 5 * MINUTE);
  assert.equal(reading.proposed, 10_000, "the shortest");
  assert.ok(reading.staleRisk.current > 0.9 && reading.staleRisk.proposed < 0.2);
  assert.ok(reading.hitGain < 0);
  assert.equal(reading.volatility, "high");
  assert.equal(reading.looks, 39);
});

test("C40: applied, what changes each time lives ever shorter, what never changes ever longer, within the bounds", async () => {
  const preset = { ttl: "5m", preset: "browser" };
  const lively = await lived({ ...preset, adapt: { mode: "apply", min: "10s", max: "30m" } }, true, 200);
  assert.equal(lively.policy.by === "operator" && lively.policy.ttl, 10_000);
  assert.equal(lively.status, "private, max-age=10", "clients are told the lifetime in force");
  const calm = await lived({ ...preset, adapt: { mode: "apply", min: "10s", max: "30m" } }, false, 200);
  assert.equal(calm.policy.by === "operator" && calm.policy.ttl, 30 * MINUTE);
});

test("nothing is proposed before enough was seen, and what was learned outlives a reload with the same settings", () => {
  const lifetimes = new RouteLifetimes();
  const lifetime = lifetimes.of("all", FIRST, { mode: "apply", ...AIM });
  for (let i = 0; i < 19; i++) lifetime.looked(5 * MINUTE, true);
  assert.deepEqual(lifetimes.read([FIGURES]), []);
  assert.equal(lifetime.policy, FIRST);
  for (let i = 0; i < 20; i++) lifetime.looked(5 * MINUTE, true);
  assert.equal(lifetimes.read([FIGURES]).length, 1);
  assert.notEqual(lifetime.policy, FIRST);
  assert.equal(lifetimes.of("all", FIRST, { mode: "apply", ...AIM }), lifetime);
  assert.notEqual(lifetimes.of("all", FIRST, { mode: "apply", ...AIM, risk: 0.2 }), lifetime);
});

test("C41: a ttl may be a cell of the table, which a configuration can change and add to", () => {
  const ttlOf = (cache: unknown, more: object = {}): number | undefined => {
    const config = load(cache, more);
    const bus = createEventBus(`kinds ${Math.random()}`);
    const clock = new ManualClock();
    const store = createStore(config.cache, { clock, random: () => 0.5, bus });
    const route = { settings: config.routes[0]!.cache, name: "all", dependency: "a", store, clock };
    const { policy } = cachePartsOf(route)!;
    return policy.by === "operator" ? policy.ttl : undefined;
  };
  assert.equal(ttlOf({ ttl: { kind: "task", volatility: "high" } }), MINUTE);
  assert.equal(ttlOf({ ttl: { kind: "template" } }), 120 * MINUTE);
  const own = { task: { low: "9m", medium: "8m", high: "7m" }, invoice: { low: "3h", medium: "2h", high: "1h" } };
  assert.equal(ttlOf({ ttl: { kind: "task", volatility: "high" } }, { lifetimes: own }), 7 * MINUTE);
  assert.equal(ttlOf({ ttl: { kind: "invoice", volatility: "low" } }, { lifetimes: own }), 180 * MINUTE);
  assert.throws(
    () => load({ ttl: { kind: "tsk" } }),
    /routes\.0\.cache\.ttl\.kind.*no kind "tsk" in cache\.lifetimes: did you mean "task"\?/s,
  );
  assert.throws(() => load({ adapt: {} }), /routes\.0\.cache\.adapt.*begins with a ttl/s);
  assert.throws(() => load({ ttl: "5m", adapt: { min: "2h", max: "1h" } }), /adapt\.min.*longer than max/s);
});
