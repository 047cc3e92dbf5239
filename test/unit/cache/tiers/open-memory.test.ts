import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createEventBus } from "../../../../src/core/events.ts";
import { cacheSettings } from "../../../../src/cache/settings.ts";
import { createStore } from "../../../../src/cache/store.ts";
import { openMemory } from "../../../../src/cache/tiers/open-memory.ts";
import type { NamedTier } from "../../../../src/cache/tiers/tiers.ts";
import { steadyTime } from "../../../../src/cache/time.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { memoryTier } from "../../../support/memory-tier.ts";
import { entryOf } from "../../../support/tier-suite.ts";
import { until } from "../../../support/wait.ts";

const any = (): string => "";
const T = Date.UTC(2026, 0, 1);
const large = () => ({ ...entryOf("x".repeat(300_000)), keepUntil: T + 3_600_000 });

suite("memory and what is behind it", () => {
  test("a route's answers are in the memory of its class, in the tiers it chose", async () => {
    const clock = new ManualClock({ wall: T });
    const settings = cacheSettings.parse({ memory: "1MiB", classes: { hot: { memory: "1MiB", tiers: ["memory"] } } });
    const store = createStore(settings, { clock, random: () => 0.5, bus: createEventBus("classes") });
    store.tiersFor({ class: "hot" }).put("a", large());
    const plain = store.tiersFor();
    for (let i = 0; i < 20; i++) plain.put(`k${i}`, large());
    assert.equal(store.memoryByClass()["hot"]!.entries, 1, "what the others overflow with takes nothing from it");
    assert.equal(plain.find("a", any), undefined);
    assert.ok(store.tiersFor({ class: "hot" }).find("a", any));
    const limited = store.tiersFor({ tiers: { memory: 1000 } });
    limited.put("short", large());
    clock.advance(999);
    assert.ok(limited.find("short", any));
    clock.advance(1);
    assert.equal(limited.find("short", any), undefined);
    assert.deepEqual(store.moved(), { demoted: 0, notDemoted: 0, notPromoted: 0 });
    await store.close();
  });

  for (const demotion of ["off", "farther"] as const) {
    test(`with demotion ${demotion}, what gives way is ${demotion === "off" ? "dropped" : "put behind"}`, async () => {
      const clock = new ManualClock({ wall: T });
      const redis = memoryTier(100_000_000, () => T);
      const farther: NamedTier[] = [{ name: "redis", tier: redis }];
      const classes = { here: { memory: "1MiB", tiers: ["memory"] } };
      const settings = cacheSettings.parse({ memory: "1MiB", demotion, classes });
      const lost: string[] = [];
      const { memories, demotions } = openMemory(settings, {
        clock,
        time: steadyTime(clock),
        positions: { origin: 0, here: ({ position }) => position },
        farther,
        removed: (_, { length }, why) => void lost.push(`${length} ${why}`),
      });
      for (let i = 0; i < 5; i++) memories.of(undefined).set(`k${i}`, large());
      for (let i = 0; i < 5; i++) memories.of("here").set(`h${i}`, large());
      assert.deepEqual(lost, ["1 capacity", "1 capacity", "1 capacity", "1 capacity"]);
      const expected = demotion === "off" ? 0 : 2;
      await until(() => demotions().demoted === expected, { what: "demotions are done" });
      assert.deepEqual(
        redis.list(10).map(({ key }) => key.charAt(0)),
        Array.from({ length: expected }, () => "k"),
      );
      memories.whole.close();
    });
  }
});
