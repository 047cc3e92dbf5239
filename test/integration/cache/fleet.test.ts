import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fairClock } from "../../support/fair-clock.ts";
import { redisMissing, startRedis, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { allServed, sends, type Answer } from "./cache-rig.ts";
import { startFleet } from "./fleet-rig.ts";

const fresh = { "Cache-Control": "max-age=60" };
const shortLived = { "Cache-Control": "max-age=1, stale-while-revalidate=60, stale-if-error=60" };

/** Lets what is kept for a second run out. */
const expired = (): Promise<void> => sleep(1200);

/** A herd keeps this one process busy for longer than a look may take by default. */
const patient = ({ url }: RedisServer): object => ({ url, deadline: "400ms" });

const isStale = ({ cache }: Answer): boolean => /; hit; ttl=-?\d+; detail=/.test(cache);

suite("three gateways with one Redis", { skip: redisMissing }, () => {
  test("a cold herd of 300 is one call", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(3, patient(server), sends("hello", fresh, 300));
    const startedAt = fairClock.now();
    allServed(await fleet.herd(300), "hello");
    const ms = fairClock.now() - startedAt;
    assert.equal(fleet.calls(), 1, fleet.told.join(" "));
    assert.ok(ms < 3000, `${ms} ms`);
  });

  test("an expired herd of 300 is 300 stale answers and one call", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(3, patient(server), sends("old", shortLived));
    await fleet.herd(3);
    await expired();
    const before = fleet.calls();
    const over = Promise.withResolvers<void>();
    fleet.behave((...asked) => void over.promise.then(() => sends("new", fresh)(...asked)));
    // Longer than what is kept stays fresh: nobody begins a second refresh for that.
    const [answers] = await Promise.all([fleet.herd(300), sleep(1300)]);
    over.resolve();
    allServed(answers, "old");
    assert.ok(answers.every(isStale));
    await until(async () => (await fleet.ask(0)).text === "new" && (await fleet.ask(1)).text === "new", {
      timeoutMs: 30_000,
      what: "the refresh has come to all",
    });
    assert.equal(fleet.calls() - before, 1, fleet.told.join(" "));
  });

  test("an origin that is down for 3 s at 20 requests a second is called three times at most, and all get stale", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(3, patient(server), sends("kept", shortLived));
    await fleet.herd(3);
    await expired();
    fleet.behave((_request, response) => void response.writeHead(503).end());
    const before = fleet.calls();
    const answers: Promise<Answer>[] = [];
    for (let index = 0; index < 60; index++) {
      answers.push(fleet.ask(index % 3));
      await sleep(50);
    }
    const got = await Promise.all(answers);
    allServed(got, "kept");
    assert.ok(got.every(isStale), got.map(({ cache }) => cache).join("\n"));
    const calls = fleet.calls() - before;
    assert.ok(calls >= 1 && calls <= 3, `${calls} calls`);
  });

  test("a back-off of one is heeded by the others, by stale-if-error too", async () => {
    await using server = await startRedis();
    const fields = { "Cache-Control": "max-age=1, stale-if-error=60" };
    await using fleet = await startFleet(3, patient(server), sends("kept", fields));
    await fleet.herd(3);
    await expired();
    fleet.behave((_request, response) => void response.writeHead(503).end());
    const before = fleet.calls();
    assert.match((await fleet.ask(0)).cache, /detail=status-503/);
    assert.match((await fleet.ask(1)).cache, /detail=back-off/);
    assert.match((await fleet.ask(2)).cache, /detail=back-off/);
    assert.equal(fleet.calls() - before, 1, fleet.told.join(" "));
  });

  test("who cannot wait for the other's load takes over, one at a time", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(3, patient(server), (_request, response, call) => {
      // The first one never answers.
      if (call > 1) sends("hello", fresh, 200)(_request, response, call);
    });
    const first = fleet.ask(0);
    await until(() => fleet.calls() === 1, { what: "the first one is under way" });
    const startedAt = fairClock.now();
    const others = await Promise.all([1, 2, 1, 2, 1, 2].map((at) => fleet.ask(at)));
    allServed(others, "hello");
    assert.ok(fairClock.now() - startedAt < 4000, `${fairClock.now() - startedAt} ms`);
    assert.equal(fleet.calls(), 2);
    assert.equal((await first).status, 504);
  });

  test("what may not be kept keeps nobody waiting", async () => {
    await using server = await startRedis();
    await using fleet = await startFleet(3, patient(server), sends("mine", { "Cache-Control": "private" }, 50));
    const startedAt = fairClock.now();
    allServed(await fleet.herd(9), "mine");
    assert.equal(fleet.calls(), 9);
    const ms = fairClock.now() - startedAt;
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test("without Redis each gateway goes by itself, and what it keeps can be renewed", async () => {
    await using server = await startRedis();
    const brief = { "Cache-Control": "max-age=1, must-revalidate" };
    await using fleet = await startFleet(
      3,
      { url: server.url },
      sends((_request, call) => `${call}`, brief, 100),
    );
    const before = await fleet.herd(3);
    const calls = fleet.calls();
    await server.kill();
    await expired();
    fleet.behave(sends((_request, call) => `${call}`, fresh, 100));
    const answers = await fleet.herd(30);
    assert.equal(fleet.calls() - calls, 3);
    for (const { text, status, cache } of answers) {
      assert.equal(status, 200);
      assert.notEqual(text, before[0]!.text, cache);
    }
    for (const { cache } of await fleet.herd(30)) assert.match(cache, /; hit; ttl=\d/);
  });
});
