import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { StreamedBody, wholeBody } from "../../../src/core/body.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { headerValue } from "../../../src/core/headers.ts";
import { failed, refused, type Outcome } from "../../../src/core/outcome.ts";
import type { Handler } from "../../../src/core/stage.ts";
import { createQuotas } from "../../../src/limits/quotas.ts";
import { rateLimitsSettings, routeRateLimitSettings } from "../../../src/limits/settings.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const { exchange } = endedExchange();
const from = (address: string, more: Partial<Exchange> = {}): Exchange => ({
  ...exchange,
  client: { address, trusted: false },
  ...more,
});

const answer = (): Outcome => ({
  kind: "served",
  status: 200,
  headers: ["content-type", "text/plain"],
  body: wholeBody(Buffer.from("hello")),
  by: "cache",
});

/** One route with these rules, in front of `innermost`. */
function rigOf(rateLimit: unknown, innermost: Handler = answer, rateLimits: unknown = {}, processes = 1) {
  const clock = new ManualClock();
  const bus = createEventBus(`quota-${Math.random()}`);
  const route = { name: "products", rateLimit: routeRateLimitSettings.parse(rateLimit) };
  const quotas = createQuotas([route], rateLimitsSettings.parse(rateLimits), undefined, {
    clock,
    bus,
    processes,
  });
  const handler = quotas.stage("products")!(innermost);
  const rule = () => quotas.reading().limits[0]!;
  return { clock, bus, handler, quotas, rule };
}

const at = (outcome: Outcome): Extract<Outcome, { headers?: string[] }> => {
  assert.ok(outcome.kind === "served" || outcome.kind === "refused" || outcome.kind === "failed");
  return outcome;
};
const fieldsOf = (outcome: Outcome): (string | undefined)[] =>
  ["ratelimit-policy", "ratelimit"].map((name) => headerValue(at(outcome).headers ?? [], name));

test("counts in memory at once, without a promise", () => {
  const { handler } = rigOf({ limit: 1, window: "1s" });
  assert.equal(handler(from("192.0.2.1")) instanceof Promise, false);
});

test("what is beyond a limit is refused as quota, with the exact time until it is back", async () => {
  const { handler, clock } = rigOf({ limit: 2, window: "10s" });
  await handler(from("192.0.2.1"));
  clock.advance(3500);
  await handler(from("192.0.2.1"));
  const third = await handler(from("192.0.2.1"));
  assert.equal(third.kind, "refused");
  assert.equal(third.kind === "refused" && third.reason, "quota");
  assert.equal(third.kind === "refused" && third.retryAfterMs, 6500);
  assert.equal(third.kind === "refused" && third.quota?.refusedBy, "products");
  assert.equal((await handler(from("192.0.2.2"))).kind, "served");
  clock.advance(6500);
  assert.equal((await handler(from("192.0.2.1"))).kind, "served");
});

test("served, refused and failed answers tell policy and state, as the draft writes them", async () => {
  const { handler, clock } = rigOf({ name: "burst", limit: 2, window: "60s" });
  assert.deepEqual(fieldsOf(await handler(from("192.0.2.1"))), ['"burst";q=2;w=60', '"burst";r=1;t=60']);
  clock.advance(500);
  assert.deepEqual(fieldsOf(await handler(from("192.0.2.1"))), ['"burst";q=2;w=60', '"burst";r=0;t=60']);
  clock.advance(29_500);
  assert.deepEqual(fieldsOf(await handler(from("192.0.2.1"))), ['"burst";q=2;w=60', '"burst";r=0;t=30']);
  const failing = rigOf({ limit: 2, window: "1s" }, () => failed("connect", ""));
  assert.deepEqual(fieldsOf(await failing.handler(exchange)), ['"products";q=2;w=1', '"products";r=1;t=1']);
});

test("several rules are told in one field each, and the first that refuses is the last that counts", async () => {
  const { handler, quotas } = rigOf([{ limit: 2, window: "1s" }, "daily", { name: "seats", concurrent: 7 }], answer, {
    daily: { by: "route", limit: 10, window: "1d", algorithm: "token-bucket", burst: 4 },
  });
  assert.deepEqual(fieldsOf(await handler(exchange)), [
    '"products";q=2;w=1, "daily";q=10;w=86400, "seats";q=7;qu="concurrent-requests"',
    '"products";r=1;t=1, "daily";r=3;t=8640',
  ]);
  await handler(exchange);
  assert.equal((await handler(exchange)).kind, "refused");
  assert.deepEqual(
    quotas.reading().limits.map(({ rule, checked, refused }) => [rule, checked, refused]),
    [
      ["products", 3, 1],
      ["daily", 2, 0],
      ["seats", 2, 0],
    ],
  );
});

