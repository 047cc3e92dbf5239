import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Entry } from "../../../src/cache/entry.ts";
import { Tiers } from "../../../src/cache/tiers/tiers.ts";
import { steadyTime } from "../../../src/cache/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { memoryTier } from "../../support/memory-tier.ts";
import { entryOf } from "../../support/tier-suite.ts";

const HOUR = 3_600_000;
const T = Date.UTC(2026, 10, 20, 12);

suite("the cache's line of time (F7)", () => {
  for (const step of [HOUR, -HOUR]) {
    test(`goes on through a step of the wall clock by ${step / HOUR} h`, () => {
      const clock = new ManualClock({ now: 500.4, wall: T });
      const time = steadyTime(clock);
      clock.advance(1000);
      clock.setWall(clock.wall() + step);
      clock.advance(2000);
      assert.deepEqual([time.now(), time.wall(), time.ahead()], [T + 3000, T + 3000 + step, step]);
    });
  }

  test("a second of drift is no step", () => {
    const clock = new ManualClock({ wall: T });
    const time = steadyTime(clock);
    clock.setWall(T - 1000);
    assert.equal(time.ahead(), 0);
    clock.setWall(T - 1001);
    assert.equal(time.ahead(), -1001);
  });

  test("entries leave for other processes, and come from them, on the wall clock's time", async () => {
    const clock = new ManualClock({ wall: T });
    const time = steadyTime(clock);
    const near = memoryTier(100_000);
    const far = memoryTier(100_000);
    const tiers = new Tiers(
      [
        { name: "memory", tier: near },
        { name: "redis", tier: far },
      ],
      time,
    );
    const dated = (entry: Entry, at: number): Entry => ({
      ...entry,
      head: { ...entry.head, receivedAt: at },
      keepUntil: at + 9,
    });
    const entry = dated(entryOf("one"), T + 5);
    clock.setWall(T + HOUR);
    tiers.put("a", entry);
    assert.equal(
      near.get("a", () => ""),
      entry,
    );
    assert.deepEqual(
      far.get("a", () => ""),
      dated(entry, T + HOUR + 5),
    );
    near.clear();
    assert.deepEqual(await tiers.find("a", () => ""), { entry, tier: "redis" });
    assert.deepEqual(
      near.get("a", () => ""),
      entry,
    );
  });
});
