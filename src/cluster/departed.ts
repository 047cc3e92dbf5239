/**
 * What workers that are gone had counted. Without it the sum over the workers would fall whenever one is replaced, and
 * whoever reads it would take that for a restart and count everything again.
 */
import type { MetricsJson } from "../telemetry/metrics.ts";

interface MetricJson {
  readonly name: string;
  readonly type: string;
  readonly values: readonly SampleJson[];
}

interface SampleJson {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** Counters and histograms of both, added up; gauges, which tell of now, are left out. */
export function addDeparted(before: MetricsJson, last: MetricsJson): MetricsJson {
  const sums = new Map((before as readonly MetricJson[]).map((metric) => [metric.name, metric]));
  for (const metric of last as readonly MetricJson[]) {
    if (metric.type === "gauge") continue;
    const sum = sums.get(metric.name);
    sums.set(metric.name, sum ? { ...metric, values: addSamples(sum.values, metric.values) } : metric);
  }
  return [...sums.values()];
}

function addSamples(before: readonly SampleJson[], more: readonly SampleJson[]): readonly SampleJson[] {
  const samples = new Map(before.map((sample) => [keyOf(sample), sample]));
  for (const sample of more) {
    const key = keyOf(sample);
    samples.set(key, { ...sample, value: sample.value + (samples.get(key)?.value ?? 0) });
  }
  return [...samples.values()];
}

const keyOf = ({ metricName, labels }: SampleJson): string =>
  JSON.stringify([metricName, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
