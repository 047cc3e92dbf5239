import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventBus } from "../../../src/core/events.ts";
import type { DependencyReading } from "../../../src/core/dependency-reading.ts";
import { aggregateMetrics, createMetrics } from "../../../src/telemetry/metrics.ts";
import { dependencyReading } from "../../support/dependency-reading.ts";

const metricsOf = (readings: readonly DependencyReading[]) =>
  createMetrics({
    bus: createEventBus("admission-test"),
    routes: [],
    version: "1",
    nodeVersion: "v26",
    dependencies: () => readings,
  });

const busy = dependencyReading("catalog", {
  inFlight: 7,
  queued: { system: 0, critical: 1, default: 4, sheddable: 0, bulk: 0 },
  waits: [90, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  waitedMs: 4020,
});

test("seats, who has them, who waits and for how long are told by dependency and class", async () => {
  const metrics = metricsOf([busy, dependencyReading("reports", { mode: "off", limit: undefined, inFlight: 3 })]);
  const { text } = await metrics.collect();
  metrics.close();
  const lines = text.split("\n");
  for (const line of [
    'spillway_admission_limit{dependency="catalog"} 10',
    'spillway_admission_in_flight{dependency="catalog"} 7',
    'spillway_admission_in_flight{dependency="reports"} 3',
    'spillway_admission_queued{dependency="catalog",class="critical"} 1',
    'spillway_admission_queued{dependency="catalog",class="default"} 4',
    'spillway_queue_wait_seconds_bucket{le="0",dependency="catalog"} 90',
    'spillway_queue_wait_seconds_bucket{le="0.005",dependency="catalog"} 95',
    'spillway_queue_wait_seconds_bucket{le="+Inf",dependency="catalog"} 96',
    'spillway_queue_wait_seconds_sum{dependency="catalog"} 4.02',
    'spillway_queue_wait_seconds_count{dependency="catalog"} 96',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(!text.includes('spillway_admission_limit{dependency="reports"}'));
});

test("the seats of several processes add up", async () => {
  const all = [metricsOf([busy]), metricsOf([dependencyReading("catalog", { inFlight: 2 })])];
  const { text } = await aggregateMetrics(await Promise.all(all.map((metrics) => metrics.json())));
  for (const metrics of all) metrics.close();
  assert.match(text, /^spillway_admission_limit\{dependency="catalog"\} 20$/m);
  assert.match(text, /^spillway_admission_in_flight\{dependency="catalog"\} 9$/m);
});
