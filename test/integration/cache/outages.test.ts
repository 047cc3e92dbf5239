import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { suite, test } from "node:test";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/wait.ts";
import { percentile, sends, startRig, type Answer, type Rig } from "./cache-rig.ts";

const BOTH = "max-age=1, stale-while-revalidate=30, stale-if-error=60";
const IF_ERROR = "max-age=1, stale-if-error=60";

/** A rig that has one answer, just stale. */
async function startStale(control: string, dependency: object = {}): Promise<Rig> {
  const rig = await startRig("origin", sends("kept", { "Cache-Control": control }), { dependency });
  await rig.ask();
  await sleep(1100);
  return rig;
}

/** 20 requests a second for 3 s. */
async function steady(rig: Rig): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  for (let i = 0; i < 60; i++) {
    answers.push(rig.ask());
    await sleep(50);
  }
  return Promise.all(answers);
}

function allStale(answers: readonly Answer[]): void {
  for (const { status, text, cache, raw } of answers) {
    assert.deepEqual([status, text], [200, "kept"]);
    assert.match(cache, /^spillway; hit; ttl=-\d+; detail=[\w-]+$/);
    assert.ok(Number(raw.header("age")) >= 1);
  }
  const p99 = percentile(
    answers.map(({ ms }) => ms),
    0.99,
  );
  assert.ok(p99 < 150, `p99 is ${p99} ms`);
}

suite("60 requests in 3 s of outage get 60 stale answers", { concurrency: 6 }, () => {
  for (const control of [BOTH, IF_ERROR]) {
    test(`while the dependency answers 503, and it is asked 3 times at most (${control})`, async () => {
      await using rig = await startStale(control);
      rig.behave((_request, response) => {
        response.writeHead(503, { "Cache-Control": "no-store" });
        response.end("down");
      });
      allStale(await steady(rig));
      assert.ok(rig.calls() - 1 <= 3, `${rig.calls() - 1} calls`);
      rig.behave(sends("back", { "Cache-Control": control }));
      await until(async () => (await rig.ask()).text === "back", { what: "a fresh answer", timeoutMs: 30_000 });
    });

    test(`while the dependency refuses connections (${control})`, async () => {
      await using rig = await startStale(control);
      await rig.stopOrigin();
      allStale(await steady(rig));
    });

    test(`while the dependency hangs, and it is asked 3 times at most (${control})`, async () => {
      await using rig = await startStale(control);
      rig.behave(() => {});
      allStale(await steady(rig));
      assert.ok(rig.calls() - 1 <= 3, `${rig.calls() - 1} calls`);
    });
  }
});

test("an operator's staleIfError stands in, too, and its ttl shows", async () => {
  await using rig = await startRig({ ttl: "2s", staleIfError: "1h" }, sends("kept"));
  await rig.ask();
  assert.match((await rig.ask()).cache, /^spillway; hit; ttl=\d; detail=operator-ttl$/);
  await sleep(2100);
  rig.behave((_request, response) => {
    response.writeHead(500);
    response.end();
  });
  const { status, text, cache } = await rig.ask();
  assert.deepEqual([status, text], [200, "kept"]);
  assert.match(cache, /^spillway; hit; ttl=-\d+; detail=status-500$/);
});

test("without leave for stale answers an outage shows", async () => {
  for (const control of ["max-age=1, must-revalidate", "s-maxage=1", "max-age=1, stale-if-error=0"]) {
    await using rig = await startStale(control);
    rig.behave((_request, response) => {
      response.writeHead(503);
      response.end();
    });
    const { status, cache } = await rig.ask();
    assert.equal(status, 503, control);
    // Of no use to anybody any more: it is not held.
    assert.match(cache, /^spillway; fwd=(?:stale|miss); fwd-status=503$/);
    await rig.stopOrigin();
    const refused = await rig.ask();
    assert.equal(refused.status, 502, control);
    assert.match(refused.cache, /^spillway; fwd=(?:stale|miss)/);
  }
});

test("a slow dependency is not waited for with a stale answer in hand, and its answer is kept when it comes", async () => {
  await using rig = await startStale(IF_ERROR);
  rig.behave(sends("late", { "Cache-Control": "max-age=60" }, 500));
  const { text, cache, ms } = await rig.ask();
  assert.equal(text, "kept");
  assert.match(cache, /detail=timeout$/);
  assert.ok(ms < 200, `${ms} ms`);
  await until(async () => (await rig.ask()).text === "late", { what: "the late answer is kept" });
  assert.equal(rig.calls(), 2);
});

test("neither a 5xx nor a body that breaks off takes the place of what is kept", async () => {
  await using rig = await startStale("max-age=1, stale-if-error=60");
  rig.behave((_request, response) => {
    response.writeHead(500, { "Cache-Control": "max-age=60" });
    response.end("storable, and worse");
  });
  assert.equal((await rig.ask()).text, "kept");
  await sleep(1500);
  rig.behave((_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": "100" });
    response.write("short");
    setTimeout(() => response.destroy(), 20);
  });
  await assert.rejects(rig.ask());
  const after = await rig.ask();
  assert.equal(after.text, "kept");
  assert.match(after.cache, /detail=back-off$/);
});

test("past its windows a fail-safe stands in while the dependency is down, and is counted as such", async () => {
  await using rig = await startRig(
    { failSafe: "1h" },
    sends("kept", { "Cache-Control": "max-age=1, stale-if-error=0" }),
  );
  await rig.ask();
  await sleep(1100);
  await rig.stopOrigin();
  const answers = await rig.herd(50);
  for (const { status, text, cache } of answers) {
    assert.deepEqual([status, text], [200, "kept"]);
    assert.match(cache, /^spillway; hit; ttl=-\d+; detail=fail-safe$/);
  }
  const results = rig.gateway.ended.map(({ outcome }) => "cache" in outcome && outcome.cache?.result);
  assert.equal(results.filter((result) => result === "fail-safe").length, 50);
});

test("what is asked for often is fetched again before it gets stale, and nobody meets a stale answer", async () => {
  const clock = new ManualClock({ wall: Date.now() });
  const answer = sends((_, call) => `${call}`);
  await using rig = await startRig(
    { ttl: "1s", staleWhileRevalidate: "10s" },
    (request, response, call) => {
      // In whole seconds, it would make answers up to a second older than they are.
      response.sendDate = false;
      clock.after(100, () => answer(request, response, call));
    },
    {},
    clock,
  );
  const first = rig.ask();
  await until(() => rig.calls() === 1, { what: "the first call" });
  clock.advance(100);
  await first;
  const caches: string[] = [];
  // Every 5 ms for 2.5 s by a clock that no machine slows down.
  for (let i = 0; i < 500; i++) {
    caches.push((await rig.ask()).cache);
    await clock.advanceAsync(5);
  }
  assert.ok(rig.calls() >= 3, `${rig.calls()} calls`);
  const stale = caches.filter((cache) => !cache.startsWith("spillway; hit; ttl=0"));
  assert.ok(stale.length <= caches.length / 20, `${stale.length} of ${caches.length}: ${stale[0]}`);
});
