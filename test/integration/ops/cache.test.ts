import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test, type TestContext } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { fairClock } from "../../support/fair-clock.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { startSpillway, type SpillwayProcess } from "../../support/spillway-process.ts";
import { until } from "../../support/wait.ts";
import { allTokens, bearer } from "./ops-rig.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Options {
  readonly workers?: number;
  readonly cache?: object;
}

/** A gateway as a process, in front of an origin whose answers tell which call made them. */
async function start(t: TestContext, { workers = 1, cache = {} }: Options = {}) {
  let calls = 0;
  const origin = await startOrigin((request, response) => {
    const row = /\d+$/.exec(request.url ?? "")?.[0] ?? "0";
    response.writeHead(200, { "Surrogate-Key": `users:${row} users`, "Set-Token": "visible", ETag: '"1"' });
    response.end(`${++calls}`);
  });
  t.after(() => origin.close());
  const gateway = await startSpillway({
    listen: { workers },
    ops: { tokens: allTokens },
    cache: { webhook: { secret: SECRET }, cascade: { "table:users": ["lists"], lists: ["home"] }, ...cache },
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [
      { name: "lists", match: { path: "/lists/*" }, dependency: "shop", cache: { ttl: "1h", tags: ["lists"] } },
      { name: "orders", match: { path: "/orders/:id" }, dependency: "shop", purges: ["user:{id}"] },
      { name: "users", match: { path: "/users/:id" }, dependency: "shop", cache: { ttl: "1h", tags: ["user:{id}"] } },
    ],
  });
  t.after(() => gateway[Symbol.asyncDispose]());
  const base = `http://127.0.0.1:${gateway.port}`;
  /** Which call of the origin an answer comes from, on a connection of its own. */
  const get = async (path: string): Promise<string> => {
    const response = await fetch(base + path, { headers: { Connection: "close" } });
    return response.text();
  };
  return { gateway, base, get, calls: () => calls, ...callsOf(gateway) };
}

function callsOf(gateway: SpillwayProcess) {
  const ask = async (path: string, role: "read" | "operate" | "admin" = "read", init: Asked = {}) => {
    const response = await gateway.ops(path, { ...init, headers: { ...bearer(role), ...init.headers } });
    const text = await response.text();
    return { status: response.status, json: JSON.parse(text) as Record<string, never> };
  };
  const json = { "Content-Type": "application/json" };
  return {
    ask,
    purge: (order: object, role: "read" | "operate" | "admin" = "operate") =>
      ask("/ops/cache/purge", role, { method: "POST", headers: json, body: JSON.stringify(order) }),
    async event(event: object, secret = SECRET, seconds = Math.floor(Date.now() / 1000)) {
      const body = JSON.stringify(event);
      const mac = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
      const headers = { ...json, "Spillway-Signature": `t=${seconds},v1=${mac}` };
      const response = await gateway.ops("/ops/cache/events", { method: "POST", headers, body });
      return { status: response.status, json: (await response.json()) as Record<string, unknown> };
    },
  };
}

