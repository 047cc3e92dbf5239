import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryGuard, refusesFor } from "../../../src/http/memory.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MIB = 2 ** 20;

test("refuses from 80 % of the limit and admits again below 72 %", () => {
  const at = (percent: number, refusing: boolean) =>
    refusesFor({ rss: percent * MIB, live: percent * MIB }, 100 * MIB, refusing);
  assert.equal(at(79.9, false), false);
  assert.equal(at(80, false), true);
  assert.equal(at(72, true), true);
  assert.equal(at(71.9, true), false);
});

test("memory that only stayed resident after a burst is no reason, until the brink", () => {
  assert.equal(refusesFor({ rss: 94 * MIB, live: 49 * MIB }, 100 * MIB, false), false);
  assert.equal(refusesFor({ rss: 95 * MIB, live: 1 * MIB }, 100 * MIB, false), true);
});

test("the guard follows its readings within 100 ms, and stops with close", () => {
  const clock = new ManualClock();
  let rss = 10 * MIB;
  const guard = createMemoryGuard(clock, 100 * MIB, () => ({ rss, live: rss }));
  rss = 90 * MIB;
  clock.advance(99);
  assert.equal(guard.refusing, false);
  clock.advance(1);
  assert.equal(guard.refusing, true);
  rss = 10 * MIB;
  clock.advance(100);
  assert.equal(guard.refusing, false);
  guard.close();
  assert.equal(clock.pending, 0);
});
