import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../../../src/cache/entry.ts";
import { EVICTIONS } from "../../../../src/cache/tiers/evict/policies.ts";
import { createMemoryTier, type MemoryTierParts } from "../../../../src/cache/tiers/memory.ts";
import { MOST_VARIANTS } from "../../../../src/cache/tiers/tier.ts";
import { entryOf, tierSuite } from "../../../support/tier-suite.ts";

for (const eviction of EVICTIONS) {
  tierSuite(`memory (${eviction})`, (bytes) =>
    createMemoryTier({ limits: { bytes, entries: 1000 }, eviction, now: () => Date.now() }),
  );
}

const any = (): string => "";
const START = 1_000_000;

function opened(parts: Partial<MemoryTierParts> = {}) {
  const told: string[] = [];
  const time = { now: START };
  const tier = createMemoryTier({
    limits: { bytes: 20_000, entries: 1000 },
    eviction: "s3fifo",
    now: () => time.now,
    removed: (key, entries, why) =>
      void told.push(`${key} ${entries.map(({ body }) => String(body)).join("+")} ${why}`),
    ...parts,
  });
  return { tier, told, time };
}

const lasting = (ms: number, body = "x", facts: Parameters<typeof entryOf>[1] = {}): Entry => ({
  ...entryOf(body, facts),
  keepUntil: START + ms,
});

test("an entry is found until it ends, and is told as expired when it is met", () => {
  const { tier, told, time } = opened();
  tier.set("a", lasting(100, "one"));
  time.now += 99;
  assert.ok(tier.get("a", any));
  time.now += 1;
  assert.equal(tier.get("a", any), undefined);
  assert.deepEqual(told, ["a one expired"]);
  assert.deepEqual(tier.stats().removed, { capacity: 0, expired: 1 });
});

test("a variant that ended is not found beside one that lasts, and goes when another is put in", () => {
  const { tier, told, time } = opened();
  tier.set("a", lasting(100, "short", { vary: "x", variant: "s" }));
  tier.set("a", lasting(900, "long", { vary: "x", variant: "l" }));
  time.now += 100;
  assert.equal(
    tier.get("a", () => "s"),
    undefined,
  );
  assert.equal(String(tier.get("a", () => "l")!.body), "long");
  assert.deepEqual(told, []);
  tier.set("a", lasting(900, "more", { vary: "x", variant: "m" }));
  assert.deepEqual(told, ["a short expired"]);
});

test("an earlier writer's entry takes the place of a later one's that has ended", () => {
  const { tier, time } = opened();
  tier.set("a", { ...lasting(100, "later"), fence: 2 });
  time.now += 100;
  tier.set("a", { ...lasting(900, "earlier"), fence: 1 });
  assert.equal(String(tier.get("a", any)!.body), "earlier");
});

test("what gives way is told with its entries, once; what is taken away or replaced is not", () => {
  const { tier, told } = opened({ limits: { bytes: 20_000, entries: 2 } });
  tier.set("a", lasting(900, "a"));
  tier.set("a", lasting(900, "a2"));
  tier.set("b", lasting(900, "b"));
  tier.set("c", lasting(900, "c"));
  assert.deepEqual(told, ["a a2 capacity"]);
  tier.delete("b");
  tier.clear();
  assert.deepEqual(told, ["a a2 capacity"]);
});

test("one variant beyond the most is told as capacity", () => {
  const { tier, told } = opened({ limits: { bytes: 1_000_000, entries: 10 } });
  for (let i = 0; i <= MOST_VARIANTS; i++) tier.set("a", lasting(900, `${i}`, { vary: "x", variant: `${i}` }));
  assert.deepEqual(told, ["a 0 capacity"]);
});

test("variants that do not fit beside the newest give way to it", () => {
  const { tier, told } = opened();
  const body = "x".repeat(12_000);
  tier.set("a", lasting(900, body, { vary: "x", variant: "1" }));
  tier.set("a", lasting(900, body, { vary: "x", variant: "2" }));
  assert.equal(told.length, 1);
  assert.ok(tier.get("a", () => "2"));
  assert.equal(
    tier.get("a", () => "1"),
    undefined,
  );
});

test("operators see what is held: octets, limit, keys, and each key's uses, without using it", () => {
  const { tier } = opened();
  for (const key of ["a", "b", "c"]) tier.set(key, lasting(900));
  for (let use = 0; use < 3; use++) tier.get("b", any);
  const { bytes, limit, entries } = tier.stats();
  assert.equal(limit, 20_000);
  assert.equal(entries, 3);
  assert.equal(tier.peek("b")!.hits, 3);
  assert.equal(tier.peek("b")!.hits, 3);
  assert.equal(tier.peek("nothing"), undefined);
  assert.deepEqual(tier.list(2).length, 2);
  assert.deepEqual(tier.list(0), []);
  assert.equal(
    tier.list(10).reduce((sum, held) => sum + held.bytes, 0),
    bytes,
  );
});

test("another budget holds at once", () => {
  const { tier, told } = opened();
  for (const key of ["a", "b", "c"]) tier.set(key, lasting(900, "x".repeat(4000)));
  tier.resize(10_000);
  assert.ok(tier.stats().bytes <= 10_000);
  assert.equal(tier.stats().limit, 10_000);
  assert.equal(told.length, 1);
});
