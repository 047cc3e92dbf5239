import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { BackplaneTold } from "../../../src/core/events.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { startFaultProxy, type FaultProxy } from "../../support/fault-proxy.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { startSpillway } from "../../support/spillway-process.ts";
import { until } from "../../support/wait.ts";

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly cache: string;
}

async function ask(port: number, path = "/x", method = "GET"): Promise<Answered> {
  using client = await connectRaw(port);
  await client.send(`${method} ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`);
  const raw = await client.readResponse({ method, timeoutMs: 30_000 });
  return { status: raw.status, text: raw.text(), cache: raw.header("cache-status") ?? "" };
}

/** An origin whose answers name a version, which every POST raises. */
async function startVersions() {
  const data = { version: 1, calls: 0 };
  const origin = await startOrigin((request, response) => {
    data.calls += 1;
    if (request.method === "POST") data.version += 1;
    response.writeHead(200, { "Cache-Control": "max-age=600" });
    response.end(`version ${data.version}`);
  });
  return { data, origin, [Symbol.asyncDispose]: () => origin.close().catch(() => {}) };
}

type Gateway = TestGateway & { readonly told: BackplaneTold[] };

async function startOne(target: string, redis: string, more: object = {}): Promise<Gateway> {
  const route = { cache: "origin" };
  const gateway = await startGateway({
    target,
    route,
    redis: { url: redis },
    cache: { backplane: { lease: "2s" } },
    ...more,
  });
  const told: BackplaneTold[] = [];
  gateway.gateway.bus.subscribe("spillway:backplane", (event) => void told.push(event));
  await until(() => told.at(-1)?.state === "in-step", { timeoutMs: 30_000, what: "it is in step" });
  return Object.assign(gateway, { told });
}

/** A gateway with Redis, and another whose way to it can be cut. Both hold the first version in memory. */
async function startTwo(stack: AsyncDisposableStack): Promise<{
  readonly data: { version: number; calls: number };
  readonly direct: Gateway;
  readonly cut: Gateway;
  readonly proxy: FaultProxy;
  readonly server: RedisServer;
  stopOrigin(): Promise<void>;
}> {
  const server = stack.use(await startRedis());
  const proxy = stack.use(await startFaultProxy(server.port));
  const { data, origin } = stack.use(await startVersions());
  const direct = stack.use(await startOne(origin.url, server.url));
  const cut = stack.use(await startOne(origin.url, `redis://127.0.0.1:${proxy.port}`));
  for (const { port } of [direct, cut]) assert.equal((await ask(port)).text, "version 1");
  for (const { port } of [direct, cut]) assert.match((await ask(port)).cache, /; hit/);
  return { data, direct, cut, proxy, server, stopOrigin: () => origin.close() };
}

suite("gateways and the log of purges", { skip: redisMissing }, () => {
  test("what changes through one is fetched anew by the other, which held it in memory", async () => {
    await using stack = new AsyncDisposableStack();
    const { direct, cut } = await startTwo(stack);
    await ask(direct.port, "/x", "POST");
    assert.equal((await ask(direct.port)).text, "version 2", "at once where it was changed");
    const startedAt = fairClock.now();
    await until(async () => (await ask(cut.port)).text === "version 2", { what: "the other has the new one" });
    assert.ok(fairClock.now() - startedAt < 500);
  });

  test("cut off, a gateway serves what was changed elsewhere for the lease and not longer; back again, it is in step", async () => {
    await using stack = new AsyncDisposableStack();
    const { data, direct, cut, proxy } = await startTwo(stack);
    await proxy.set({ kind: "refuse" });
    await proxy.set({ kind: "reset" });
    const cutAt = fairClock.now();
    await ask(direct.port, "/x", "POST");
    assert.equal((await ask(cut.port)).text, "version 1", "it cannot know");
    await until(async () => (await ask(cut.port)).text === "version 2", {
      timeoutMs: 30_000,
      what: "the lease is over",
    });
    const took = fairClock.now() - cutAt;
    assert.ok(took < 2000 + 700, `served for ${took} ms`);
    assert.equal(cut.told.at(-1)?.state, "lapsed");
    const calls = data.calls;
    for (let i = 0; i < 5; i++) assert.match((await ask(cut.port)).cache, /; hit/, "what it has just fetched is fresh");
    assert.equal(data.calls, calls);
    await proxy.set({ kind: "none" });
    await until(() => cut.told.at(-1)?.state === "in-step", { timeoutMs: 30_000, what: "it is back" });
  });

  test("with Redis and the dependency away, what is kept still answers, marked as stale", async () => {
    await using stack = new AsyncDisposableStack();
    const { cut, server, stopOrigin } = await startTwo(stack);
    await server.kill();
    await stopOrigin();
    await until(() => cut.told.at(-1)?.state === "lapsed", { timeoutMs: 30_000, what: "the lease is over" });
    const { status, text, cache } = await ask(cut.port);
    assert.deepEqual([status, text], [200, "version 1"]);
    assert.match(cache, /; hit/);
    assert.doesNotMatch(cache, /fwd=miss/);
  });

  test("switched off, each gateway keeps to its own", async () => {
    await using server = await startRedis();
    await using versions = await startVersions();
    const input = { target: versions.origin.url, route: { cache: "origin" }, redis: { url: server.url } };
    await using gateway = await startGateway({ ...input, cache: { backplane: "off" } });
    await ask(gateway.port);
    await ask(gateway.port, "/x", "POST");
    assert.equal((await ask(gateway.port)).text, "version 2");
    assert.equal(await server.cli("exists", "{spillway:purges}:log"), "0");
  });
});

test("workers of one machine, without Redis: what changes through one is fetched anew by all", async () => {
  await using versions = await startVersions();
  await using gateway = await startSpillway({
    listen: { workers: 2, accessLog: false },
    dependencies: { origin: { http: { targets: [versions.origin.url] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "origin", cache: "origin" }],
  });
  const answers = async (): Promise<Set<string>> =>
    new Set((await Promise.all(Array.from({ length: 40 }, () => ask(gateway.port)))).map(({ text }) => text));
  for (let version = 1; version <= 5; version++) {
    assert.deepEqual(await answers(), new Set([`version ${version}`]));
    await ask(gateway.port, "/x", "POST");
    await until(async () => !(await answers()).has(`version ${version}`), { what: "no worker has the old one" });
  }
});
