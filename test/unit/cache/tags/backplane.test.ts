import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Entry } from "../../../../src/cache/entry.ts";
import { Backplane } from "../../../../src/cache/tags/backplane.ts";
import { Ledger, type PurgeTarget } from "../../../../src/cache/tags/ledger.ts";
import { SLOT } from "../../../../src/cache/tags/log-position.ts";
import { steadyTime } from "../../../../src/cache/time.ts";
import { createEventBus, type BackplaneTold } from "../../../../src/core/events.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { SimulatedLogs, type SimulatedLog } from "../../../support/purge-log.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const tag = (name: string): PurgeTarget => ({ kind: "tag", tag: name });

async function setUp(t: TestContext) {
  const clock = new ManualClock();
  const logs = new SimulatedLogs(() => clock.wall());
  const time = steadyTime(clock);
  const open = (name: string, way: SimulatedLog = logs.way(true)) => {
    const ledger = new Ledger({ wall: () => clock.wall() });
    const bus = createEventBus(`${t.name} ${name}`);
    const told: BackplaneTold[] = [];
    t.after(bus.subscribe("spillway:backplane", (event) => void told.push(event)));
    const backplane = new Backplane({ ledger, log: way, clock, time, bus, lease: 5000 });
    t.after(() => backplane.close());
    const load = (of = "a"): Entry => ({
      ...entryOf("x"),
      tags: [of],
      position: ledger.position,
      head: { status: 200, headers: [], initialAge: 0, receivedAt: time.now() },
      buildMs: 0,
    });
    return { ledger, backplane, way, told, load };
  };
  const one = open("one");
  await nextTurn();
  return { clock, logs, open, ...one };
}

test("cut off for longer than the lease, only what was loaded within it is beyond doubt", async (t) => {
  const { clock, backplane, way, load, told } = await setUp(t);
  const old = load();
  way.way = "cut";
  await clock.advanceAsync(4900);
  assert.equal(backplane.status().state, "cut");
  const young = load();
  assert.equal(backplane.doubts(old), false, "within the lease");
  await clock.advanceAsync(100);
  assert.equal(backplane.status().state, "lapsed");
  assert.equal(backplane.doubts(old), true);
  assert.equal((await backplane.settle(old)).standing, "unconfirmed");
  assert.equal((await backplane.settle(young)).standing, "current");
  await clock.advanceAsync(4901);
  assert.equal((await backplane.settle(young)).standing, "unconfirmed");
  way.way = "open";
  await clock.advanceAsync(500);
  assert.equal(backplane.status().state, "in-step");
  assert.equal(backplane.doubts(old), false, "nothing was missed");
  const states = told.filter(({ change }) => change === "state").map(({ state }) => state);
  assert.deepEqual(states, ["in-step", "cut", "lapsed", "in-step"]);
});

test("a load that took long is as old as its beginning, and one from a clock ahead of ours is not young", async (t) => {
  const { clock, backplane, way, load } = await setUp(t);
  way.way = "cut";
  await clock.advanceAsync(10_000);
  assert.equal((await backplane.settle(load())).standing, "current");
  assert.equal((await backplane.settle({ ...load(), buildMs: 5001 })).standing, "unconfirmed");
  const { head } = load();
  const ahead = { ...load(), head: { ...head, receivedAt: head.receivedAt + 60_000 } };
  assert.equal((await backplane.settle(ahead)).standing, "unconfirmed");
});

test("while Redis is away, 1,022 purges have places of their own; the targets of further ones are not kept, all else is", async (t) => {
  const { clock, ledger, backplane, way, load } = await setUp(t);
  way.way = "cut";
  const logged = ledger.position;
  for (let i = 0; i < 1022; i++) {
    void backplane.purge({ targets: [tag("a")], soft: false });
    assert.equal(ledger.standing(load("a")), "current", `what is loaded after purge ${i + 1}`);
  }
  assert.equal(ledger.position, logged + SLOT - 2);
  void backplane.purge({ targets: [tag("b")], soft: false });
  assert.equal(ledger.standing(load("b")), "gone");
  assert.equal(ledger.standing(load("c")), "current");
  way.way = "open";
  await clock.advanceAsync(500);
  await nextTurn();
  assert.equal(ledger.standing(load("b")), "current");
  assert.equal(backplane.status().waiting, 0);
});

test("looks are not more than one at a time, however many nudges come", async (t) => {
  const { logs, open } = await setUp(t);
  const { way, backplane } = open("slow", logs.way());
  way.pass();
  await nextTurn();
  for (let i = 0; i < 1000; i++) way.nudge();
  assert.equal(way.waiting, 1);
  way.pass();
  await nextTurn();
  assert.equal(way.waiting, 1, "once more for all that came meanwhile");
  way.pass();
  await nextTurn();
  assert.deepEqual([way.waiting, way.calls.read, backplane.status().state], [0, 3, "in-step"]);
});

test("many who ask for one entry in doubt cause one question", async (t) => {
  const { logs, open, backplane, load } = await setUp(t);
  const kept = load("a");
  await backplane.purge({ targets: [tag("b")], soft: false });
  const late = open("late", logs.way(true));
  await nextTurn();
  const found = { ...kept, position: late.ledger.positionHere(kept) };
  const settled = await Promise.all(Array.from({ length: 50 }, () => late.backplane.settle(found)));
  assert.ok(settled.every(({ standing }) => standing === "current"));
  assert.equal(late.way.calls.remembered, 1);
  assert.deepEqual(late.backplane.status().checks, { current: 1, stale: 0, gone: 0, unconfirmed: 0 });
});

test("a purge that could not be brought into the log says so by its promise, and is there later", async (t) => {
  const { clock, logs, open, backplane, way } = await setUp(t);
  const other = open("other");
  await nextTurn();
  const kept = other.load("a");
  way.way = "unheard";
  await backplane.purge({ targets: [tag("a")], soft: true });
  assert.equal(backplane.status().waiting, 1, "nobody knows whether it is in the log");
  way.way = "open";
  await clock.advanceAsync(500);
  await nextTurn();
  await clock.advanceAsync(500);
  assert.equal(backplane.status().waiting, 0);
  assert.equal(other.ledger.standing(kept), "stale");
  assert.ok(logs.size >= 2);
});

test("after close nothing is left: no timer, no look", async (t) => {
  const { clock, backplane, way } = await setUp(t);
  await backplane.close();
  const reads = way.calls.read;
  await clock.advanceAsync(10_000);
  way.nudge();
  assert.deepEqual([clock.pending, way.calls.read], [0, reads]);
});
