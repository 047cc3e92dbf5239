import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { createEventBus } from "../../../src/core/events.ts";
import { failed, refused, type CacheUse, type QuotaSeen } from "../../../src/core/outcome.ts";
import { aggregateMetrics, createMetrics, type Metrics } from "../../../src/telemetry/metrics.ts";
import { MAX_REQUEST_SERIES } from "../../../src/telemetry/requests.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";

function setUp(t: TestContext, routes = ["products", "sales"]) {
  const bus = createEventBus("metrics-test");
  const metrics = createMetrics({ bus, routes, version: "1.2.3", nodeVersion: "v26.0.0", logLinesDropped: () => 4 });
  t.after(() => metrics.close());
  return { bus, metrics };
}

const lines = async (metrics: Metrics): Promise<string[]> => (await metrics.collect()).text.split("\n");
const samples = async (metrics: Metrics): Promise<string[]> =>
  (await lines(metrics)).filter((line) => line !== "" && !line.startsWith("#"));

test("what a rule in shadow mode would refuse is counted apart from what is refused", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:would-refuse", { reason: "wait", class: "bulk" });
  bus.publish("spillway:would-refuse", { reason: "wait", class: "bulk" });
  const found = await lines(metrics);
  assert.ok(found.includes('spillway_would_refuse_total{reason="wait",class="bulk"} 2'));
  assert.ok(!found.some((line) => line.startsWith("spillway_refused_total{")));
});

test("client quotas are counted by rule, and unheard-of names share one series", async (t) => {
  const { bus, metrics } = setUp(t);
  const seen = (quota: QuotaSeen) => endedExchange({ outcome: { ...served, quota } });
  bus.publish("spillway:exchange", seen({ rules: ["per-client", "searches"] }));
  bus.publish("spillway:exchange", seen({ rules: ["per-client", "searches"], wouldRefuse: ["searches"] }));
  bus.publish("spillway:exchange", seen({ rules: ["per-client"], refusedBy: "per-client" }));
  for (let at = 0; at < 400; at++) bus.publish("spillway:exchange", seen({ rules: [`rule-${at}`] }));
  const found = await lines(metrics);
  for (const line of [
    'spillway_limit_checked_total{rule="per-client"} 3',
    'spillway_limit_checked_total{rule="searches"} 2',
    'spillway_limit_refused_total{rule="per-client"} 1',
    'spillway_limit_would_refuse_total{rule="searches"} 1',
  ]) {
    assert.ok(found.includes(line), line);
  }
  assert.ok(found.filter((line) => line.startsWith("spillway_limit_checked_total{")).length <= 257);
});

test("an exchange is counted by route, class, outcome and code", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:exchange", endedExchange());
  bus.publish("spillway:exchange", endedExchange({ durationMs: 60, whole: false }));
  bus.publish("spillway:exchange", endedExchange({ status: 503, outcome: refused("memory", "later") }));
  bus.publish("spillway:exchange", endedExchange({ status: 502, outcome: failed("connect", "none") }));
  const found = await lines(metrics);
  for (const line of [
    'spillway_requests_total{route="products",class="default",outcome="served",code="200"} 2',
    'spillway_requests_total{route="products",class="default",outcome="refused",code="503"} 1',
    'spillway_requests_total{route="products",class="default",outcome="failed",code="502"} 1',
    'spillway_refused_total{reason="memory",class="default"} 1',
    'spillway_failed_total{reason="connect",dependency="catalog"} 1',
    'spillway_request_duration_seconds_bucket{le="0.005",route="products"} 0',
    'spillway_request_duration_seconds_bucket{le="0.01",route="products"} 3',
    'spillway_request_duration_seconds_bucket{le="0.075",route="products"} 4',
    'spillway_request_duration_seconds_bucket{le="+Inf",route="products"} 4',
    'spillway_request_duration_seconds_count{route="products"} 4',
    'spillway_response_bytes_total{route="products"} 40',
    'spillway_responses_cut_total{route="products"} 1',
    "spillway_log_lines_dropped_total 4",
    'spillway_build_info{version="1.2.3",node="v26.0.0"} 1',
  ]) {
    assert.ok(found.includes(line), `${line}\n---\n${found.join("\n")}`);
  }
});

