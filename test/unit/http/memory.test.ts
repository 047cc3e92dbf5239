import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryGuard, refusalFor, type MemoryRefusal } from "../../../src/http/memory.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MIB = 2 ** 20;
const at = (percent: number, before: MemoryRefusal) =>
  refusalFor({ rss: percent * MIB, live: percent * MIB, heap: 0 }, 100 * MIB, before);

test("refuses most from 80 % of the limit, all from 90 %, and nobody again below 72 %", () => {
  assert.equal(at(79.9, "none"), "none");
  assert.equal(at(80, "none"), "most");
  assert.equal(at(89.9, "most"), "most");
  assert.equal(at(90, "most"), "all");
  assert.equal(at(72, "all"), "most");
  assert.equal(at(71.9, "most"), "none");
});

test("memory that only stayed resident after a burst is no reason", () => {
  assert.equal(refusalFor({ rss: 99 * MIB, live: 39 * MIB, heap: 0 }, 100 * MIB, "all"), "none");
  assert.equal(refusalFor({ rss: 99 * MIB, live: 40 * MIB, heap: 0 }, 100 * MIB, "none"), "all");
});

test("a heap close to V8's own limit is short of memory, whatever the machine has", () => {
  const heap = (share: number, before: MemoryRefusal) =>
    refusalFor({ rss: 10 * MIB, live: 10 * MIB, heap: share }, 100 * MIB, before);
  assert.deepEqual(
    [heap(0.79, "none"), heap(0.8, "none"), heap(0.9, "most"), heap(0.73, "most"), heap(0.71, "most")],
    ["none", "most", "all", "most", "none"],
  );
});

test("a heap that collecting makes small again refuses nobody", () => {
  const clock = new ManualClock();
  let share = 0.85;
  const read = () => ({ rss: MIB, live: MIB, heap: share });
  const collect = (): void => void (share = 0.3);
  const guard = createMemoryGuard(clock, 100 * MIB, { rss: () => MIB, heap: () => share, read, collect });
  clock.advance(25);
  assert.deepEqual([guard.refusal, share], ["none", 0.3]);
  guard.close();
});

test("the guard follows its readings within 25 ms, collects garbage four times a second at most, and stops with close", () => {
  const clock = new ManualClock();
  let used = 60 * MIB;
  let garbage = 0;
  let collections = 0;
  const guard = createMemoryGuard(clock, 100 * MIB, {
    rss: () => used + garbage,
    heap: () => 0,
    read: () => ({ rss: used + garbage, live: used + garbage, heap: 0 }),
    collect() {
      collections++;
      garbage = 0;
    },
  });
  garbage = 25 * MIB;
  clock.advance(25);
  assert.equal(guard.refusal, "none");
  assert.equal(collections, 1);
  used = 85 * MIB;
  clock.advance(24);
  assert.equal(guard.refusal, "none");
  clock.advance(1);
  assert.equal(guard.refusal, "most");
  assert.equal(collections, 1);
  clock.advance(224);
  assert.equal(collections, 1);
  clock.advance(1);
  assert.equal(collections, 2);
  // It did not help, so the next comes after twice the time.
  clock.advance(499);
  assert.equal(collections, 2);
  clock.advance(1);
  assert.equal(collections, 3);
  used = 10 * MIB;
  clock.advance(25);
  assert.equal(guard.refusal, "none");
  guard.close();
  assert.equal(clock.pending, 0);
});

test("below half of the limit it looks only every 100 ms", () => {
  const clock = new ManualClock();
  let looks = 0;
  createMemoryGuard(clock, 100 * MIB, {
    rss() {
      looks++;
      return 10 * MIB;
    },
    heap: () => 0.1,
    read: () => assert.fail("read"),
    collect: () => assert.fail("collected"),
  });
  clock.advance(1000);
  assert.equal(looks, 10);
});
