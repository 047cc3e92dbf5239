import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openBottleneckLane } from "../../../src/cache/warm/lane.ts";
import { systemClock } from "../../../src/core/clock.ts";
import type { CacheAnswer } from "../../../src/core/cache-control.ts";
import type { PlanReading } from "../../../src/core/warming.ts";
import { fairClock, stopwatch } from "../../support/fair-clock.ts";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, startRedisSentinel } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

interface Call {
  readonly url: string;
  readonly at: number;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** An origin that takes `ms` for an answer, and knows how many it had at a time. */
async function startShop(t: TestContext, ms = 0, status: (url: string) => number = () => 200) {
  const calls: Call[] = [];
  let open = 0;
  let most = 0;
  let left = 0;
  const origin = await startOrigin((request, response) => {
    response.on("close", () => void (left += response.writableFinished ? 0 : 1));
    calls.push({ url: request.url ?? "", at: performance.now(), headers: request.headers });
    most = Math.max(most, ++open);
    setTimeout(() => {
      open -= 1;
      response.writeHead(status(request.url ?? ""), { ETag: '"1"' });
      response.end(request.url);
    }, ms);
  });
  t.after(() => origin.close());
  return { url: origin.url, calls, most: () => most, left: () => left };
}

const paths = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `/p/${index}`);

