import assert from "node:assert/strict";
import { test } from "node:test";
import { createFaultLimit } from "../../../src/cluster/fault-limit.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("the eleventh fault within a minute is one too many; older ones do not count", () => {
  const clock = new ManualClock();
  const isTooMany = createFaultLimit(clock);
  for (let i = 0; i < 10; i++) assert.equal(isTooMany(), false);
  clock.advance(60_000);
  for (let i = 0; i < 10; i++) assert.equal(isTooMany(), false);
  clock.advance(59_999);
  assert.equal(isTooMany(), true);
  clock.advance(120_000);
  assert.equal(isTooMany(), false);
});
