import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { startSpillway } from "../../support/spillway-process.ts";
import { until } from "../../support/wait.ts";
import { temporaryWorld } from "../../unit/cli/world.ts";
import { allTokens, bearer, tokenOf } from "./ops-rig.ts";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly processes: number;
  readonly total: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
  readonly failures: readonly { readonly url: string; readonly why: string }[];
  readonly endedAt: string | null;
}

async function start(t: TestContext, { workers = 1, warm = {}, ms = 0, more = {} } = {}) {
  const calls: string[] = [];
  const origin = await startOrigin((request, response) => {
    calls.push(request.url ?? "");
    setTimeout(() => response.writeHead(request.url === "/bad?token=visible" ? 500 : 200).end("x"), ms).unref();
  });
  t.after(() => origin.close());
  const gateway = await startSpillway({
    listen: { workers },
    ops: { tokens: allTokens },
    cache: { warm: { host: "shop.example", rate: 100, ...warm } },
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "shop", cache: { ttl: "1h", tags: ["all"] } }],
    ...more,
  });
  t.after(() => gateway[Symbol.asyncDispose]());
  const call = async (method: string, path: string, body?: object, role: "read" | "operate" = "operate") => {
    const headers = { ...bearer(role), ...(body && { "Content-Type": "application/json" }) };
    const response = await gateway.ops(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, json: (await response.json()) as Record<string, never> };
  };
  const plan = async (id: string): Promise<Shown> =>
    (await call("GET", `/ops/cache/warm/${id}`, undefined, "read")).json as unknown as Shown;
  const ended = (id: string): Promise<Shown> =>
    until(
      async () => {
        const shown = await plan(id);
        return shown.endedAt ? shown : undefined;
      },
      { what: `plan ${id} has ended` },
    );
  return { gateway, calls, call, plan, ended };
}