async function startWarm(
  t: TestContext,
  target: string,
  warm: object,
  { level, ...config }: TestConfig & { level?: () => number } = {},
): Promise<TestGateway> {
  const { cache, ...rest } = config;
  const gateway = await startGateway(
    { target, route: { cache: { ttl: "1h" } }, cache: { warm: { host: "shop.example", ...warm }, ...cache }, ...rest },
    systemClock,
    level && { level },
  );
  t.after(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

async function plansOf({ gateway }: TestGateway): Promise<readonly PlanReading[]> {
  const answer = await gateway.cache.ask({ do: "plans", id: undefined });
  return answer.did === "plans" ? answer.plans : [];
}

const ended = (gateway: TestGateway, id: string): Promise<PlanReading> =>
  until(
    async () =>
      (await plansOf(gateway)).find((plan) => plan.id === id && ["done", "cancelled"].includes(plan.state.at)),
    { timeoutMs: 60_000, what: `plan ${id} has ended` },
  );

async function ask({ port }: TestGateway, path: string, fields = "") {
  using client = await connectRaw(port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n`);
  const answer = await client.readResponse();
  return { status: answer.status, cache: answer.header("cache-status") ?? "" };
}

const order = (gateway: TestGateway, id: string, urls: readonly string[], rate?: number): Promise<CacheAnswer> => {
  const targets = urls.map((url) => ({ url, host: undefined, headers: [], priority: 5 }));
  return gateway.gateway.cache.ask({ do: "warm", order: { id, targets, mode: "fill", rate }, first: true });
};

test("C75: the lane begins no more in a second than its rate, and has no more under way than told", async (t) => {
  const lane = await openBottleneckLane({ rate: 50, concurrency: 2 });
  t.after(() => lane.close());
  const begun: number[] = [];
  let open = 0;
  let most = 0;
  const job = async (): Promise<void> => {
    begun.push(performance.now());
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 60));
    open -= 1;
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 12 }, () => lane.run(job)));
  assert.equal(most, 2);
  for (const [index, at] of begun.entries()) {
    const since = at - startedAt;
    assert.ok(since >= index * 20 - 10, `${index} more had begun after ${since} ms, they are due 20 ms apart`);
  }
  const late = lane.run(job).catch((error: unknown) => error);
  const waits = lane.run(job).then(
    () => "ran",
    () => "dropped",
  );
  const never = lane.run(job).then(
    () => "ran",
    () => "dropped",
  );
  await lane.close();
  await Promise.all([late, waits]);
  assert.equal(await never, "dropped");
});

test("C76: on start the list is fetched in the background, and clients find it", async (t) => {
  const shop = await startShop(t);
  const targets = ["/a", { url: "/b?x=1", priority: 9, headers: { "Accept-Language": "de" } }, "/c"];
  const gateway = await startWarm(t, shop.url, { targets, rate: 100, concurrency: 1 });
  assert.equal(gateway.gateway.life(), "ready", "readiness does not wait");
  const { done, failed, total } = await ended(gateway, "start");
  assert.deepEqual({ done, failed, total }, { done: 3, failed: 0, total: 3 });
  assert.deepEqual(
    shop.calls.map(({ url }) => url),
    ["/b?x=1", "/a", "/c"],
  );
  assert.equal(shop.calls[0]!.headers["accept-language"], "de");
  assert.match((await ask(gateway, "/a")).cache, /^spillway; hit;/);
  assert.match((await ask(gateway, "/b?x=1")).cache, /^spillway; hit;/);
  assert.equal(shop.calls.length, 3);
  assert.equal(gateway.ended.length, 2, "what warms is no request of a client");
});

test("C75: the rate and the budget of origin connections hold, while clients are served past them", async (t) => {
  const shop = await startShop(t, 120);
  const startedAt = performance.now();
  const gateway = await startWarm(t, shop.url, { targets: paths(20), rate: 20, concurrency: 2, onStart: true });
  await ended(gateway, "start");
  assert.equal(shop.most(), 2);
  const times = shop.calls.map(({ at }) => at);
  for (const [index, at] of times.entries()) {
    const within = times.slice(index).filter((other) => other < at + 1000).length;
    assert.ok(within <= 21, `${within} in a second`);
  }
  const took = times.at(-1)! - startedAt;
  assert.ok(took >= 19 * 50 * 0.95, `20 requests in ${took} ms, at 20 a second 950 are due`);
});

test("C75: paused from level 1 on, and goes on at level 0", async (t) => {
  const shop = await startShop(t);
  let level = 1;
  const gateway = await startWarm(t, shop.url, { targets: paths(3), rate: 100 }, { level: () => level });
  const paused = await until(async () => (await plansOf(gateway)).find(({ state }) => state.at === "paused"), {
    what: "the plan is paused",
  });
  assert.equal(paused.state.at === "paused" && paused.state.because, "level");
  assert.equal(shop.calls.length, 0);
  assert.equal((await ask(gateway, "/p/0")).status, 200, "clients are served");
  level = 0;
  const { done, skipped } = await ended(gateway, "start");
  assert.deepEqual([done, skipped], [2, 1]);
});

test("goes on after failures, and says of each why", async (t) => {
  const shop = await startShop(t, 0, (url) => (url === "/p/1" ? 503 : 200));
  const gateway = await startWarm(
    t,
    shop.url,
    { rate: 100 },
    { routes: [{ name: "open", match: { path: "/open/*" }, dependency: "origin" }] },
  );
  await order(gateway, "mixed", ["/p/0", "/p/1", "/p/2", "/open/1", "http://other.example/p/3"]);
  const { done, failed, failures } = await ended(gateway, "mixed");
  assert.deepEqual([done, failed], [3, 2]);
  assert.deepEqual(
    failures.toSorted((a, b) => a.url.localeCompare(b.url)),
    [
      { url: "/open/1", why: "its route open has no cache" },
      { url: "/p/1", why: "status 503" },
    ],
  );
});

test("stale answers are fetched anew in the lane, not behind it", async (t) => {
  const shop = await startShop(t, 50);
  const route = { cache: { ttl: "1s", staleWhileRevalidate: "1h", staleIfError: "1h", softTimeout: "1ms" } };
  const gateway = await startWarm(t, shop.url, { rate: 100, concurrency: 1 }, { route });
  await order(gateway, "first", paths(5));
  await ended(gateway, "first");
  await gateway.gateway.cache.ask({
    do: "purge",
    order: {
      urls: [],
      tags: [],
      prefixes: [],
      patterns: [],
      all: true,
      soft: true,
      cascade: false,
      dryRun: false,
      changed: false,
    },
    share: true,
  });
  const before = shop.calls.length;
  await order(gateway, "second", paths(5));
  const { done, skipped } = await ended(gateway, "second");
  assert.deepEqual([done, skipped, shop.calls.length - before, shop.most()], [5, 0, 5, 1]);
});

test("cancelled, what is under way leaves the origin; drained, nothing more begins", async (t) => {
  const shop = await startShop(t, 2000);
  const gateway = await startWarm(t, shop.url, { rate: 100, concurrency: 2 });
  await order(gateway, "slow", paths(10));
  await until(() => shop.calls.length === 2, { what: "two are under way" });
  const startedAt = fairClock.now();
  assert.deepEqual(await gateway.gateway.cache.ask({ do: "cancel-plan", id: "slow" }), {
    did: "cancel-plan",
    cancelled: true,
  });
  const { state, done, failed } = await ended(gateway, "slow");
  assert.deepEqual([state.at, done, failed], ["cancelled", 0, 0]);
  assert.ok(fairClock.now() - startedAt < 1000);
  await until(() => shop.left() === 2, { what: "the origin is left" });
  await order(gateway, "next", paths(10));
  await until(() => shop.calls.length > 2, { what: "the next one is under way" });
  const before = shop.calls.length;
  await gateway.gateway.drain();
  assert.ok(shop.calls.length <= before + 1);
  assert.equal((await plansOf(gateway)).at(-1)!.state.at, "cancelled");
});

test("C76: ready once the list is fetched, but no later than readyWithin", async (t) => {
  const shop = await startShop(t, 100);
  const warm = { targets: paths(3), rate: 100, concurrency: 1, readyWithin: "10s" };
  const patient = await startWarm(t, shop.url, warm);
  assert.equal(patient.gateway.life(), "starting");
  await patient.gateway.warmed();
  assert.deepEqual([patient.gateway.life(), shop.calls.length], ["ready", 3]);
  const hung = await startShop(t, 5000);
  const took = stopwatch();
  const hasty = await startWarm(t, hung.url, { ...warm, readyWithin: "300ms" });
  await hasty.gateway.warmed();
  const { real, fair } = took();
  assert.ok(real >= 290 && fair < 3000, `ready after ${real} ms`);
  assert.equal(hasty.gateway.life(), "ready");
});

test("a reload of the list keeps what is kept, and schedules anew", async (t) => {
  const shop = await startShop(t);
  const gateway = await startWarm(t, shop.url, { targets: ["/a"], rate: 100 });
  await ended(gateway, "start");
  const cache = { warm: { host: "shop.example", targets: ["/b"], rate: 100 }, schedule: [{ every: "1s", warm: true }] };
  await gateway.apply({ target: shop.url, route: { cache: { ttl: "1h" } }, cache });
  assert.match((await ask(gateway, "/a")).cache, /^spillway; hit;/);
  await until(() => shop.calls.some(({ url }) => url === "/b"), { what: "the schedule warms" });
});

test("C60: a scheduled purge takes tags away again and again", async (t) => {
  const shop = await startShop(t);
  const cache = { schedule: [{ every: "1s", purge: { tags: ["reports"] } }] };
  const route = { cache: { ttl: "1h", tags: ["reports"] } };
  const gateway = await startWarm(t, shop.url, {}, { cache, route });
  await until(
    async () => {
      await ask(gateway, "/a");
      return shop.calls.length >= 3;
    },
    { what: "it is fetched a third time" },
  );
});

const inFleet = { skip: redisMissing };

test("C76: of a fleet with Redis one instance warms, and the others have it from there", inFleet, async (t) => {
  const redis = await startRedis();
  t.after(() => redis[Symbol.asyncDispose]());
  const shop = await startShop(t);
  const config = { redis: { url: redis.url, deadline: "400ms" } };
  const warm = { targets: paths(5), rate: 100 };
  const fleet = await Promise.all([1, 2, 3].map(() => startWarm(t, shop.url, warm, config)));
  await until(async () => (await Promise.all(fleet.map(plansOf))).flat().some(({ state }) => state.at === "done"), {
    what: "one has warmed",
  });
  const held = async (): Promise<number> => (await redis.cli("keys", "*:cache:*")).split("\n").length;
  await until(async () => (await held()) >= 5, { what: "Redis has it" });
  for (const gateway of fleet) {
    await until(async () => /; hit;/.test((await ask(gateway, "/p/4")).cache), { what: "each has it" });
    assert.match((await ask(gateway, "/p/0")).cache, /^spillway; hit;/);
  }
  assert.equal(shop.calls.length, 5);
  const plans = (await Promise.all(fleet.map(plansOf))).flat();
  assert.equal(plans.length, 1);
});

test(
  "C15: after a failover one instance replays the list at its rate, so that Redis has it again",
  inFleet,
  async (t) => {
    const redis = await startRedis();
    t.after(() => redis[Symbol.asyncDispose]());
    const shop = await startShop(t);
    const config = { redis: { url: redis.url, deadline: "400ms" } };
    const warm = { targets: paths(10), rate: 20, onStart: false };
    const fleet = await Promise.all([1, 2].map(() => startWarm(t, shop.url, warm, config)));
    const held = async (): Promise<number> => (await redis.cli("keys", "*:cache:*")).split("\n").length;
    await until(
      async () => {
        for (const path of paths(10)) await ask(fleet[0]!, path);
        return (await held()) >= 11;
      },
      { what: "Redis has it" },
    );
    const before = shop.calls.length;
    await redis.kill();
    const told: string[] = [];
    let openSince = Number.POSITIVE_INFINITY;
    fleet[0]!.gateway.bus.subscribe("spillway:cache-tier", ({ state }) => {
      told.push(state);
      if (state === "open") openSince = Math.min(openSince, performance.now());
    });
    const live = setInterval(() => {
      for (const gateway of fleet) void ask(gateway, `/x/${performance.now()}`).catch(() => {});
    }, 50);
    t.after(() => clearInterval(live));
    await redis.kill();
    await until(() => performance.now() - openSince > 1200, { what: "Redis has been away for more than a second" });
    const restartedAt = performance.now();
    await redis.restart();
    const plan = await until(
      async () => (await Promise.all(fleet.map(plansOf))).flat().find(({ state }) => state.at === "done"),
      { timeoutMs: 60_000, what: () => `the list is replayed; told: ${told.join(" ")}` },
    );
    clearInterval(live);
    assert.match(plan.id, /^failover-1$/);
    assert.deepEqual([plan.done, plan.failed, plan.skipped], [10, 0, 0]);
    const replayed = shop.calls.slice(before).filter(({ url }) => url.startsWith("/p/"));
    assert.equal(replayed.length, 10, "by one instance, once");
    const took = replayed.at(-1)!.at - restartedAt;
    assert.ok(took >= 9 * 50 * 0.9, `10 requests in ${took} ms, at 20 a second 450 are due`);
    await until(async () => (await held()) >= 11, { what: "Redis has it again" });
  },
);

test(
  "C15: after a failover by sentinels to a replica that has nothing one instance replays the list, so that it has it",
  inFleet,
  async (t) => {
    const sentinels = await startRedisSentinel(1);
    t.after(() => sentinels[Symbol.asyncDispose]());
    const { hosts, name, master, replica } = sentinels;
    const shop = await startShop(t);
    const config = { redis: { sentinels: { hosts, name }, deadline: "400ms" } };
    const warm = { targets: paths(10), rate: 20, onStart: false };
    const fleet = await Promise.all([1, 2].map(() => startWarm(t, shop.url, warm, config)));
    const held = async ({ cli }: typeof master): Promise<number> => (await cli("keys", "*:cache:*")).split("\n").length;
    const haveAll = async (server: typeof master): Promise<boolean> => {
      for (const path of paths(10)) await ask(fleet[0]!, path);
      return (await held(server)) >= 11;
    };
    await until(() => haveAll(master), { what: "the master has it" });
    await until(async () => (await held(replica)) >= 11, { what: "the replica has it" });
    const before = shop.calls.length;
    await replica.cli("config", "set", "replica-read-only", "no");
    await replica.cli("flushall");
    const live = setInterval(() => {
      for (const gateway of fleet) void ask(gateway, `/x/${performance.now()}`).catch(() => {});
    }, 50);
    t.after(() => clearInterval(live));
    await master.kill();
    const plan = await until(
      async () => (await Promise.all(fleet.map(plansOf))).flat().find(({ state }) => state.at === "done"),
      { timeoutMs: 60_000, what: "the list is replayed" },
    );
    clearInterval(live);
    assert.match(plan.id, /^failover-\d$/);
    assert.deepEqual([plan.failed, plan.skipped], [0, 0]);
    const replayed = shop.calls.slice(before).filter(({ url }) => url.startsWith("/p/"));
    assert.equal(new Set(replayed.map(({ url }) => url)).size, 10);
    assert.ok(replayed.length <= 12, `${replayed.length} calls for 10 URLs: by one instance, once`);
    // The last answers are on their way to the store when the list is done.
    await until(async () => (await held(replica)) >= 11, { what: "what was the replica has it" });
  },
);
