import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { sends, startRig } from "./cache-rig.ts";

const HOUR = 3_600_000;

for (const step of [HOUR, -HOUR]) {
  test(`F7: a step of the wall clock by ${step / HOUR} h neither ends nor prolongs what is kept`, async () => {
    let stepped = 0;
    let passed = 0;
    // It stands but for what the test adds: a busy machine makes nothing older.
    const began = { now: systemClock.now(), wall: systemClock.wall() };
    const clock = {
      ...systemClock,
      now: () => began.now + passed,
      wall: () => began.wall + passed + stepped,
    };
    const behaviour = sends((_, call) => `${call}`, { "Cache-Control": "max-age=60, stale-if-error=0" });
    await using rig = await startRig("origin", behaviour, {}, clock);
    assert.equal((await rig.ask()).text, "1");
    stepped = step;
    const kept = await rig.ask();
    assert.deepEqual([kept.text, kept.raw.header("age")], ["1", "0"]);
    // What comes after the step is as young as what came before it.
    assert.equal((await rig.ask("/later")).text, "2");
    assert.match((await rig.ask("/later")).cache, /^spillway; hit; ttl=(59|60)/);
    passed = 61_000;
    assert.equal((await rig.ask()).text, "3");
    assert.equal(rig.calls(), 3);
  });
}
