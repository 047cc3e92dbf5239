import assert from "node:assert/strict";
import { test } from "node:test";
import { Warmer } from "../../../../src/cache/warm/warmer.ts";
import { wholeBody } from "../../../../src/core/body.ts";
import { createEventBus, type CacheWarmed } from "../../../../src/core/events.ts";
import type { Departure } from "../../../../src/core/exchange.ts";
import { failed, refused, type Outcome } from "../../../../src/core/outcome.ts";
import type { WarmHold, WarmMode, WarmTarget } from "../../../../src/core/warming.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { manualLanes } from "../../../support/manual-lane.ts";

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const target = (url: string, priority = 5): WarmTarget => ({ url, host: undefined, headers: [], priority });

const kept = (): Outcome => served(200, "spillway; fwd=miss; fwd-status=200; stored; detail=operator-ttl", "miss");

function served(status: number, told: string, result: "miss" | "bypass" | "fallback" | "hit"): Outcome {
  const cache = result === "hit" ? ({ result, tier: "memory" } as const) : { result };
  const body = wholeBody(Buffer.from("x"));
  return { kind: "served", status, headers: ["Cache-Status", told], body, by: "dependency", cache };
}

/** A warmer whose lane moves when the test says so, and what it asked for. */
function start(answer: (url: string, departure: Departure) => Promise<Outcome> | Outcome | string = kept) {
  const clock = new ManualClock();
  const bus = createEventBus("warmer-test");
  const lanes = manualLanes();
  const asked: string[] = [];
  const told: CacheWarmed["change"][] = [];
  const stop = bus.subscribe("spillway:cache-warm", ({ change }) => void told.push(change));
  const state: { held: WarmHold | undefined; concurrency: number } = { held: undefined, concurrency: 1 };
  const warmer = new Warmer({
    clock,
    bus,
    openLane: lanes.open,
    held: () => state.held,
    pace: () => ({ rate: 20, concurrency: state.concurrency, deadline: 30_000 }),
    ask(one, _mode, departure) {
      asked.push(one.url);
      const outcome = answer(one.url, departure);
      return typeof outcome === "string" ? outcome : Promise.resolve(outcome);
    },
  });
  const order = (id: string, targets: readonly WarmTarget[], rate?: number) =>
    warmer.queue({ id, targets, mode: "fill" satisfies WarmMode, rate });
  const one = (id: string) => warmer.read().find((plan) => plan.id === id)!;
  return { clock, lanes, asked, told, state, warmer, order, one, stop };
}

test("C73: highest priority first, as listed within one; a plan whose first is higher goes before those that wait", async () => {
  const { order, lanes, asked, one } = start();
  order("first", [target("/a"), target("/low", 0), target("/high", 9), target("/b")]);
  order("second", [target("/second", 1)]);
  order("third", [target("/third", 7)]);
  for (let i = 0; i < 8; i++) await lanes.go();
  assert.deepEqual(asked, ["/high", "/a", "/b", "/low", "/third", "/second"]);
  assert.deepEqual([one("first").state.at, one("first").done], ["done", 4]);
});

test("C75: no more under way than the concurrency, and the lane is asked for the pace", async () => {
  const waiting: (() => void)[] = [];
  const { order, lanes, asked, state, one } = start(
    () => new Promise((resolve) => void waiting.push(() => resolve(kept()))),
  );
  state.concurrency = 3;
  order(
    "many",
    Array.from({ length: 10 }, (_, index) => target(`/${index}`)),
    7,
  );
  await lanes.go(10);
  await lanes.go(10);
  assert.deepEqual([asked.length, lanes.paces], [3, [{ rate: 7, concurrency: 3 }]]);
  for (let left = 10; left > 0; left -= 3) {
    for (const end of waiting.splice(0)) end();
    await turn();
    await lanes.go(10);
  }
  assert.deepEqual([one("many").state.at, one("many").done], ["done", 10]);
});

test("C75: goes on after single failures, and tells the first twenty with their reason", async () => {
  const { order, lanes, one, told, stop } = start((url) => {
    const nr = Number(url.slice(1));
    return nr % 2 === 0 ? kept() : served(404, "spillway; fwd=miss", "miss");
  });
  order(
    "mixed",
    Array.from({ length: 60 }, (_, index) => target(`/${index}`)),
  );
  for (let i = 0; i < 61; i++) await lanes.go();
  const { state, done, failed: count, failures } = one("mixed");
  assert.deepEqual([state.at, done, count, failures.length], ["done", 30, 30, 20]);
  assert.deepEqual(failures[0], { url: "/1", why: "status 404" });
  assert.equal(told.filter((change) => change.kind === "request").length, 60);
  const [last] = told.slice(-1);
  assert.deepEqual(last, { kind: "plan", state: "done", total: 60, done: 30, skipped: 0, notStored: 0, failed: 30 });
  stop();
});

