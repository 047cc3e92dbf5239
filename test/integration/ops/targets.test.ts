import assert from "node:assert/strict";
import { test } from "node:test";
import type { WeightOrder } from "../../../src/core/dependency-reading.ts";
import { dependencyReading, targetReading } from "../../support/dependency-reading.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { startSpillway } from "../../support/spillway-process.ts";
import { allTokens, bearer, startOps } from "./ops-rig.ts";

const target = targetReading();
const reading = { ...dependencyReading(), targets: [target] };

test("targets are shown with all processes added up", async (t) => {
  const other = {
    ...target,
    state: "ejected",
    weight: 9,
    override: { expires: 0, reason: "canary" },
    latencyMs: 0,
    ejections: 1,
  } as const;
  const answers = [[reading], [{ ...reading, panic: true, targets: [other] }]];
  const { ask } = await startOps(t, {}, { dependencies: async () => ({ answers, silent: 0 }) });
  const { dependencies } = JSON.parse((await ask({ path: "/ops/dependencies" })).text);
  assert.equal(dependencies[0].panic, true);
  assert.deepEqual(dependencies[0].targets, [
    {
      target: "http://127.0.0.1:3001",
      states: { up: 1, "slow-start": 0, unhealthy: 0, ejected: 1 },
      weight: 9,
      configured: 1,
      override: { expires: "1970-01-01T00:00:00.000Z", reason: "canary" },
      inFlight: 4,
      latencyMs: 10,
      requests: 10,
      ejections: 1,
    },
  ]);
});

test("a weight is set by who may operate, in all processes and with an end, and audited", async (t) => {
  const orders: WeightOrder[] = [];
  const { ask, audited } = await startOps(
    t,
    { tokens: allTokens },
    {
      dependencies: async () => ({ answers: [[reading]], silent: 0 }),
      async reweigh(order) {
        orders.push(order);
        return { found: order.dependency === "catalog" ? 2 : 0, processes: 2, silent: 0 };
      },
    },
  );
  const put = (name: string, body: object, role: "read" | "operate" = "operate") =>
    ask({
      method: "PUT",
      path: `/ops/dependencies/${name}/weights`,
      headers: { ...bearer(role), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const order = { target: "http://127.0.0.1:3001/", weight: 0.5, ttl: "10m", reason: "canary" };
  assert.equal((await put("catalog", order, "read")).status, 403);
  for (const wrong of [
    { ...order, weight: -1 },
    { ...order, target: "x" },
    { target: order.target, weight: 1 },
  ]) {
    assert.equal((await put("catalog", wrong)).status, 422);
  }
  assert.equal(orders.length, 0);
  const done = await put("catalog", order);
  assert.equal(done.status, 200, done.text);
  const { expires, ...rest } = JSON.parse(done.text);
  assert.deepEqual(rest, {
    dependency: "catalog",
    target: target.origin,
    weight: 0.5,
    reason: "canary",
    processes: 2,
    silent: 0,
  });
  assert.equal(expires, new Date(orders[0]!.expires).toISOString());
  const entry = audited.at(-1)!;
  assert.equal(entry.call, "PUT /ops/dependencies/{name}/weights");
  assert.deepEqual(entry.before, { dependency: "catalog", target: target.origin, weight: 1 });
  assert.deepEqual((entry.after as { reason: string; ttl: string }).reason, "canary");
  assert.equal((await put("nothing", order)).status, 404);
  assert.equal(orders.at(-1)!.target, target.origin);
});

test("with two workers a weight is in force in both", async (t) => {
  const origin = await startOrigin((_request, response) => void response.end("ok"));
  t.after(() => origin.close());
  const other = `http://localhost:${origin.port}`;
  await using gateway = await startSpillway({
    listen: { workers: 2 },
    ops: { tokens: allTokens },
    dependencies: { catalog: { http: { targets: [origin.url, other] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "catalog" }],
  });
  const url = `http://127.0.0.1:${gateway.opsPort}/ops/dependencies`;
  const put = await fetch(`${url}/catalog/weights`, {
    method: "PUT",
    headers: { ...bearer("operate"), "content-type": "application/json" },
    body: JSON.stringify({ target: other, weight: 0, ttl: "1m", reason: "canary is bad" }),
  });
  assert.equal(put.status, 200);
  assert.equal(((await put.json()) as { processes: number }).processes, 2);
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`http://127.0.0.1:${gateway.port}/`)).status, 200);
  const shown = await (await fetch(url, { headers: bearer("read") })).text();
  const [first, second] = JSON.parse(shown).dependencies[0].targets;
  assert.deepEqual([first.requests, second.requests], [10, 0]);
  assert.deepEqual([second.weight, second.configured, second.override.reason], [0, 1, "canary is bad"]);
});