test("C100: stats, report, tags and entries are as the description says, and add up to the requests", async (t) => {
  const { ask, get, base, purge } = await start(t, { cache: { xCache: true, showKey: true } });
  for (const path of ["/users/1", "/users/1", "/users/2", "/lists/a", "/lists/a", "/lists/a"]) await get(path);
  await fetch(`${base}/users/1`, { method: "POST", body: "x" }).then((answer) => answer.text());
  await purge({ tags: ["user:2"] });
  await get("/users/2");
  const { paths } = (await ask("/ops/openapi.json")).json as unknown as {
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
    >;
  };
  const ajv = new Ajv2020({ strict: false });
  const url = encodeURIComponent(`${base}/users/2`);
  const bodies: Record<string, never>[] = [];
  for (const path of ["/ops/cache/stats", "/ops/cache/report", "/ops/cache/tags", "/ops/cache/entries/{key}"]) {
    const { status, json } = await ask(path.replace("{key}", url));
    assert.equal(status, 200, path);
    const { schema } = paths[path]!["get"]!.responses["200"]!.content["application/json"]!;
    assert.ok(ajv.validate(schema, json), `${path}: ${ajv.errorsText()} in ${JSON.stringify(json)}`);
    bodies.push(json);
  }
  const [stats, report, tags, { entries }] = bodies as unknown as [
    { routes: object[]; tiers: Record<string, never>[]; removed: object; hitRatio: number },
    { misses: object[]; used: { name: string; count: number }[] },
    { top: { name: string; count: number }[]; purged: { target: string; soft: boolean; position: number }[] },
    { entries: Record<string, unknown>[] },
  ];
  const users = {
    route: "users",
    requests: 5,
    hits: 1,
    stale: 0,
    misses: 3,
    bypasses: 1,
    fallbacks: 0,
    hitRatio: 0.25,
  };
  const lists = {
    route: "lists",
    requests: 3,
    hits: 2,
    stale: 0,
    misses: 1,
    bypasses: 0,
    fallbacks: 0,
    hitRatio: 2 / 3,
  };
  assert.deepEqual(stats.routes, [users, lists]);
  const { entries: held, bytes, hits, misses } = stats.tiers[0]! as Record<string, number>;
  assert.deepEqual([held, hits, misses], [3, 3, 4]);
  assert.ok(bytes! > 500 && bytes! < 10_000);
  assert.deepEqual(stats.removed, { purged: 1 });
  assert.deepEqual(report.misses[0], { route: "users", misses: 3, hitRatio: 0.25 });
  assert.deepEqual(report.used[0], { name: `${base}/lists/a`, count: 2 });
  assert.deepEqual(tags.top[0], { name: "dependency:shop", count: 3 });
  const { target, soft, position } = tags.purged[0]!;
  assert.deepEqual([target, soft], ["user:2", false]);
  assert.ok(position > 0);
  assert.equal(entries.length, 1);
  const { tags: named, tier, standing, status, headers, buildMs, createdAt } = entries[0]!;
  assert.deepEqual(named, ["route:users", "dependency:shop", "user:2", "users:2", "users"]);
  assert.deepEqual([tier, standing, status], ["memory", "current", 200]);
  assert.ok((headers as [string, string][]).some(([name, value]) => name === "Set-Token" && value === "[redacted]"));
  assert.ok(Number(buildMs) >= 0 && Math.abs(Date.parse(String(createdAt)) - Date.now()) < 60_000);
});

test("C24: an entry tells when it was used last and how often", async (t) => {
  const { ask, get, base } = await start(t);
  const url = encodeURIComponent(`${base}/lists/a`);
  const entry = async () => {
    const { json } = await ask(`/ops/cache/entries/${url}`);
    return (json as unknown as { entries: { hits: number; lastAccessAt: string | null; keepUntil: string }[] })
      .entries[0]!;
  };
  await get("/lists/a");
  assert.deepEqual([(await entry()).hits, (await entry()).lastAccessAt], [0, null]);
  const before = Date.now();
  await get("/lists/a");
  await get("/lists/a");
  const { hits, lastAccessAt, keepUntil } = await entry();
  assert.equal(hits, 2);
  assert.ok(Date.parse(lastAccessAt!) >= before - 1000 && Date.parse(lastAccessAt!) <= Date.now() + 1000);
  assert.ok(Date.parse(keepUntil) > before + 3_000_000);
});

test("C102: Cache-Status with its key, X-Cache and X-Cache-Level where they are asked for", async (t) => {
  const { base, ask } = await start(t, { cache: { xCache: true, showKey: true } });
  const fields = async (method = "GET") => {
    const { headers } = await fetch(`${base}/users/1`, { method });
    return [headers.get("x-cache"), headers.get("x-cache-level"), headers.get("cache-status")] as const;
  };
  const [missed, , status] = await fields();
  assert.equal(missed, "MISS");
  const [, key] = /^spillway; fwd=miss; fwd-status=200; stored; detail=operator-ttl; key="(.*)"$/.exec(status!)!;
  assert.deepEqual((await fields()).slice(0, 2), ["HIT", "memory"]);
  assert.deepEqual((await fields("DELETE")).slice(0, 2), ["BYPASS", null]);
  await fields();
  const found = await ask(`/ops/cache/entries/${encodeURIComponent(key!)}`);
  assert.equal(found.status, 200, "the key is the one that operators can ask for");
  const gone = await ask(`/ops/cache/entries/${encodeURIComponent(key!)}`, "operate", { method: "DELETE" });
  assert.deepEqual([gone.status, gone.json["matched"]], [200, 1]);
  assert.equal((await fields())[0], "MISS");
});

