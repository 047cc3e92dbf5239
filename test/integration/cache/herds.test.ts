import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { fairClock } from "../../support/fair-clock.ts";
import { until } from "../../support/wait.ts";
import { allServed, percentile, sends, startRig, type Rig } from "./cache-rig.ts";

/** So many requests have come to the gateway and none of them has its answer. */
const allOpen = (rig: Rig, count: number): Promise<boolean> =>
  until(() => rig.gateway.gateway.open() === count, {
    what: () => `${rig.gateway.gateway.open()} of ${count} are here`,
  });

test("300 clients for something not kept yet are one call to the dependency", async () => {
  const here = Promise.withResolvers<void>();
  const answer = sends("a", { "Cache-Control": "max-age=60" });
  await using rig = await startRig("origin", (...asked) => void here.promise.then(() => answer(...asked)));
  const herd = rig.herd(300);
  await allOpen(rig, 300);
  here.resolve();
  const answeredAt = fairClock.now();
  const answers = await herd;
  const ms = fairClock.now() - answeredAt;
  allServed(answers, "a");
  assert.equal(rig.calls(), 1);
  assert.equal(answers.filter(({ cache }) => cache.includes("collapsed")).length, 299);
  assert.ok(ms < 600, `${ms} ms`);
});

test("300 clients for something stale get it at once while one refresh runs", async () => {
  const fields = { "Cache-Control": "max-age=1, stale-while-revalidate=30" };
  await using rig = await startRig("origin", sends("old", fields));
  await rig.ask();
  await sleep(1100);
  const refresh = Promise.withResolvers<void>();
  rig.behave(
    (request, response, call) =>
      void refresh.promise.then(() => sends("new", { "Cache-Control": "max-age=60" })(request, response, call)),
  );
  const answers = await rig.herd(300);
  allServed(answers, "old");
  for (const { cache } of answers) assert.match(cache, /^spillway; hit; ttl=-\d+; detail=stale-while-revalidate$/);
  await until(() => rig.calls() === 2, { what: "the refresh" });
  refresh.resolve();
  await until(async () => (await rig.ask()).text === "new", { what: "the new answer" });
  assert.equal(rig.calls(), 2);
});

test("C10: a personal answer is shared with nobody, and nobody queues behind another", async () => {
  const fields = { "Cache-Control": "private, no-store" };
  await using rig = await startRig(
    "origin",
    sends((_, call) => `${call}`, fields),
  );
  // Answers come only once all who may wait are at the origin: in a queue, nobody would ever get one.
  const together = (count: number): void => {
    const waiting: (() => void)[] = [];
    rig.behave((request, response, call) => {
      waiting.push(() => sends(`${call}`, fields)(request, response, call));
      if (waiting.length === count) for (const answer of waiting) answer();
    });
  };
  await rig.ask();
  for (const wave of [1, 2]) {
    together(100);
    const answers = await rig.herd(100);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 100);
    assert.equal(rig.calls(), 1 + wave * 100);
  }
});

test("C10: those who wait for what turns out to be personal are released all at once", async () => {
  const fields = { "Cache-Control": "private, no-store" };
  const released: (() => void)[] = [];
  await using rig = await startRig("origin", (request, response, call) => {
    const answer = (): void => sends(`${call}`, fields)(request, response, call);
    if (call === 1) return void setTimeout(answer, 200);
    released.push(answer);
    if (released.length === 99) for (const one of released) one();
  });
  const answers = await rig.herd(100);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 100);
  assert.equal(rig.calls(), 100);
});