test("the answer of a cache keeps its own fields, and they are not written to", async () => {
  const kept = answer();
  const { handler } = rigOf({ limit: 2, window: "1s" }, () => kept);
  const told = at(await handler(exchange));
  assert.deepEqual(at(kept).headers, ["content-type", "text/plain"]);
  assert.deepEqual(told.headers?.slice(0, 2), ["content-type", "text/plain"]);
});

test("headers: false tells nothing and counts all the same", async () => {
  const { handler } = rigOf({ limit: 1, window: "1s", headers: false });
  assert.deepEqual(fieldsOf(await handler(exchange)), [undefined, undefined]);
  const second = await handler(exchange);
  assert.equal(second.kind, "refused");
  assert.deepEqual(fieldsOf(second), [undefined, undefined]);
});

test("shadow counts what it would refuse, refuses nothing and tells nothing", async () => {
  const { handler, rule, bus } = rigOf({ limit: 1, window: "1s", concurrent: 1, mode: "shadow" });
  const would: string[] = [];
  bus.subscribe("spillway:would-refuse", ({ reason }) => void would.push(reason));
  await handler(exchange);
  const second = await handler(exchange);
  assert.equal(second.kind, "served");
  assert.deepEqual(fieldsOf(second), [undefined, undefined]);
  assert.equal(second.kind === "served" && second.quota?.wouldRefuse?.includes("products"), true);
  assert.ok(rule().refused >= 1);
  assert.deepEqual([...new Set(would)], ["quota"]);
});

test("a rule that is off is none", () => {
  const route = { name: "a", rateLimit: routeRateLimitSettings.parse({ limit: 1, window: "1s", mode: "off" }) };
  const clock = new ManualClock();
  const off = createQuotas([route], {}, undefined, { clock, bus: createEventBus("off") });
  assert.equal(off.stage("a"), undefined);
  assert.deepEqual(off.reading().limits, []);
});

test("the gateway's own requests that fill its cache do not count", async () => {
  const { handler, rule } = rigOf({ limit: 1, window: "1s" });
  for (let at = 0; at < 5; at++) assert.equal((await handler(from("", { warms: "renew" }))).kind, "served");
  assert.equal(rule().checked, 0);
});

test("IPv6 addresses count by their /64, mapped IPv4 ones as IPv4", async () => {
  const { handler } = rigOf({ limit: 1, window: "1s" });
  assert.equal((await handler(from("2001:db8:1:2::1"))).kind, "served");
  assert.equal((await handler(from("2001:db8:1:2:ffff::9"))).kind, "refused");
  assert.equal((await handler(from("2001:db8:1:3::1"))).kind, "served");
  assert.equal((await handler(from("::ffff:192.0.2.9"))).kind, "served");
  assert.equal((await handler(from("192.0.2.9"))).kind, "refused");
});

test("by header, tenant, route and combinations; without the header the client counts", async () => {
  const key = (value: string): Partial<Exchange> => ({ headers: ["X-Api-Key", value] });
  const byKey = rigOf({ by: { header: "x-api-key" }, limit: 1, window: "1s" });
  assert.equal((await byKey.handler(from("192.0.2.1", key("k1")))).kind, "served");
  assert.equal((await byKey.handler(from("192.0.2.2", key("k1")))).kind, "refused");
  assert.equal((await byKey.handler(from("192.0.2.1", key("k2")))).kind, "served");
  assert.equal((await byKey.handler(from("192.0.2.1", key("k".repeat(30_000))))).kind, "served");
  assert.equal((await byKey.handler(from("192.0.2.1", { headers: [] }))).kind, "served");
  assert.equal((await byKey.handler(from("192.0.2.1", key("")))).kind, "refused");
  const both = rigOf({ by: ["tenant", { header: "x-api-key" }], limit: 1, window: "1s" });
  assert.equal((await both.handler(from("192.0.2.1", { tenant: "a", ...key("k") }))).kind, "served");
  assert.equal((await both.handler(from("192.0.2.1", { tenant: "b", ...key("k") }))).kind, "served");
  assert.equal((await both.handler(from("192.0.2.2", { tenant: "a", ...key("k") }))).kind, "refused");
  const byRoute = rigOf({ by: "route", limit: 1, window: "1s" });
  assert.equal((await byRoute.handler(from("192.0.2.1"))).kind, "served");
  assert.equal((await byRoute.handler(from("192.0.2.2"))).kind, "refused");
});

