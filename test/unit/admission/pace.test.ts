import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Pace } from "../../../src/admission/pace.ts";
import { RANKS } from "../../../src/admission/classes.ts";

const { critical, default: middle } = RANKS;

/** Calls of `ms` each on so many seats, one after another, until `ms * calls / seats`. */
function taught(seats: number, ms: number, calls = 200): { pace: Pace; now: number } {
  const pace = new Pace(0);
  let now = 0;
  for (let i = 0; i < calls; i++) {
    now += ms / seats;
    pace.freed(ms, seats);
    pace.moved(now);
  }
  return { pace, now };
}

const at = (now: number) => ({ now, time: now });

suite("the pace of a dependency's seats", () => {
  test("a turn is as long as a seat was held, over the seats", () => {
    const { pace, now } = taught(10, 50);
    assert.ok(Math.abs(pace.forecast(middle, 3, 10, at(now)) - 20) < 0.01);
  });

  test("fewer seats for a moment do not make turns longer than they were with more seats than the dependency could use", () => {
    // 23 seats of a dependency that can use 10: each is held for 115 ms, and one comes free every 5 ms.
    const { pace, now } = taught(23, 115);
    assert.ok(Math.abs(pace.forecast(middle, 9, 6, at(now)) - 50) < 0.01, `${pace.forecast(middle, 9, 6, at(now))} ms`);
  });

  test("seats that come free and are given to nobody are no sign of a dependency that hangs", () => {
    const { pace, now } = taught(10, 50);
    for (let i = 1; i <= 20; i++) pace.moved(now + i * 5);
    assert.ok(pace.forecast(middle, 0, 10, at(now + 100)) < 6);
  });

  test("one that hangs shows before a call ends: nothing has moved for so long", () => {
    const { pace, now } = taught(10, 50);
    assert.equal(pace.forecast(middle, 0, 10, at(now + 1000)), 100);
  });

  test("what arrives above a class takes turns from it", () => {
    const { pace } = taught(1, 10, 1);
    for (let i = 0; i < 50; i++) pace.entered(critical);
    // 50 in a second take half of all turns of 10 ms; what was seen has most of the weight after a second.
    const estimate = pace.forecast(middle, 0, 100, at(1000));
    assert.ok(estimate > 15 && estimate < 20, `${estimate} ms`);
  });
});