test("reloads, faults and requests turned away are counted; a refused reload shows until one passes", async (t) => {
  const { bus, metrics } = setUp(t);
  const reload = (outcome: "applied" | "refused"): void =>
    bus.publish("spillway:reload", { outcome, hash: "0", errors: [] });
  bus.publish("spillway:turned-away", { reason: "head-timeout", status: 408, detail: "", address: "192.0.2.1" });
  bus.publish("spillway:fault", { where: "edge", error: new Error("x") });
  reload("refused");
  const before = await lines(metrics);
  assert.ok(before.includes('spillway_turned_away_total{reason="head-timeout"} 1'));
  assert.ok(before.includes('spillway_faults_total{where="edge"} 1'));
  assert.ok(before.includes('spillway_config_reload_total{outcome="refused"} 1'));
  assert.ok(before.includes("spillway_config_last_reload_successful 0"));
  reload("applied");
  assert.ok((await lines(metrics)).includes("spillway_config_last_reload_successful 1"));
});

test("a connection to Redis is up or not, and its losses are counted", async (t) => {
  const { bus, metrics } = setUp(t);
  const tell = (state: "up" | "down"): void => bus.publish("spillway:redis", { role: "cache", state, reason: "" });
  tell("up");
  assert.ok((await lines(metrics)).includes('spillway_redis_up{role="cache"} 1'));
  tell("down");
  for (let role = 0; role < 100; role++) bus.publish("spillway:redis", { role: `r${role}`, state: "up", reason: "" });
  const found = await lines(metrics);
  assert.ok(found.includes('spillway_redis_up{role="cache"} 0'));
  assert.ok(found.includes('spillway_redis_losses_total{role="cache"} 1'));
  assert.equal(found.filter((line) => line.startsWith("spillway_redis_up{")).length, 32);
});

test("a tier that is left out shows, and what was not asked of it is counted", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:cache-tier", { tier: "redis", state: "open", reason: "late" });
  for (let i = 0; i < 3; i++) bus.publish("spillway:cache-skipped", { tier: "redis", reason: "open" });
  const found = await lines(metrics);
  assert.ok(found.includes('spillway_cache_tier_open{tier="redis"} 1'));
  assert.ok(found.includes('spillway_cache_tier_skipped_total{tier="redis",reason="open"} 3'));
  bus.publish("spillway:cache-tier", { tier: "redis", state: "closed", reason: "" });
  assert.ok((await lines(metrics)).includes('spillway_cache_tier_open{tier="redis"} 0'));
});

test("a route that no configuration names is _other, and one that left takes its counts along", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:exchange", endedExchange({ exchange: { route: { name: "gone", dependency: undefined } } }));
  bus.publish("spillway:exchange", endedExchange());
  metrics.setRoutes(["sales"]);
  bus.publish("spillway:exchange", endedExchange());
  const found = (await samples(metrics)).filter((line) => line.startsWith("spillway_requests_total"));
  assert.deepEqual(found, ['spillway_requests_total{route="_other",class="default",outcome="served",code="200"} 2']);
});

test("another gateway of the process is not counted", async (t) => {
  const { metrics } = setUp(t);
  createEventBus("another").publish("spillway:exchange", endedExchange());
  assert.ok(!(await samples(metrics)).some((line) => line.startsWith("spillway_requests_total")));
});

test("two gateways of one process share no series", async (t) => {
  const one = setUp(t);
  const two = createMetrics({ bus: createEventBus("second"), routes: [], version: "1", nodeVersion: "26" });
  t.after(() => two.close());
  one.bus.publish("spillway:exchange", endedExchange());
  assert.ok(!(await samples(two)).some((line) => line.includes("products")));
});

test("after close nothing is counted any more", async (t) => {
  const { bus, metrics } = setUp(t);
  metrics.close();
  bus.publish("spillway:exchange", endedExchange());
  assert.ok(!(await samples(metrics)).some((line) => line.startsWith("spillway_requests_total")));
});

const hostile = fc.record({
  route: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("products", "__proto__", "constructor", "_other")),
  dependency: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
  class: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("default", "bulk")),
  kind: fc.constantFrom("served", "refused", "failed", "__proto__"),
  reason: fc.string({ unit: "binary" }),
  status: fc.oneof(fc.integer(), fc.integer({ min: 100, max: 599 }), fc.constant(Number.NaN)),
  durationMs: fc.oneof(fc.double({ min: -1e12, max: 1e12 }), fc.constant(Number.POSITIVE_INFINITY)),
  bytesOut: fc.oneof(fc.double({ min: -1e12, max: 1e12 }), fc.constant(Number.POSITIVE_INFINITY)),
});

