import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { openMemories, type MemoriesSettings } from "../../../../src/cache/tiers/memories.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const any = (): string => "";
const SETTINGS: MemoriesSettings = {
  memory: 20_000,
  entries: 1000,
  eviction: "s3fifo",
  classes: { hot: { memory: 20_000 }, cold: { memory: { min: 10_000, max: 40_000 } } },
};

function opened(settings = SETTINGS) {
  const clock = new ManualClock();
  const told: string[] = [];
  const memories = openMemories(settings, {
    clock,
    now: () => 0,
    removed: (name, key, _, why) => void told.push(`${name} ${key} ${why}`),
  });
  return { clock, told, memories };
}

suite("classes of answers, each with memory of its own (C05, C09)", () => {
  test("the overflow of one class takes nothing from another", () => {
    const { memories, told } = opened();
    for (const name of ["hot", "cold", undefined]) memories.of(name).set("kept", entryOf("x".repeat(4000)));
    for (let i = 0; i < 100; i++) memories.of("hot").set(`k${i}`, entryOf("x".repeat(4000)));
    assert.ok(memories.of("cold").get("kept", any));
    assert.ok(memories.of(undefined).get("kept", any));
    assert.ok(told.length > 90 && told.every((line) => line.startsWith("hot ")));
    assert.ok(memories.byClass()["hot"]!.bytes <= 20_000);
  });

  test("no class is ever above its budget, nor moved by what others do", () => {
    const put = fc.record({
      to: fc.constantFrom("hot", "cold", undefined),
      key: fc.nat(50),
      bytes: fc.integer({ min: 1, max: 9000 }),
    });
    fc.assert(
      fc.property(fc.array(put, { maxLength: 100 }), (puts) => {
        const { memories } = opened();
        for (const { to, key, bytes } of puts) {
          const before = memories.byClass();
          memories.of(to).set(`k${key}`, entryOf("x".repeat(bytes)));
          for (const [name, stats] of Object.entries(memories.byClass())) {
            assert.ok(stats.bytes <= stats.limit);
            if (name !== (to ?? "")) assert.deepEqual(stats, before[name]);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("all of them are looked into together, and closed together", () => {
    const { memories, clock } = opened();
    memories.of("hot").set("a", entryOf("one"));
    memories.of(undefined).set("b", entryOf("two"));
    assert.equal(memories.whole.stats().entries, 2);
    assert.equal(memories.whole.stats().limit, 50_000, "what grows begins with its least");
    assert.equal(String(memories.whole.peek("a")!.value[0]!.body), "one");
    assert.equal(memories.whole.peek("c"), undefined);
    assert.equal(memories.whole.list(10).length, 2);
    assert.equal(memories.whole.list(1).length, 1);
    assert.throws(() => memories.of("dangling"), /no cache class "dangling"/);
    assert.equal(clock.pending, 1);
    memories.whole.clear();
    assert.equal(memories.whole.stats().entries, 0);
    memories.whole.close();
    assert.equal(clock.pending, 0);
  });
});
