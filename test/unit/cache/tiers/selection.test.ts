import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { limitLifetime } from "../../../../src/cache/tiers/lifetime.ts";
import { selectTiers } from "../../../../src/cache/tiers/selection.ts";
import type { NamedTier } from "../../../../src/cache/tiers/tiers.ts";
import { memoryTier } from "../../../support/memory-tier.ts";
import { entryOf, tierSuite } from "../../../support/tier-suite.ts";

const any = (): string => "";
const NAMES = ["memory", "redis", "postgres"] as const;
const time = { now: () => 1000, ahead: () => 500 };
const all = (): NamedTier[] => NAMES.map((name) => ({ name, tier: memoryTier(100_000, () => 1000) }));
const entry = (keepUntil: number) => ({ ...entryOf("x"), keepUntil });

tierSuite("limited", (bytes) =>
  limitLifetime(
    memoryTier(bytes, () => Date.now()),
    7_200_000,
    () => Date.now(),
  ),
);

suite("the tiers that a route chooses (C09, C10)", () => {
  test("are all, those of a list, or those with a lifetime, nearest first", () => {
    const names = (choice: Parameters<typeof selectTiers>[1]) =>
      selectTiers(all(), choice, time).map(({ name }) => name);
    assert.deepEqual(names(undefined), [...NAMES]);
    assert.deepEqual(names(["postgres", "memory"]), ["memory", "postgres"]);
    assert.deepEqual(names({ redis: 5000, memory: undefined }), ["redis"]);
    fc.assert(
      fc.property(fc.subarray([...NAMES], { minLength: 1 }), fc.nat(), (chosen, turn) => {
        const turned = [...chosen.slice(turn % chosen.length), ...chosen.slice(0, turn % chosen.length)];
        assert.deepEqual(names(turned), chosen);
        assert.deepEqual(names(Object.fromEntries(turned.map((name) => [name, 1000]))), chosen);
      }),
    );
  });

  test("keep an answer as long as the route says at most, and never longer than it lasts", () => {
    const tiers = all();
    const [memory] = selectTiers(tiers, { memory: 60 }, time);
    void memory!.tier.set("long", entry(5000));
    void memory!.tier.set("short", entry(1050));
    assert.equal(memoryOf(tiers, "long"), 1060);
    assert.equal(memoryOf(tiers, "short"), 1050);
  });

  test("also of several that are put in together, which are found and taken away together", async () => {
    const tiers = all();
    const [memory] = selectTiers(tiers, { memory: 60 }, time);
    const { tier } = memory!;
    await tier.setMany!([
      ["long", entry(5000)],
      ["short", entry(1050)],
    ]);
    const found = await tier.getMany!(["short", "never", "long"]);
    assert.deepEqual(
      found.map((one) => one?.keepUntil),
      [1050, undefined, 1060],
    );
    await tier.deleteMany!(["short", "long"]);
    assert.deepEqual(await tier.getMany!(["short", "long"]), [undefined, undefined]);
  });

  test("outside this process the end is on the wall clock's time", () => {
    const tiers = all();
    const [redis] = selectTiers(tiers, { redis: 60 }, time);
    void redis!.tier.set("long", entry(5000));
    const found = tiers[1]!.tier.get("long", any);
    assert.ok(found && !(found instanceof Promise));
    assert.equal(found.keepUntil, 1560);
  });
});

function memoryOf(tiers: readonly NamedTier[], key: string): number {
  const found = tiers[0]!.tier.get(key, any);
  assert.ok(found && !(found instanceof Promise));
  return found.keepUntil;
}