test("a seat is held until the last octet of the answer is out, and the next is refused at once", async () => {
  const idle = { pause() {}, resume() {}, cancel() {} };
  const bodies: StreamedBody[] = [];
  const { handler, rule } = rigOf({ concurrent: 2 }, () => {
    const body = new StreamedBody(idle, undefined);
    bodies.push(body);
    return { kind: "served", status: 200, headers: [], body, by: "dependency" };
  });
  await handler(exchange);
  const second = at(await handler(exchange));
  const third = await handler(exchange);
  assert.equal(third.kind === "refused" && third.reason, "quota");
  assert.equal(third.kind === "refused" && third.retryAfterMs, 1000);
  assert.equal(rule().inFlightKeys, 1);
  bodies[0]!.finish();
  (second as Extract<Outcome, { kind: "served" }>).body.cancel(new Error("the client left"));
  bodies[0]!.takeWhole();
  assert.equal(rule().inFlightKeys, 0);
  assert.equal((await handler(exchange)).kind, "served");
});

test("a tunnel, and what the host application answers, hold their seats until the exchange is over", async () => {
  for (const more of [{ upgrade: { key: "", join() {} } }, { route: { name: "r", dependency: "next" } }]) {
    const outcome: Outcome = more.upgrade ? { kind: "tunnelled", status: 101 } : { kind: "handed-on" };
    const { handler, rule, bus } = rigOf({ concurrent: 1 }, () => outcome);
    const held = from("192.0.2.1", more);
    assert.equal((await handler(held)).kind, outcome.kind);
    assert.equal((await handler(from("192.0.2.1", more))).kind, "refused");
    bus.publish("spillway:exchange", { ...endedExchange(), exchange: held });
    assert.equal(rule().inFlightKeys, 0);
  }
});

test("the workers of an instance have equal shares of limits and caps, rounded up", async () => {
  const pending = new Promise<Outcome>(() => {});
  const caps = rigOf({ concurrent: 10 }, () => pending, {}, 4);
  for (let at = 0; at < 3; at++) void caps.handler(exchange);
  assert.equal((await caps.handler(exchange)).kind, "refused");
  const rates = rigOf({ limit: 10, window: "1h" }, answer, {}, 4);
  const kinds = await Promise.all([1, 2, 3, 4].map(async () => (await rates.handler(exchange)).kind));
  assert.deepEqual(kinds, ["served", "served", "served", "refused"]);
});

test("no seat leaks, however exchanges end", async () => {
  const endings = [
    "throws",
    "rejects",
    "refused",
    "failed",
    "whole",
    "streamed",
    "cut",
    "cancelled",
    "handed-on",
  ] as const;
  const steps = fc.array(fc.record({ how: fc.constantFrom(...endings), later: fc.boolean() }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      let how: (typeof endings)[number] = "whole";
      let later = false;
      const body = (): StreamedBody => new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
      const ending = (): Outcome => {
        const served = answer() as Extract<Outcome, { kind: "served" }>;
        if (how === "throws" || how === "rejects") throw new Error(how);
        if (how === "refused") return refused("full", "");
        if (how === "failed") return failed("reset", "");
        if (how === "handed-on") return { kind: "handed-on" };
        return how === "whole" ? served : { ...served, body: body() };
      };
      const { handler, rule } = rigOf([{ concurrent: 1000 }, { name: "rate", limit: 20, window: "1s" }], () =>
        later || how === "rejects" ? Promise.resolve().then(ending) : ending(),
      );
      for (const [index, step] of taken.entries()) {
        ({ how, later } = step);
        const outcome = await (async () => handler(from(`192.0.2.${index % 3}`)))().catch(() => undefined);
        if (outcome?.kind !== "served") continue;
        const sent = outcome.body;
        if (sent instanceof StreamedBody && how === "streamed") sent.finish();
        if (sent instanceof StreamedBody && how === "cut") sent.fail(new Error("cut"));
        if (how === "cancelled") sent.cancel(new Error("the client left"));
        else sent.pipe({ write: () => true, end() {}, fail() {} });
      }
      assert.equal(rule().inFlightKeys, 0);
    }),
    { numRuns: 100 },
  );
});
