import assert from "node:assert/strict";
import { test } from "node:test";
import { timed } from "../../../../src/cache/tiers/timed.ts";
import type { Tier } from "../../../../src/cache/tiers/tier.ts";
import { Durations, summed } from "../../../../src/core/durations.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const tierOf = (get: Tier["get"]): Tier => ({ get, set: () => {}, delete: () => {}, clear: () => {}, close: () => {} });

test("one lookup in so many is timed, and a remote one until its answer is here, or fails", async () => {
  const clock = new ManualClock();
  const local = new Durations();
  const slow = (): undefined => {
    clock.advance(3);
  };
  const tier = timed(tierOf(slow), clock, local, 4);
  for (let i = 0; i < 9; i++) void tier.get("k", () => "");
  assert.deepEqual([summed([local.read()]).count, summed([local.read()]).averageMs], [2, 3]);
  const remote = new Durations();
  let answer = Promise.withResolvers<undefined>();
  const far = timed(
    tierOf(() => answer.promise),
    clock,
    remote,
    1,
  );
  const found = far.get("k", () => "");
  clock.advance(50);
  answer.resolve(undefined);
  await found;
  answer = Promise.withResolvers();
  const failed = far.get("k", () => "");
  clock.advance(10);
  answer.reject(new Error("gone"));
  await assert.rejects(async () => failed, /gone/);
  assert.deepEqual([summed([remote.read()]).count, summed([remote.read()]).averageMs], [2, 30]);
});
