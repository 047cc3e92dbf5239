import assert from "node:assert/strict";
import { test } from "node:test";
import { Notes, pauseAfter } from "../../../../src/cache/flight/notes.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

test("pauses double from 1 s up to 30 s, a quarter either way", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 100].map((failures) => pauseAfter(failures, 0.5)),
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  );
  assert.deepEqual([pauseAfter(1, 0), pauseAfter(1, 1)], [750, 1250]);
});

test("what is known of a key ends with its time, and no memory grows without end", () => {
  const clock = new ManualClock({ now: 10 });
  const notes = new Notes(clock, () => 0.5);
  notes.pass("a");
  notes.failed("a");
  assert.deepEqual([notes.passes("a"), notes.isQuiet("a"), notes.passes("b")], [true, true, false]);
  clock.advance(1000);
  assert.deepEqual([notes.passes("a"), notes.isQuiet("a")], [true, false]);
  clock.advance(119_000);
  assert.equal(notes.passes("a"), false);
  notes.pass("a");
  for (let i = 0; i < 20_000; i++) notes.pass(`other ${i}`);
  assert.equal(notes.passes("a"), false);
});