test("counts what was fresh already, what may not be kept, what failed, and what has no route", async () => {
  const answers: Record<string, Outcome | string> = {
    "/fresh": served(200, "spillway; hit; ttl=5", "hit"),
    "/private": served(200, "spillway; fwd=miss; fwd-status=200", "miss"),
    "/fallback": served(200, "spillway; fwd=miss", "fallback"),
    "/refused": refused("memory", "short of it"),
    "/down": failed("connect", "nobody listens"),
    "/none": "no route matches this host and path",
    "/joined": served(200, "spillway; fwd=miss; collapsed", "miss"),
    "/error": served(503, "spillway; fwd=miss; fwd-status=503; stored", "miss"),
  };
  const { order, lanes, one } = start((url) => answers[url]!);
  order(
    "all",
    Object.keys(answers).map((url) => target(url)),
  );
  for (let i = 0; i < 10; i++) await lanes.go();
  const { done, skipped, notStored, failed: count, failures } = one("all");
  assert.deepEqual({ done, skipped, notStored, failed: count }, { done: 1, skipped: 1, notStored: 1, failed: 5 });
  assert.deepEqual(
    failures.map(({ why }) => why),
    [
      "the dependency failed, and the route's fallback stood in",
      "memory: short of it",
      "connect: nobody listens",
      "no route matches this host and path",
      "status 503",
    ],
  );
});

for (const why of ["level", "memory"] as const) {
  test(`C75: pauses while held by ${why}, begins nothing, and goes on within a quarter of a second`, async () => {
    const { order, lanes, asked, state, one, clock } = start();
    order("held", [target("/a"), target("/b")]);
    await lanes.go();
    assert.deepEqual(asked, ["/a"]);
    state.held = why;
    for (let i = 0; i < 4; i++) await lanes.go();
    await clock.advanceAsync(10_000);
    assert.deepEqual(asked, ["/a"], "what had its turn gave it back");
    const paused = one("held").state;
    assert.deepEqual([paused.at, paused.at === "paused" && paused.because], ["paused", why]);
    state.held = undefined;
    await clock.advanceAsync(250);
    await lanes.go();
    assert.deepEqual(asked, ["/a", "/b"]);
    await turn();
    assert.deepEqual([one("held").state.at, clock.pending], ["done", 0]);
  });
}

test("five failures in a row pause it for 1 s, one more for 2 s, and a success forgets them", async () => {
  let down = true;
  const { order, lanes, asked, one, clock } = start(() => (down ? failed("connect", "nobody listens") : kept()));
  order(
    "down",
    Array.from({ length: 20 }, (_, index) => target(`/${index}`)),
  );
  for (let i = 0; i < 8; i++) await lanes.go();
  assert.equal(asked.length, 5);
  const paused = one("down").state;
  assert.equal(paused.at === "paused" && paused.because, "failures");
  await clock.advanceAsync(1000);
  for (let i = 0; i < 4; i++) await lanes.go();
  assert.equal(asked.length, 6);
  await clock.advanceAsync(1750);
  for (let i = 0; i < 4; i++) await lanes.go();
  assert.equal(asked.length, 6);
  down = false;
  await clock.advanceAsync(250);
  for (let i = 0; i < 16; i++) await lanes.go();
  assert.deepEqual([one("down").state.at, one("down").done, one("down").failed], ["done", 14, 6]);
});

test("cancelling ends what is under way, counts it as nothing, and the next plan runs", async () => {
  const departures: Departure[] = [];
  const { order, lanes, warmer, one, asked } = start((url, departure) => {
    if (url === "/next") return kept();
    departures.push(departure);
    return new Promise(() => {});
  });
  order("hangs", [target("/a"), target("/b")]);
  order("next", [target("/next")]);
  order("never", [target("/never")]);
  await lanes.go();
  assert.equal(warmer.cancel("never"), true);
  assert.equal(warmer.cancel("hangs"), true);
  assert.equal(warmer.cancel("hangs"), false);
  assert.equal(warmer.cancel("unknown"), false);
  for (let i = 0; i < 3; i++) await lanes.go();
  assert.deepEqual([asked, departures[0]!.gone], [["/a", "/next"], true]);
  assert.deepEqual([one("hangs").state.at, one("hangs").failed, one("never").state.at], ["cancelled", 0, "cancelled"]);
  assert.equal(one("next").state.at, "done");
});

test("one answer is waited for until its deadline, and then the request departs", async () => {
  let departure: Departure | undefined;
  const { order, lanes, one, clock } = start((_, own) => {
    departure = own;
    return new Promise(() => {});
  });
  order("slow", [target("/a")]);
  await lanes.go();
  await clock.advanceAsync(29_999);
  assert.deepEqual([departure!.gone, one("slow").state.at], [false, "running"]);
  await clock.advanceAsync(1);
  await turn();
  assert.deepEqual([departure!.gone, one("slow").state.at], [true, "done"]);
  assert.deepEqual(one("slow").failures, [{ url: "/a", why: "no answer within 30000 ms" }]);
  assert.equal(clock.pending, 0);
});

test("sixteen plans wait at most, 32 that have ended are known; closed, it takes nothing and leaves nothing open", async () => {
  const { order, lanes, warmer, clock, state, asked } = start();
  assert.equal(order("empty", []), "empty");
  state.held = "level";
  const taken = Array.from({ length: 18 }, (_, index) => order(`p${index}`, [target("/a")]));
  assert.deepEqual(taken.slice(-2), ["queued", "full"]);
  await lanes.go();
  warmer.close();
  await turn();
  await turn();
  assert.equal(order("late", [target("/a")]), "full");
  assert.deepEqual([asked.length, lanes.waiting(), clock.pending], [0, 0, 0]);
  assert.ok(warmer.read().every((plan) => plan.state.at === "cancelled"));

  const next = start();
  for (let i = 0; i < 40; i++) {
    next.order(`p${i}`, [target("/a")]);
    await next.lanes.go();
    await next.lanes.go();
  }
  assert.deepEqual([next.warmer.read().length, next.warmer.read().at(-1)!.id], [32, "p39"]);
});
