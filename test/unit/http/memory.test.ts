import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryGuard, refusalFor, type MemoryRefusal } from "../../../src/http/memory.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MIB = 2 ** 20;
const at = (percent: number, before: MemoryRefusal) =>
  refusalFor({ rss: percent * MIB, live: percent * MIB }, 100 * MIB, before);

test("refuses most from 80 % of the limit, all from 90 %, and nobody again below 72 %", () => {
  assert.equal(at(79.9, "none"), "none");
  assert.equal(at(80, "none"), "most");
  assert.equal(at(89.9, "most"), "most");
  assert.equal(at(90, "most"), "all");
  assert.equal(at(72, "all"), "most");
  assert.equal(at(71.9, "most"), "none");
});

test("memory that only stayed resident after a burst is no reason, until the brink", () => {
  assert.equal(refusalFor({ rss: 94 * MIB, live: 49 * MIB }, 100 * MIB, "none"), "none");
  assert.equal(refusalFor({ rss: 95 * MIB, live: 1 * MIB }, 100 * MIB, "none"), "all");
});

test("the guard follows its readings within 100 ms, and stops with close", () => {
  const clock = new ManualClock();
  let rss = 10 * MIB;
  const guard = createMemoryGuard(clock, 100 * MIB, () => ({ rss, live: rss }));
  rss = 85 * MIB;
  clock.advance(99);
  assert.equal(guard.refusal, "none");
  clock.advance(1);
  assert.equal(guard.refusal, "most");
  rss = 10 * MIB;
  clock.advance(100);
  assert.equal(guard.refusal, "none");
  guard.close();
  assert.equal(clock.pending, 0);
});
