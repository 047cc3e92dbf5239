import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldBreakers } from "../../../src/cluster/held-breakers.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("who starts later is asked for what is still held, with the time that is left", () => {
  const clock = new ManualClock({ now: 1000 });
  const held = new HeldBreakers(clock);
  const hold = { state: "isolated", ttl: 5_000, reason: "test" } as const;
  held.done({ dependency: "a", hold });
  held.done({ dependency: "b", hold: { ...hold, ttl: 1_000 } });
  held.done({ dependency: "c", hold });
  held.done({ dependency: "c", hold: undefined });
  clock.advance(1_000);
  assert.deepEqual(held.asks(), [{ dependency: "a", hold: { ...hold, ttl: 4_000 } }]);
  held.done({ dependency: "a", hold: { ...hold, state: "forced-closed" } });
  assert.deepEqual(held.asks(), [{ dependency: "a", hold: { ...hold, state: "forced-closed" } }]);
  clock.advance(5_000);
  assert.deepEqual(held.asks(), []);
});
