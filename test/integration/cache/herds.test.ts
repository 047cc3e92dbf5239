import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { until } from "../../support/wait.ts";
import { allServed, percentile, sends, startRig, type Answer } from "./cache-rig.ts";

const median = (answers: readonly Answer[]): number =>
  percentile(
    answers.map(({ ms }) => ms),
    0.5,
  );

test("300 clients for something not kept yet are one call to the dependency", async () => {
  await using rig = await startRig("origin", sends("a", { "Cache-Control": "max-age=60" }, 300));
  const answers = await rig.herd(300);
  allServed(answers, "a");
  assert.equal(rig.calls(), 1);
  assert.equal(answers.filter(({ cache }) => cache.includes("collapsed")).length, 299);
  assert.ok(median(answers) < 900);
});

test("300 clients for something stale get it at once while one refresh runs", async () => {
  const fields = { "Cache-Control": "max-age=1, stale-while-revalidate=30" };
  await using rig = await startRig("origin", sends("old", fields));
  await rig.ask();
  await sleep(1100);
  const refresh = Promise.withResolvers<void>();
  rig.behave(
    (request, response, call) => void refresh.promise.then(() => sends("new", fields)(request, response, call)),
  );
  const answers = await rig.herd(300);
  allServed(answers, "old");
  for (const { cache } of answers) assert.match(cache, /^spillway; hit; ttl=-\d; detail=stale-while-revalidate$/);
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
  await using rig = await startRig("origin", (_request, response) => {
    response.on("close", () => void closed++);
    setTimeout(() => {
      response.writeHead(200, { "Cache-Control": "max-age=60" });
      response.end("a");
    }, 600);
  });
  using leader = await connectRaw(rig.gateway.port);
  await leader.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await until(() => rig.calls() === 1, { what: "the leader's call" });
  const followers = rig.herd(20);
  await sleep(150);
  leader.reset();
  const answers = await followers;
  allServed(answers, "a");
  assert.equal(rig.calls(), 1);
  assert.ok(median(answers) < 800);

  const before = closed;
  using lonely = await connectRaw(rig.gateway.port);
  await lonely.send("GET /lonely HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await until(() => rig.calls() === 2, { what: "the lonely call" });
  lonely.reset();
  await until(() => closed === before + 1, { what: "the call is cancelled", timeoutMs: 400 });
});

test("who joins while a body drips gets what is here at once", async () => {
  await using rig = await startRig("origin", (_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60" });
    let sent = 0;
    const drip = (): void => {
      response.write(`${sent};`);
      if (++sent === 10) response.end();
      else setTimeout(drip, 100);
    };
    drip();
  });
  const leader = rig.ask();
  await sleep(300);
  const joiners = await Promise.all(
    Array.from({ length: 50 }, async () => {
      using client = await connectRaw(rig.gateway.port);
      const startedAt = performance.now();
      await client.send("GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n");
      await client.readUntil("0;");
      const first = performance.now() - startedAt;
      await client.readUntil("9;");
      return { first, all: performance.now() - startedAt };
    }),
  );
  const first = percentile(
    joiners.map((joiner) => joiner.first),
    0.5,
  );
  assert.ok(first < 50, `first octet after ${first} ms`);
  assert.ok(
    joiners.every(({ all }) => all > 300),
    "the rest came as it dripped",
  );
  assert.equal((await leader).text, "0;1;2;3;4;5;6;7;8;9;");
  assert.equal(rig.calls(), 1);
});

test("four variants under a herd are four calls", async () => {
  const fields = { "Cache-Control": "max-age=60", Vary: "X-Shape" };
  await using rig = await startRig(
    { requestFields: ["x-shape"] },
    sends((request) => String(request.headers["x-shape"]), fields, 300),
  );
  for (const expected of [/collapsed|stored/, /^spillway; hit;/]) {
    const answers = await rig.herd(200, (index) => `X-Shape: ${index % 4}\r\n`);
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
    setTimeout(() => response.end(long.slice(50_000)), 50);
  });
  allServed(await rig.herd(5, undefined, "/chunked"), long);
  assert.equal(rig.calls(), 11, "the first wave reads along, at the pace of the slowest");
  const next = await rig.herd(5, undefined, "/chunked");
  allServed(next, long);
  assert.equal(rig.calls(), 16);
  for (const { cache } of next) assert.doesNotMatch(cache, /hit/);
});
