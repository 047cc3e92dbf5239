import { createEventBus } from "../../src/core/events.ts";
import { failed, refused } from "../../src/core/outcome.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { dependencyReading, targetReading } from "../../test/support/dependency-reading.ts";
import { endedExchange, served } from "../../test/support/ended-exchange.ts";

/** One metric as it is exposed. */
export interface MetricFacts {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric, asked of the telemetry itself after one event of each kind: so that the labels are there, too. */
export async function metricFacts(): Promise<readonly MetricFacts[]> {
  const bus = createEventBus("docs");
  const metrics = createMetrics({
    bus,
    routes: ["products"],
    version: "0",
    nodeVersion: "0",
    dependencies: () => [{ ...dependencyReading(), targets: [targetReading()] }],
  });
  bus.publish("spillway:exchange", endedExchange());
  bus.publish("spillway:exchange", endedExchange({ outcome: { ...served, cache: { result: "hit", tier: "memory" } } }));
  const quota = { rules: ["products"], refusedBy: "products", wouldRefuse: ["products"] };
  bus.publish("spillway:exchange", endedExchange({ outcome: { ...served, quota } }));
  bus.publish("spillway:cache-removed", { reason: "purged", count: 1 });
  bus.publish("spillway:cache-not-stored", { reason: "tags" });
  bus.publish("spillway:exchange", endedExchange({ outcome: refused("memory", "") }));
  bus.publish("spillway:exchange", endedExchange({ outcome: failed("timeout", "") }));
  bus.publish("spillway:turned-away", { reason: "malformed", status: 400, detail: "", address: "" });
  bus.publish("spillway:fault", { where: "docs", error: new Error("none") });
  bus.publish("spillway:cache-rejected", { tier: "redis", reason: "seal" });
  bus.publish("spillway:cache-tier", { tier: "redis", state: "closed", reason: "" });
  bus.publish("spillway:cache-skipped", { tier: "redis", reason: "timeout" });
  bus.publish("spillway:redis", { role: "cache", state: "up", reason: "" });
  bus.publish("spillway:reload", { outcome: "applied", hash: "", errors: [] });
  try {
    return (await metrics.json()).map((metric) => factsOf(metric as MetricJson));
  } finally {
    metrics.close();
  }
}

interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, unknown>> }[];
}

function factsOf({ name, help, type, values }: MetricJson): MetricFacts {
  const labels = new Set(values.flatMap((value) => Object.keys(value.labels)));
  return { name, type, help, labels: [...labels].filter((label) => label !== "le") };
}