for (const workers of [1, 2]) {
  test(`C50-C53: purges by URL, tag, prefix, pattern, dependency, table and route, in ${workers} processes`, async (t) => {
    const { get, base, purge, gateway } = await start(t, { workers });
    const orders: readonly (readonly [object, string, number])[] = [
      [{ keys: [`${base.toUpperCase().replace("HTTP", "http")}/users/%31`] }, "/users/1", 0],
      [{ tags: ["user:1"] }, "/users/1", 0],
      [{ tags: ["users"] }, "/users/1", 0],
      [{ prefix: "/users/" }, "/users/1", 0],
      [{ prefix: `${base}/users/1` }, "/users/1", 0],
      [{ pattern: "/user?/*1" }, "/users/1", 0],
      [{ dependency: "shop" }, "/users/1", 0],
      [{ route: "lists" }, "/lists/a", 0],
      [{ table: "users" }, "/lists/a", 2],
    ];
    for (const [order, path, cascaded] of orders) {
      const before = await settled(get, path);
      const { status, json } = await purge({ ...order, reason: "a test" });
      assert.equal(status, 200, JSON.stringify(json));
      const { matched, cascade, exact } = json as unknown as { matched: number; cascade: object; exact: boolean };
      assert.ok(matched >= 1, JSON.stringify(order));
      assert.equal(exact, true);
      assert.deepEqual(cascade, { depth: cascaded, count: cascaded });
      for (let i = 0; i < 6; i++) assert.notEqual(await get(path), before, `${JSON.stringify(order)}, ${workers}`);
    }
    const audits = gateway.lines().filter(({ event }) => event === "audit");
    assert.ok(JSON.stringify(audits).includes("a test"), "the reason is in the audit");
  });
}

/** Asked until each worker has most likely kept it: what one answers at last. */
async function settled(get: (path: string) => Promise<string>, path: string): Promise<string> {
  let last = "";
  for (let i = 0; i < 6; i++) last = await get(path);
  return last;
}

test("with two workers the figures are those of both, and a purge counts what both hold", async (t) => {
  const { get, ask, purge } = await start(t, { workers: 2 });
  await until(
    async () => {
      for (let i = 0; i < 4; i++) await get("/users/1");
      const { json } = await ask("/ops/cache/stats");
      return (json as unknown as { tiers: { entries: number }[] }).tiers[0]!.entries === 2;
    },
    { what: "both workers keep it", timeoutMs: 30_000 },
  );
  const { processes, silent, routes } = (await ask("/ops/cache/stats")).json as unknown as {
    processes: number;
    silent: number;
    routes: { misses: number; hits: number }[];
  };
  assert.deepEqual([processes, silent, routes[0]!.misses], [2, 0, 2]);
  assert.ok(routes[0]!.hits >= 2);
  const dry = await purge({ tags: ["user:1"], dryRun: true });
  assert.equal(dry.json["matched"], 2);
  assert.equal((await purge({ tags: ["user:1"] })).json["matched"], 2, "the dry run changed nothing");
  assert.equal((await purge({ tags: ["user:1"], dryRun: true })).json["matched"], 0);
});

test("C62: a write in one worker purges what both keep", async (t) => {
  const { get, base } = await start(t, { workers: 2 });
  for (let round = 0; round < 5; round++) {
    const before = await settled(get, "/users/1");
    await fetch(`${base}/orders/1`, { method: "POST", headers: { Connection: "close" } }).then((answer) =>
      answer.text(),
    );
    // The worker that was written to is at once without it; the other one two messages later.
    const gone = async () => {
      for (let i = 0; i < 6; i++) if ((await get("/users/1")) === before) return undefined;
      return true;
    };
    await until(gone, { what: "nobody gives the old answer any more" });
  }
});

test("C50: a purge is in force in both workers within 100 ms at the 99th percentile", async (t) => {
  const { get, purge, ask } = await start(t, { workers: 2 });
  const timed = async (call: Promise<unknown>): Promise<number> => {
    const startedAt = fairClock.now();
    await call;
    return fairClock.now() - startedAt;
  };
  const took: number[] = [];
  const usual: number[] = [];
  for (let round = 0; round < 200; round++) {
    await get("/users/1");
    took.push(await timed(purge({ tags: ["user:1"] })));
    usual.push(await timed(ask("/ops/cache/stats")));
  }
  const p99 = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!;
  const figures = `p99 ${p99(took).toFixed(1)} ms, of a call that only asks both workers ${p99(usual).toFixed(1)} ms`;
  t.diagnostic(figures);
  // On a machine where even a question takes long it may take as long again.
  assert.ok(p99(took) < Math.max(100, 2 * p99(usual)), figures);
});