test("series stay bounded and the text well formed whatever clients send", async (t) => {
  const { bus, metrics } = setUp(t);
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 50, maxLength: 100 }), (events) => {
      for (const event of events) {
        bus.publish(
          "spillway:exchange",
          endedExchange({
            status: event.status,
            durationMs: event.durationMs,
            bytesOut: event.bytesOut,
            outcome: { kind: event.kind, reason: event.reason } as never,
            exchange: { route: { name: event.route, dependency: event.dependency }, class: event.class as never },
          }),
        );
        bus.publish("spillway:turned-away", { reason: event.reason, status: 400, detail: "", address: "" });
        bus.publish("spillway:fault", { where: event.reason, error: new Error("x") });
      }
    }),
    { numRuns: 200 },
  );
  const found = await samples(metrics);
  assert.ok(found.length < 2000, String(found.length));
  for (const line of found) {
    assert.match(
      line,
      /^[a-z_][a-z0-9_]*(\{[a-z]+="[A-Za-z0-9_.:+-]*"(,[a-z]+="[A-Za-z0-9_.:+-]*")*\})? -?[0-9.e+-]+$/,
    );
  }
  assert.equal(new Set(found.map((line) => line.replace(/ \S+$/, ""))).size, found.length, "no series twice");
});

test("with many routes and every status the request series stop growing", async (t) => {
  const routes = Array.from({ length: 60 }, (_, at) => `route-${at}`);
  const { bus, metrics } = setUp(t, routes);
  for (const name of routes) {
    for (let status = 100; status < 600; status++) {
      bus.publish("spillway:exchange", endedExchange({ status, exchange: { route: { name, dependency: "d" } } }));
    }
  }
  const found = (await samples(metrics)).filter((line) => line.startsWith("spillway_requests_total"));
  assert.ok(found.length <= MAX_REQUEST_SERIES + routes.length, String(found.length));
  const total = found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  assert.equal(total, 60 * 500, "none is lost");
});

test("metrics of several processes add up after a message", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:exchange", endedExchange());
  bus.publish("spillway:reload", { outcome: "refused", hash: "0", errors: [] });
  const other = createMetrics({ bus, routes: ["products"], version: "1.2.3", nodeVersion: "v26.0.0" });
  t.after(() => other.close());
  bus.publish("spillway:exchange", endedExchange());
  const sent = JSON.parse(JSON.stringify([await metrics.json(), await other.json()]));
  const { contentType, text } = await aggregateMetrics(sent);
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  const found = text.split("\n");
  for (const line of [
    'spillway_requests_total{route="products",class="default",outcome="served",code="200"} 3',
    'spillway_request_duration_seconds_bucket{le="0.01",route="products"} 3',
    'spillway_request_duration_seconds_count{route="products"} 3',
    "spillway_config_last_reload_successful 0",
    'spillway_build_info{version="1.2.3",node="v26.0.0"} 1',
  ]) {
    assert.ok(found.includes(line), line);
  }
});

test("the text passes promtool, where there is one", async (t) => {
  const { bus, metrics } = setUp(t);
  bus.publish("spillway:exchange", endedExchange());
  const { text } = await metrics.collect();
  const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  if (checked.error) return t.skip("no promtool");
  assert.equal(checked.stderr.includes("error"), false, checked.stderr);
});

test("what a tier held and could not be used is counted by tier and reason", async (t) => {
  const { bus, metrics } = setUp(t);
  for (const reason of ["seal", "seal", "version", "corrupt"] as const) {
    bus.publish("spillway:cache-rejected", { tier: "redis", reason });
  }
  const { text } = await metrics.collect();
  assert.match(text, /spillway_cache_rejected_total\{tier="redis",reason="seal"\} 2\n/);
  assert.match(text, /spillway_cache_rejected_total\{tier="redis",reason="version"\} 1\n/);
  assert.match(text, /spillway_cache_rejected_total\{tier="redis",reason="corrupt"\} 1\n/);
});

test("what the cache was to an exchange is counted, with how stale its answers were", async (t) => {
  const { bus, metrics } = setUp(t);
  const end = (cache: CacheUse): void =>
    bus.publish("spillway:exchange", endedExchange({ outcome: { ...served, cache } }));
  end({ result: "hit", tier: "memory" });
  end({ result: "hit", tier: "redis" });
  end({ result: "miss" });
  end({ result: "stale", tier: "memory", staleMs: 7000 });
  bus.publish("spillway:exchange", endedExchange());
  const found = await lines(metrics);
  for (const line of [
    'spillway_cache_requests_total{tier="memory",result="hit"} 1',
    'spillway_cache_requests_total{tier="redis",result="hit"} 1',
    'spillway_cache_requests_total{tier="none",result="miss"} 1',
    'spillway_cache_requests_total{tier="memory",result="stale"} 1',
    'spillway_cache_stale_age_seconds_bucket{le="5"} 0',
    'spillway_cache_stale_age_seconds_bucket{le="15"} 1',
    "spillway_cache_stale_age_seconds_sum 7",
    "spillway_cache_stale_age_seconds_count 1",
  ]) {
    assert.ok(found.includes(line), `${line}\n---\n${found.join("\n")}`);
  }
});
