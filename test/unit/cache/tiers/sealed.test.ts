import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "../../../support/manual-clock.ts";
import { entryOf } from "../../../support/tier-suite.ts";
import { Quarantine } from "../../../../src/cache/tiers/quarantine.ts";
import { createSealedTier } from "../../../../src/cache/tiers/sealed.ts";
import type { FrameCodec } from "../../../../src/cache/tiers/seal.ts";
import type { Tier } from "../../../../src/cache/tiers/tier.ts";

const any = (): string => "";
const secrets = ["sixteen characters or more"];

/** A tier that keeps octets in this process, where a test can change them. */
function rig(clock: ManualClock) {
  const kept = new Map<string, Buffer>();
  const rejections: string[] = [];
  let asked = 0;
  const open = (codec: FrameCodec): Tier => ({
    async get(key) {
      asked++;
      const bytes = kept.get(key);
      return bytes && codec.decode(key, bytes);
    },
    set: (key, entry) => void kept.set(key, codec.encode(key, entry)),
    delete: (key) => void kept.delete(key),
    clear: () => kept.clear(),
    close: () => kept.clear(),
  });
  const tier = createSealedTier({ clock, secrets, rejected: (reason) => rejections.push(reason) }, open);
  return { tier, kept, rejections, asked: () => asked };
}

suite("a tier of sealed frames", () => {
  test("asks for a key whose frames were rejected three times no more, for five minutes", async () => {
    const clock = new ManualClock();
    const { tier, kept, rejections, asked } = rig(clock);
    for (let i = 0; i < 10; i++) {
      kept.set("a", Buffer.from("garbage"));
      assert.equal(await tier.get("a", any), undefined);
    }
    assert.deepEqual(rejections, ["corrupt", "corrupt", "corrupt"]);
    assert.equal(asked(), 3);
    await tier.set("b", entryOf("b"));
    assert.ok(await tier.get("b", any), "other keys are not concerned");
    clock.advance(299_000);
    assert.equal(await tier.get("a", any), undefined);
    assert.equal(asked(), 4);
    await tier.set("a", entryOf("whole"));
    clock.advance(1000);
    assert.equal(String((await tier.get("a", any))?.body), "whole");
  });

  test("takes away what it rejected three times, a forged fence with it", async () => {
    const { tier, kept } = rig(new ManualClock());
    kept.set("a", Buffer.from("garbage"));
    for (let i = 0; i < 2; i++) await tier.get("a", any);
    assert.ok(kept.has("a"));
    await tier.get("a", any);
    assert.equal(kept.has("a"), false);
  });

  test("three rejections over more than a minute are no reason", async () => {
    const clock = new ManualClock();
    const { tier, kept, asked } = rig(clock);
    kept.set("a", Buffer.from("garbage"));
    for (let i = 0; i < 9; i++) {
      await tier.get("a", any);
      clock.advance(31_000);
    }
    assert.equal(asked(), 9);
  });

  test("remembers 10,000 keys and no more", () => {
    const quarantine = new Quarantine(new ManualClock());
    for (let i = 0; i <= 10_000; i++) for (let n = 0; n < 3; n++) quarantine.rejected(`${i}`);
    assert.equal(quarantine.holds("0"), false);
    assert.equal(quarantine.holds("1"), true);
    assert.equal(quarantine.holds("10000"), true);
  });
});
