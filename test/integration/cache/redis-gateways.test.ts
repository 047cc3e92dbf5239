import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { redisMissing, startRedis } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { sends } from "./cache-rig.ts";
import { startFleet } from "./fleet-rig.ts";

const fields = { "Cache-Control": "max-age=60" };

suite("gateways with one Redis", { skip: redisMissing }, () => {
  test("what one has fetched the other answers, with its age, and from its own memory afterwards", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(
      2,
      { url: server.url, deadline: "400ms" },
      sends("hello", { ...fields, Age: "7" }),
    );
    await fleet.ask(0);
    await until(async () => (await server.cli("keys", "spillway:cache:*")).includes("\n"), { what: "it is written" });
    const { text, cache, raw } = await fleet.ask(1);
    assert.equal(text, "hello");
    assert.match(cache, /^spillway; hit; ttl=5\d/);
    assert.match(raw.header("age") ?? "", /^[78]$/);
    assert.equal(fleet.calls(), 1);
    await server.kill();
    assert.match((await fleet.ask(1)).cache, /^spillway; hit/);
    const tiers = fleet.gateways[1]!.ended.map(({ outcome }) =>
      "cache" in outcome && outcome.cache && "tier" in outcome.cache ? outcome.cache.tier : undefined,
    );
    assert.deepEqual(tiers, ["redis", "memory"]);
  });

  test("deployments with other prefixes keep apart", async () => {
    await using server = await startRedis();
    await using one = await startFleet(1, { url: server.url, prefix: "one" }, sends("one", fields));
    await using two = await startFleet(1, { url: server.url, prefix: "two" }, sends("two", fields));
    await one.ask(0);
    await until(async () => (await server.cli("keys", "one:cache:*")).includes("\n"), { what: "it is written" });
    assert.equal((await two.ask(0)).text, "two");
  });

  test("a reload that leaves redis as it is keeps its connections; another one replaces them, or ends them", async () => {
    await using server = await startRedis();
    await using other = await startRedis();
    const target = "http://127.0.0.1:1";
    const route = { cache: "origin" };
    await using fleet = await startFleet(1, { url: server.url }, sends("hello", fields));
    const gateway = fleet.gateways[0]!;
    const clients = async ({ cli }: typeof server): Promise<string[]> =>
      [...(await cli("client", "list")).matchAll(/id=(\d+).*name=spillway:/g)].map(([, id]) => id!).sort();
    // Two for the tier, two for the log of purges, one for leases, one for seats.
    await until(async () => (await clients(server)).length === 6, { what: "all are connected" });
    const before = await clients(server);
    await gateway.apply({ target, route, redis: { url: server.url }, drain: { timeout: "3s" } });
    assert.deepEqual(await clients(server), before);
    await gateway.apply({ target, route, redis: { url: other.url } });
    await until(async () => (await clients(other)).length === before.length && (await clients(server)).length === 0, {
      what: "the other one has the connections",
    });
    await gateway.apply({ target, route });
    await until(async () => (await clients(other)).length === 0, { what: "nobody is connected" });
  });
});
