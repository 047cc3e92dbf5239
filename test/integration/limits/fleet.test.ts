import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, startRedisCluster } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

async function statusOf({ port }: TestGateway, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
  await response.arrayBuffer();
  return response.status;
}

/** How many of `count` requests, several at a time, are served. */
async function served(gateway: TestGateway, count: number): Promise<number> {
  let left = count;
  let through = 0;
  const client = async (): Promise<void> => {
    while (left-- > 0) if ((await statusOf(gateway)) === 200) through++;
  };
  await Promise.all([client(), client(), client(), client()]);
  return through;
}

const inUse = (gateways: readonly TestGateway[]): Promise<boolean> =>
  until(
    () =>
      gateways.every(({ gateway }) => {
        const { store, processes } = gateway.limits();
        return store === "redis" && processes === gateways.length;
      }),
    { what: "every gateway counts in Redis and knows of the others" },
  );

const originOf = () => startOrigin((_request, response) => void response.end("hello"));

suite("client quotas of a fleet", { skip: redisMissing }, () => {
  for (const exact of [false, true]) {
    test(`three gateways let the limit through together, ${exact ? "exact" : "in advance"}`, async () => {
      await using server = await startRedis();
      await using origin = await originOf();
      const config: TestConfig = {
        target: origin.url,
        redis: { url: server.url, deadline: "400ms" },
        route: { rateLimit: { limit: 100, window: "1h", exact } },
      };
      await using one = await startGateway(config);
      await using two = await startGateway(config);
      await using three = await startGateway(config);
      await inUse([one, two, three]);
      const counts = await Promise.all([one, two, three].map((gateway) => served(gateway, 100)));
      const total = counts.reduce((sum, count) => sum + count, 0);
      assert.ok(total <= 105 && total >= 95, `${counts.join(" + ")} of 100`);
      assert.equal(origin.requests, total);
    });
  }

  test("Redis that hangs costs a deadline once, loses no request, and each gateway keeps to its share", async () => {
    await using server = await startRedis();
    await using origin = await originOf();
    const config: TestConfig = {
      target: origin.url,
      redis: { url: server.url, deadline: "50ms" },
      route: { rateLimit: { limit: 40, window: "1h", exact: true } },
    };
    await using one = await startGateway(config);
    await using two = await startGateway(config);
    await inUse([one, two]);
    server.pause();
    const counts = await Promise.all([served(one, 60), served(two, 60)]);
    for (const count of counts) assert.ok(count >= 20 && count <= 20 + 4, counts.join(" + "));
    assert.equal(one.gateway.limits().store, "local");
    const lookedFor = one.ended.filter(({ durationMs }) => durationMs >= 45).length;
    assert.ok(lookedFor <= 20, `${lookedFor} of 60 waited`);
    server.resume();
    await inUse([one, two]);
  });

  test("keys that clients send are nowhere in Redis, and a secret changes their hashes", async () => {
    await using server = await startRedis();
    await using origin = await originOf();
    const key = { "x-api-key": "key-0123456789abcdef" };
    const names: string[] = [];
    for (const cache of [{}, { secret: "0123456789abcdef0123456789abcdef" }]) {
      await server.cli("flushall");
      await using gateway = await startGateway({
        target: origin.url,
        cache,
        redis: { url: server.url },
        route: { rateLimit: { by: { header: "x-api-key" }, limit: 5, window: "1h" } },
      });
      await inUse([gateway]);
      assert.equal(await statusOf(gateway, key), 200);
      const all = (await server.cli("keys", "*")).split("\n");
      for (const name of all) assert.ok(!name.includes("0123456789abcdef"), name);
      names.push(...all.filter((name) => name.includes(":window:")));
      assert.ok(!JSON.stringify(gateway.gateway.limits()).includes("0123456789abcdef"));
    }
    assert.equal(new Set(names).size, 2);
  });

  test("a reload that leaves the rule and Redis as they are keeps the connection and what was counted", async () => {
    await using server = await startRedis();
    await using origin = await originOf();
    const config = (timeout: string): TestConfig => ({
      target: origin.url,
      redis: { url: server.url },
      route: { timeout, rateLimit: { limit: 2, window: "1h", exact: true } },
    });
    await using gateway = await startGateway(config("1s"));
    await inUse([gateway]);
    assert.equal(await statusOf(gateway), 200);
    await gateway.apply(config("2s"));
    assert.equal(gateway.gateway.limits().store, "redis");
    assert.deepEqual([await statusOf(gateway), await statusOf(gateway)], [200, 429]);
    await gateway.apply({ target: origin.url, route: { rateLimit: { limit: 2, window: "1h" } } });
    assert.equal(gateway.gateway.limits().store, "memory");
    assert.equal(await statusOf(gateway), 200);
  });

  test("a Redis Cluster counts, too", async () => {
    await using cluster = await startRedisCluster();
    await using origin = await originOf();
    const rateLimit = [
      { limit: 10, window: "1h" },
      { name: "bucket", limit: 10, window: "1h", algorithm: "token-bucket" },
    ];
    const config: TestConfig = {
      target: origin.url,
      redis: { cluster: cluster.urls, deadline: "400ms" },
      route: { rateLimit },
    };
    await using one = await startGateway(config);
    await using two = await startGateway(config);
    await inUse([one, two]);
    const counts = [await served(one, 8), await served(two, 8)];
    assert.equal(counts[0]! + counts[1]!, 10, counts.join(" + "));
  });
});