test("C72: POST /ops/cache/warm gives a plan's id, and its progress and failures can be asked for", async (t) => {
  const { gateway, call, ended, calls } = await start(t);
  const { status, json } = await call("POST", "/ops/cache/warm", {
    urls: ["/a", "/bad?token=visible", "/b"],
    rate: 50,
  });
  assert.equal(status, 202);
  const { id, queued } = json as unknown as { id: string; queued: number };
  assert.equal(queued, 3);
  const { state, done, failed, total, failures, processes } = await ended(id);
  assert.deepEqual(
    { state, done, failed, total, processes },
    { state: "done", done: 2, failed: 1, total: 3, processes: 1 },
  );
  assert.deepEqual(failures, [{ url: "/bad?token=[redacted]", why: "status 500" }]);
  assert.equal(calls.length, 3);
  const again = (await call("POST", "/ops/cache/warm", { urls: ["http://shop.example/a"] })).json["id"];
  assert.equal((await ended(again!)).skipped, 1);
  const { plans } = (await call("GET", "/ops/cache/warm", undefined, "read")).json as unknown as { plans: Shown[] };
  assert.deepEqual(
    plans.map((each) => each.id),
    [id, again],
  );
  const { text } = await gateway
    .ops("/metrics", { headers: bearer("read") })
    .then(async (response) => ({ text: await response.text() }));
  assert.match(text, /^spillway_cache_warm_requests_total\{result="done"\} 2$/m);
  assert.match(text, /^spillway_cache_warm_requests_total\{result="failed"\} 1$/m);
  assert.match(text, /^spillway_cache_warm_plans_total\{state="done"\} 2$/m);
  assert.doesNotMatch(text, /^spillway_requests_total\{.*route="all"/m);
  const audits = gateway.lines().filter(({ event }) => event === "audit");
  assert.ok(JSON.stringify(audits).includes(id) && !JSON.stringify(audits).includes("token=visible"));
});

test("what cannot be warmed is refused: no URLs, both, nothing configured, the role read, unknown plans", async (t) => {
  const { call } = await start(t);
  for (const body of [
    {},
    { urls: [] },
    { urls: ["a"] },
    { urls: ["/a"], plan: "configured" },
    { urls: ["/a"], rate: 1e6 },
  ]) {
    const { status } = await call("POST", "/ops/cache/warm", body);
    assert.ok(status === 400 || status === 422, `${JSON.stringify(body)}: ${status}`);
  }
  assert.equal((await call("POST", "/ops/cache/warm", { plan: "configured" })).status, 422);
  assert.equal((await call("POST", "/ops/cache/warm", { urls: ["/a"] }, "read")).status, 403);
  assert.equal((await call("GET", "/ops/cache/warm/none")).status, 404);
  assert.equal((await call("DELETE", "/ops/cache/warm/none")).status, 404);
});

test("DELETE /ops/cache/warm/{id} cancels; more than sixteen plans do not wait", async (t) => {
  const { call, plan } = await start(t, { ms: 60_000, warm: { concurrency: 1 } });
  const ids: string[] = [];
  let status = 202;
  while (status === 202 && ids.length < 30) {
    const started = await call("POST", "/ops/cache/warm", { urls: ["/a", "/b"] });
    status = started.status;
    if (status === 202) ids.push(started.json["id"]!);
  }
  assert.deepEqual([status, ids.length], [409, 17]);
  const { json } = await call("DELETE", `/ops/cache/warm/${ids[1]}`);
  assert.equal(json["state"], "cancelled");
  assert.equal((await plan(ids[1]!)).state, "cancelled");
});

test("C76: a purge warms afterwards where it is asked to", async (t) => {
  const { call, ended, calls } = await start(t, { warm: { targets: ["/a", "/b"] } });
  await ended("start");
  const { json } = await call("POST", "/ops/cache/purge", { tags: ["all"], warm: true });
  const { done } = await ended(json["warm"]!);
  assert.deepEqual([done, calls.length], [2, 4]);
  assert.equal(
    (await call("POST", "/ops/cache/purge", { tags: ["all"], dryRun: true, warm: true })).json["warm"],
    null,
  );
});

test("with two workers each warms its own memory, and a plan is the sum of both", async (t) => {
  const { call, ended, calls } = await start(t, { workers: 2, warm: { targets: ["/a", "/b"] } });
  const first = await until(
    async () => {
      const shown = await ended("start");
      return shown.processes === 2 ? shown : undefined;
    },
    { what: "both have warmed" },
  );
  assert.deepEqual([first.total, first.done], [4, 4]);
  assert.deepEqual(calls.toSorted(), ["/a", "/a", "/b", "/b"]);
  const { json } = await call("POST", "/ops/cache/warm", { urls: ["/c"] });
  const { done, total } = await ended(json["id"]!);
  assert.deepEqual([done, total, json["queued"]], [2, 2, 2]);
});

test("with two workers and Redis one of them warms for both", { skip: redisMissing }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis[Symbol.asyncDispose]());
  const { call, ended, calls } = await start(t, {
    workers: 2,
    more: { redis: { url: redis.url } },
    warm: { targets: ["/a"] },
  });
  const { json } = await call("POST", "/ops/cache/warm", { urls: ["/c", "/d"] });
  const { done, processes } = await ended(json["id"]!);
  assert.deepEqual([done, processes, calls.filter((url) => url !== "/a").length], [2, 1, 2]);
  assert.equal((await ended("start")).processes, 1);
});

test("spillway cache warm starts a plan, waits for its end and says what failed", async (t) => {
  const { gateway } = await start(t, { warm: { targets: ["/a", "/b"], onStart: false } });
  const env = { SPILLWAY_OPS_URL: `http://127.0.0.1:${gateway.opsPort}`, SPILLWAY_OPS_TOKEN: tokenOf("operate") };
  const world = temporaryWorld(env);
  t.after(() => world[Symbol.dispose]());
  const { run } = world;
  const queued = await run("cache", "warm");
  assert.match(queued.out, /^plan [0-9a-f]+: 2 requests are queued\n$/);
  const waited = await run("cache", "warm", "/c", "/bad?token=visible", "--wait", "--rate", "50");
  assert.equal(waited.code, EXIT.failure);
  assert.match(
    waited.out,
    /^plan [0-9a-f]+: done, of 2: 1 fetched, 0 fresh already, 0 not to be kept, 1 failed\n.*: status 500\n$/,
  );
  const json = JSON.parse((await run("cache", "warm", "/c", "--wait", "--json")).out) as Shown & { ok: boolean };
  assert.deepEqual([json.ok, json.skipped, json.state], [true, 1, "done"]);
  const curl = (await run("cache", "warm", "/c", "--host", "shop.example", "--curl", "--wait")).out;
  assert.match(curl, /^curl .*-d '\{"urls":\["\/c"\],"host":"shop.example"\}' .*\/ops\/cache\/warm'\n$/);
  assert.equal((await run("cache", "warm", "--rate", "fast")).code, EXIT.usage);
});