test("C56: one purge of many keys tells of each whether it was done", async (t) => {
  const { get, base, purge } = await start(t);
  for (const row of [1, 2, 3]) await get(`/users/${row}`);
  const keys = [`${base}/users/1`, `${base}/users/2`, "no key", "http://[bad/"];
  const { json } = await purge({ keys });
  const { purged, failed, matched } = json as unknown as {
    purged: { keys: string[] };
    failed: { key: string }[];
    matched: number;
  };
  assert.deepEqual(purged.keys, keys.slice(0, 2));
  assert.deepEqual(failed.map(({ key }) => key).toSorted(), ["http://[bad/", "no key"]);
  assert.equal(matched, 2);
});

test("C101: everything needs the role admin and a confirm; no order is refused with what it lacks", async (t) => {
  const { get, purge } = await start(t);
  await get("/users/1");
  const statuses = async (order: object, role: "read" | "operate" | "admin") => (await purge(order, role)).status;
  assert.equal(await statuses({ tags: ["a"] }, "read"), 403);
  assert.equal(await statuses({ all: true, confirm: "all" }, "operate"), 403);
  assert.equal(await statuses({ all: true }, "admin"), 422);
  assert.equal(await statuses({}, "admin"), 422);
  assert.equal(await statuses({ tags: [] }, "admin"), 422);
  assert.equal(await statuses({ tags: ["x".repeat(257)] }, "admin"), 422);
  for (const everything of ["*", "/*", "/", "/**"]) {
    assert.equal(await statuses({ pattern: everything }, "operate"), 422, everything);
    assert.equal(await statuses({ prefix: everything }, "operate"), 422, everything);
  }
  assert.equal(await get("/users/1"), "1");
  assert.equal((await purge({ all: true, confirm: "all" }, "admin")).json["matched"], 1);
  assert.equal(await get("/users/1"), "2");
});

test("C13: the thousandth-and-first pattern is refused and says why; PURGE and BAN are no methods for clients", async (t) => {
  const { base, get, purge } = await start(t);
  await get("/users/1");
  for (let i = 0; i < 1000; i += 50) {
    const all = Array.from({ length: 50 }, (_, at) => purge({ prefix: `/other/${i + at}` }));
    for (const { status } of await Promise.all(all)) assert.equal(status, 200);
  }
  const { status, json } = await purge({ pattern: "/other/*" });
  assert.equal(status, 409);
  assert.match(String(json["detail"]), /room for 0 more/);
  for (const method of ["PURGE", "BAN"]) {
    await fetch(`${base}/users/1`, { method }).then(
      (answer) => answer.text(),
      () => {},
    );
  }
});

test("C57: a signed event purges what depends on it, once; any other is turned away and slowed", async (t) => {
  const { get, event } = await start(t);
  await get("/users/1");
  await get("/users/2");
  await get("/lists/a");
  const changed = { id: "e1", type: "update", table: "users", ids: [1], columns: ["email"] };
  const first = await event(changed);
  assert.equal(first.status, 200, JSON.stringify(first.json));
  assert.deepEqual(first.json["purged"], ["table:users", "users:1", "users.email", "lists", "home"]);
  assert.equal(first.json["matched"], 2);
  assert.deepEqual([await get("/users/1"), await get("/users/2"), await get("/lists/a")], ["4", "2", "5"]);
  assert.deepEqual((await event(changed)).json, { purged: [], repeated: ["e1"], matched: 0 });
  assert.equal(await get("/users/1"), "4");
  const many = { events: [changed, { id: "e2", type: "bulk", table: "other", tags: ["user:2"] }] };
  assert.deepEqual((await event(many)).json["repeated"], ["e1"]);
  assert.equal(await get("/users/2"), "6");
  const seconds = Math.floor(Date.now() / 1000);
  assert.equal((await event({ ...changed, id: "e3" }, SECRET, seconds - 290)).status, 200);
  assert.equal((await event({ ...changed, id: "e4" }, SECRET, seconds - 310)).status, 401, "too old");
  assert.equal((await event({ ...changed, id: "e5", type: "other" })).status, 422);
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) statuses.push((await event(changed, `not the ${SECRET}`)).status);
  assert.deepEqual(statuses, [...Array.from({ length: 9 }, () => 401), 429], "ten wrong ones, the old one among them");
  assert.equal((await event({ ...changed, id: "e6" })).status, 429);
});

test("without a secret no event is taken, however it is signed", async (t) => {
  const origin = await startOrigin((_, response) => void response.end("x"));
  t.after(() => origin.close());
  await using gateway = await startSpillway({
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ match: { path: "/*" }, dependency: "shop", cache: "origin" }],
  });
  assert.equal((await callsOf(gateway).event({ id: "1", type: "bulk", table: "t" }, "")).status, 401);
});
