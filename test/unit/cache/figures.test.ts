import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { figuresOf } from "../../../src/cache/figures.ts";
import { MostFrequent } from "../../../src/cache/most-frequent.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { CacheUse } from "../../../src/core/outcome.ts";
import { endedExchange, served } from "../../support/ended-exchange.ts";

const uses: readonly CacheUse[] = [
  { result: "hit", tier: "memory" },
  { result: "hit", tier: "redis" },
  { result: "stale", tier: "memory", staleMs: 1 },
  { result: "fail-safe", tier: "postgres", staleMs: 1 },
  { result: "miss" },
  { result: "bypass" },
  { result: "fallback" },
];

test("C90: the outcomes of a route add up to its requests, those of the tiers to what was answered from them", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...uses), { maxLength: 100 }), (all) => {
      const bus = createEventBus("figures");
      const { figures, close } = figuresOf(bus);
      for (const cache of all) bus.publish("spillway:exchange", endedExchange({ outcome: { ...served, cache } }));
      bus.publish("spillway:exchange", endedExchange());
      close();
      bus.publish("spillway:exchange", endedExchange({ outcome: { ...served, cache: uses[0]! } }));
      const [route] = figures.read().routes;
      const { hits = 0, stale = 0, misses = 0, bypasses = 0, fallbacks = 0 } = route ?? {};
      assert.equal(hits + stale + misses + bypasses + fallbacks, all.length);
      const tiers = (["memory", "redis", "postgres"] as const).map((tier) => figures.ofTier(tier));
      assert.equal(
        tiers.reduce((sum, tier) => sum + tier.hits, 0),
        hits,
      );
      assert.equal(
        tiers.reduce((sum, tier) => sum + tier.stale, 0),
        stale,
      );
    }),
  );
});

test("C58: removals are counted by their one reason", () => {
  const bus = createEventBus("removals");
  const { figures, close } = figuresOf(bus);
  bus.publish("spillway:cache-removed", { reason: "purged", count: 2 });
  bus.publish("spillway:cache-removed", { reason: "purged", count: 1 });
  bus.publish("spillway:cache-removed", { reason: "capacity", count: 5 });
  bus.publish("spillway:cache-not-stored", { reason: "tags" });
  close();
  const { removed, notStored } = figures.read();
  assert.deepEqual([removed, notStored], [{ purged: 3, capacity: 5 }, { tags: 1 }]);
});

test("the most frequent are found with few counters, and none is counted too low", () => {
  const most = new MostFrequent(8);
  const real = new Map<string, number>();
  const add = (name: string): void => {
    most.add(name);
    real.set(name, (real.get(name) ?? 0) + 1);
  };
  for (let i = 0; i < 1000; i++) {
    add(i % 3 === 0 ? "often" : `rare-${i}`);
    if (i % 5 === 0) add("sometimes");
  }
  const found = most.read();
  assert.equal(found.length, 8);
  assert.equal(found[0]!.name, "often");
  assert.ok(found.some(({ name }) => name === "sometimes"));
  for (const { name, count } of found) assert.ok(count >= real.get(name)!);
});
