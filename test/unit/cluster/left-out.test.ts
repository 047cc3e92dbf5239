import assert from "node:assert/strict";
import { test } from "node:test";
import { degradedLines, watchLeftOut } from "../../../src/cluster/left-out.ts";
import { createEventBus } from "../../../src/core/events.ts";

test("C13: a tier is told as left out from when its guard opens until it closes again", () => {
  const bus = createEventBus("left-out");
  const leftOut = watchLeftOut(bus);
  assert.deepEqual(degradedLines(leftOut.tiers()), []);
  bus.publish("spillway:cache-tier", { tier: "redis", state: "open", reason: "timeout" });
  bus.publish("spillway:cache-tier", { tier: "postgres", state: "open", reason: "down" });
  bus.publish("spillway:cache-tier", { tier: "redis", state: "open", reason: "timeout" });
  assert.deepEqual(degradedLines(leftOut.tiers()), [
    "degraded: cache tier redis is left out",
    "degraded: cache tier postgres is left out",
  ]);
  bus.publish("spillway:cache-tier", { tier: "redis", state: "closed", reason: "" });
  assert.deepEqual(leftOut.tiers(), ["postgres"]);
  leftOut.close();
  bus.publish("spillway:cache-tier", { tier: "postgres", state: "closed", reason: "" });
  assert.deepEqual(leftOut.tiers(), ["postgres"], "nothing is heard after close");
});
