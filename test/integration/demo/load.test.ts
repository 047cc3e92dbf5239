import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startLoad } from "../../../src/demo/load.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { deadPort, startOrigin, startRawOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

/** A linear congruential source: the same numbers in every run. */
function seeded(): () => number {
  let state = 42;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

suite("demo load", () => {
  test("keeps to its rate, counts by status, and stop leaves nothing", async () => {
    const clock = new ManualClock();
    await using origin = await startOrigin((req, res) => {
      res.statusCode = req.url === "/api/flaky" ? 503 : 200;
      res.end("ok");
    });
    const load = startLoad({ clock, random: seeded(), url: origin.url });
    for (let second = 0; second < 10; second++) await clock.advanceAsync(1000);
    await until(() => sum(load.counts()) === origin.requests && origin.requests > 0, { what: "all were counted" });
    assert.ok(origin.requests > 150 && origin.requests < 250, `${origin.requests} in 10 s`);
    const counts = load.counts();
    assert.ok((counts["200"] ?? 0) > (counts["503"] ?? 0));
    assert.ok((counts["503"] ?? 0) > 0);
    await load.stop();
    await load.stop();
    assert.equal(clock.pending, 0);
    const before = origin.requests;
    await clock.advanceAsync(5000);
    assert.equal(origin.requests, before);
  });

  test("is an open loop with at most 64 on their way; the others are skipped; a timeout is told", async () => {
    const clock = new ManualClock();
    await using origin = await startOrigin(() => {});
    const load = startLoad({ clock, random: seeded(), url: origin.url, rate: 100 });
    await clock.advanceAsync(2000);
    await until(() => origin.requests === 64, { what: "64 arrived" });
    assert.ok((load.counts()["skipped"] ?? 0) > 80, JSON.stringify(load.counts()));
    assert.equal(origin.connections, 64);
    load.setRate(0);
    clock.advance(10_000);
    await until(() => load.counts()["timeout"] === 64, { what: "all had timed out" });
    assert.equal(clock.pending, 0);
    await load.stop();
  });

  test("counts what fails: nobody listens, or the answer is cut", async () => {
    const clock = new ManualClock();
    await using cutting = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      connection.end();
    });
    for (const port of [await deadPort(), cutting.port]) {
      const load = startLoad({ clock, random: seeded(), url: `http://127.0.0.1:${port}` });
      await clock.advanceAsync(1000);
      await until(() => (load.counts()["failed"] ?? 0) > 5, { what: "failures were counted" });
      assert.deepEqual(Object.keys(load.counts()), ["failed"]);
      await load.stop();
      assert.equal(clock.pending, 0);
    }
  });

  test("watches an event stream for three seconds and stop cuts what is on its way", async () => {
    const clock = new ManualClock();
    let streams = 0;
    await using origin = await startOrigin((_req, res) => {
      streams += 1;
      res.writeHead(200, { "Content-Type": "text/event-stream" }).write("id: 1\n\n");
      res.on("close", () => (streams -= 1));
    });
    const load = startLoad({ clock, random: () => 0.5, url: origin.url, rate: 1 });
    await clock.advanceAsync(1000);
    await until(() => streams === 1, { what: "the first stream stood" });
    load.setRate(0);
    await until(() => clock.nextIn === 3000, { what: "it was being watched" });
    clock.advance(3000);
    await until(() => load.counts()["200"] === 1 && streams === 0, { what: "it was left" });
    load.setRate(1);
    await clock.advanceAsync(1000);
    await until(() => streams === 1, { what: "the second stream stood" });
    await load.stop();
    await until(() => streams === 0, { what: "it was cut" });
    assert.equal(clock.pending, 0);
  });

  test("refuses other machines and rates out of bounds", () => {
    const clock = new ManualClock();
    const start = (url: string, rate: number) => () => startLoad({ clock, random: () => 0, url, rate });
    assert.throws(start("http://example.com", 1), { name: "UsageError", message: /this machine only/ });
    for (const rate of [-1, 501, Number.NaN]) assert.throws(start("http://127.0.0.1:1", rate), /from 0 to 500/);
    assert.equal(clock.pending, 0);
  });
});
