import assert from "node:assert/strict";
import { test } from "node:test";
import { targetViews } from "../../../src/telemetry/targets.ts";
import { dependencyReading, targetReading } from "../../support/dependency-reading.ts";

const target = targetReading({
  origin: "http://10.0.0.1:80",
  state: "ejected",
  weight: 2,
  inFlight: 3,
  latencyMs: 250,
  requests: 7,
});

test("targets are told by dependency and by the origin that is configured", () => {
  const reading = { ...dependencyReading("catalog"), panic: true, targets: [target] };
  const found = targetViews(() => [reading]).map(({ name, samples }) => [name, ...samples()]);
  const labels = { dependency: "catalog", target: "http://10.0.0.1:80" };
  assert.deepEqual(found, [
    ["spillway_target_in_flight", { labels, value: 3 }],
    ["spillway_target_requests_total", { labels, value: 7 }],
    ["spillway_target_ejections_total", { labels, value: 0 }],
    ["spillway_target_usable", { labels, value: 0 }],
    ["spillway_target_weight", { labels, value: 2 }],
    ["spillway_target_latency_seconds", { labels, value: 0.25 }],
    ["spillway_balance_panic", { labels: { dependency: "catalog" }, value: 1 }],
  ]);
});
