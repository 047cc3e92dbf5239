import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { orderOf } from "../../../../src/cache/library/order.ts";
import { SLOT } from "../../../../src/cache/tags/log-position.ts";
import { openLibrary } from "../../../support/library-rig.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { memoryTier } from "../../../support/memory-tier.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite("the order of what several processes write", () => {
  test("nothing without others, by the log where there is one, else by the wall clock", () => {
    const time = { wall: () => 1000.5 };
    assert.equal(orderOf({ isShared: false }, true, time)(7 * SLOT), 0);
    const logged = orderOf({ isShared: true }, true, time);
    assert.deepEqual([logged(7 * SLOT), logged(7 * SLOT + 3), logged(-1)], [7 * SLOT, 7 * SLOT, 0]);
    assert.equal(orderOf({ isShared: true }, false, time)(7 * SLOT), 1000 * SLOT);
  });

  test("a load that began before another process's set does not take its place in a shared tier", async () => {
    const clock = new ManualClock();
    const tier = memoryTier(1_000_000);
    await using one = openLibrary({}, [{ name: "redis", tier }], clock);
    await using other = openLibrary({}, [{ name: "redis", tier }], clock);
    const source = Promise.withResolvers<string>();
    const load = one.cache.getOrLoad("a", () => source.promise);
    await turn();
    clock.advance(10);
    await other.cache.set("a", "new");
    clock.advance(10);
    source.resolve("old");
    assert.equal(await load, "old");
    await turn();
    assert.equal(await other.cache.get("a", { levels: ["redis"] }), "new");
    // Less could be what clocks are off.
    clock.advance(5000);
    await one.cache.set("a", "newer");
    assert.equal(await other.cache.get("a", { levels: ["redis"] }), "newer");
  });

  test("what a process sets after its clock was set back takes the place of what it set before", async () => {
    const clock = new ManualClock();
    await using rig = openLibrary({}, [{ name: "redis", tier: memoryTier(1_000_000) }], clock);
    await rig.cache.set("a", "old");
    clock.setWall(clock.wall() - 3_600_000);
    await rig.cache.set("a", "new");
    assert.equal(await rig.cache.get("a"), "new");
    assert.equal(await rig.cache.get("a", { levels: ["redis"] }), "new");
  });

  test("without others entries have no order", async () => {
    const clock = new ManualClock();
    await using rig = openLibrary({}, [], clock);
    await rig.cache.set("a", "old");
    await rig.cache.set("a", "new");
    assert.equal(await rig.cache.get("a"), "new");
  });
});