test("C10: a leader that leaves hands over, and with nobody left the fetch is cancelled", async () => {
  let closed = 0;
  const left = Promise.withResolvers<void>();
  await using rig = await startRig("origin", (request, response) => {
    response.on("close", () => void closed++);
    // The lonely one is never answered: only a cancelled call ends.
    if (request.url === "/lonely") return;
    void left.promise.then(() => {
      response.writeHead(200, { "Cache-Control": "max-age=60" });
      response.end("a");
    });
  });
  using leader = await connectRaw(rig.gateway.port);
  await leader.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await until(() => rig.calls() === 1, { what: "the leader's call" });
  const followers = rig.herd(20);
  await allOpen(rig, 21);
  leader.reset();
  await allOpen(rig, 20);
  left.resolve();
  const answeredAt = fairClock.now();
  const answers = await followers;
  const ms = fairClock.now() - answeredAt;
  allServed(answers, "a");
  assert.equal(rig.calls(), 1);
  assert.ok(ms < 200, `${ms} ms`);

  const before = closed;
  using lonely = await connectRaw(rig.gateway.port);
  await lonely.send("GET /lonely HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await until(() => rig.calls() === 2, { what: "the lonely call" });
  lonely.reset();
  await until(() => closed === before + 1, { what: "the call is cancelled" });
});

test("who joins while a body drips gets what is here at once", async () => {
  const joined = Promise.withResolvers<void>();
  await using rig = await startRig("origin", (_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60" });
    response.write("0;1;2;");
    let sent = 3;
    const drip = (): void => {
      response.write(`${sent};`);
      if (++sent === 10) response.end();
      else setTimeout(drip, 20);
    };
    void joined.promise.then(drip);
  });
  using leader = await connectRaw(rig.gateway.port);
  await leader.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await leader.readUntil("2;");
  // The rest comes only once all have what is here.
  const joiners = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const client = await connectRaw(rig.gateway.port);
      const startedAt = fairClock.now();
      await client.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
      await client.readUntil("0;");
      return { client, first: fairClock.now() - startedAt };
    }),
  );
  const first = percentile(
    joiners.map((joiner) => joiner.first),
    0.5,
  );
  assert.ok(first < 50, `first octet after ${first} ms`);
  joined.resolve();
  for (const client of [leader, ...joiners.map((joiner) => joiner.client)]) {
    assert.equal((await client.readResponse()).text(), "0;1;2;3;4;5;6;7;8;9;");
    client.destroy();
  }
  assert.equal(rig.calls(), 1);
});

test("four variants under a herd are four calls", async () => {
  const fields = { "Cache-Control": "max-age=60", Vary: "X-Shape" };
  const here = Promise.withResolvers<void>();
  const answer = sends((request) => String(request.headers["x-shape"]), fields);
  await using rig = await startRig(
    { requestFields: ["x-shape"] },
    (...asked) => void here.promise.then(() => answer(...asked)),
  );
  for (const expected of [/collapsed|stored/, /^spillway; hit;/]) {
    const herd = rig.herd(200, (index) => `X-Shape: ${index % 4}\r\n`);
    if (rig.calls() === 0) await allOpen(rig, 200);
    here.resolve();
    const answers = await herd;
    for (const [index, { text, cache }] of answers.entries()) {
      assert.equal(text, `${index % 4}`);
      assert.match(cache, expected);
    }
    assert.equal(rig.calls(), 4);
  }
});

test("a body longer than maxEntry is not kept, and the next wave goes its own ways", async () => {
  const long = "x".repeat(100_000);
  const fields = { "Cache-Control": "max-age=60", "Content-Length": "100000" };
  await using rig = await startRig("origin", sends(long, fields, 50), { cache: { maxEntry: "64KiB" } });
  allServed(await rig.herd(5), long);
  allServed(await rig.herd(5), long);
  assert.equal(rig.calls(), 10);

  rig.behave((_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60" });
    response.write(long.slice(0, 50_000));
    void here.promise.then(() => setTimeout(() => response.end(long.slice(50_000)), 50));
  });
  const here = Promise.withResolvers<void>();
  const first = rig.herd(5, undefined, "/chunked");
  await allOpen(rig, 5);
  here.resolve();
  allServed(await first, long);
  assert.equal(rig.calls(), 11, "the first wave reads along, at the pace of the slowest");
  const next = await rig.herd(5, undefined, "/chunked");
  allServed(next, long);
  assert.equal(rig.calls(), 16);
  for (const { cache } of next) assert.doesNotMatch(cache, /hit/);
});
