import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { sturdy } from "../../../../src/cache/tiers/sturdy.ts";
import type { Tier } from "../../../../src/cache/tiers/tier.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const throwing = (fault: () => never): Tier => ({ get: fault, set: fault, delete: fault, clear: fault, close: fault });

const KINDS: Readonly<Record<string, Tier>> = {
  throws: throwing(() => {
    throw new Error("broken");
  }),
  rejects: throwing((() => Promise.reject(new Error("broken"))) as () => never),
};

for (const [kind, tier] of Object.entries(KINDS)) {
  suite(`a tier that ${kind}`, () => {
    test("has nothing and takes everything", async () => {
      const told: string[] = [];
      const { tier: kept } = sturdy({ name: "memory", tier }, new ManualClock(), (where) => void told.push(where));
      assert.equal(await kept.get("key", () => ""), undefined);
      await kept.set("key", {} as never);
      await kept.delete("key");
      await kept.clear();
      await kept.close();
      assert.deepEqual(told, ["cache tier memory"]);
    });

    test("is told of once a second, with the number of faults between", async () => {
      const told: string[] = [];
      const clock = new ManualClock();
      const { tier: kept } = sturdy({ name: "redis", tier }, clock, (_, error) => void told.push(error.message));
      for (let i = 0; i < 5; i++) await kept.get("key", () => "");
      clock.advance(1000);
      await kept.get("key", () => "");
      assert.deepEqual(told, ["broken", "broken (and 4 more since it was last told)"]);
    });
  });
}
