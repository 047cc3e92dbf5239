import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { Agent, request } from "undici";
import type { SaturationChanged } from "../../../src/core/events.ts";
import { startGateway } from "../../support/gateway.ts";
import { until } from "../../support/wait.ts";

/** An origin that answers /quick and /kept at once and nothing else until it is told to. */
async function startHeldOrigin(t: TestContext) {
  const held: ServerResponse[] = [];
  const server = createServer((asked, response) => {
    if (asked.url === "/quick" || asked.url === "/kept") response.end("quick");
    else held.push(response);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    release(): void {
      for (const response of held.splice(0)) response.end("late");
    },
  };
}

/** Keeps the event loop of this process full, a few milliseconds at a time, until it is called. */
function fillLoop(): () => void {
  let on = true;
  const turn = (): void => {
    const end = performance.now() + 5;
    while (performance.now() < end);
    if (on) setImmediate(turn);
  };
  turn();
  return () => void (on = false);
}

const WAITING = 100;

test("a process that has more to do than it can refuses by class, tells it, and lets all in again when it has room", async (t) => {
  const origin = await startHeldOrigin(t);
  const priority = { header: "x-class", map: { c: "critical", b: "bulk" }, default: "default" };
  await using gateway = await startGateway({
    target: origin.url,
    listen: { saturation: "enforce" },
    dependency: { limit: "off", breaker: "off" },
    route: { priority },
    routes: [{ name: "kept", match: { path: "/kept" }, dependency: "origin", priority, cache: { ttl: "10m" } }],
  });
  const told: SaturationChanged[] = [];
  gateway.gateway.bus.subscribe("spillway:saturation", (event) => void told.push(event));
  const agent = new Agent({ connections: 300 });
  t.after(() => agent.destroy());
  const ask = (cls: string, path = "/") =>
    request(`http://127.0.0.1:${gateway.port}${path}`, { dispatcher: agent, headers: { "x-class": cls } });
  const waiting = Array.from({ length: WAITING }, () => ask("d"));
  await until(() => origin.held.length === WAITING, { what: "all wait for the origin" });
  await (await ask("d", "/kept")).body.dump();
  const stop = fillLoop();
  t.after(stop);
  // Others are answered meanwhile: it is not the dependency that makes all wait.
  await until(async () => (await (await ask("c", "/quick")).body.dump(), told.length === 1), {
    what: "half a second was full",
  });
  const refusal = await ask("b");
  assert.equal(refusal.statusCode, 503);
  const retryAfter = Number(refusal.headers["retry-after"]);
  assert.ok(retryAfter >= 1 && retryAfter <= 5, `Retry-After ${retryAfter}`);
  const problem = (await refusal.body.json()) as { type: string; spillway: object };
  assert.equal(problem.type, "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity");
  assert.deepEqual(problem.spillway, { reason: "busy", level: 0, class: "bulk" });
  const kept = await ask("b", "/kept");
  assert.equal(kept.statusCode, 200, "what is kept costs no more than a refusal");
  await kept.body.dump();
  const critical = ask("c");
  await until(() => origin.held.length === WAITING + 1, { what: "a critical request went through" });
  stop();
  await until(() => told.length === 2, { what: "there is room again" });
  const bulk = ask("b");
  await until(() => origin.held.length === WAITING + 2, { what: "a bulk request goes through again" });
  origin.release();
  for (const answer of await Promise.all([...waiting, critical, bulk])) {
    assert.equal(answer.statusCode, 200);
    await answer.body.dump();
  }
  assert.deepEqual(
    told.map(({ state, seats }) => ({ state, seats })),
    [
      { state: "full", seats: 64 },
      { state: "room", seats: Number.POSITIVE_INFINITY },
    ],
  );
});
