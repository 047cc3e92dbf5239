/** Metrics as they are exposed, each a name and a way to read its values. */
import type { Aggregator } from "prom-client";
import type { PairTally, Tally } from "./label.ts";

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** For the several names under one histogram. */
  readonly metricName?: string;
}

/** Counts live in plain maps, because prom-client's own counters cost more than the rest of a request's telemetry. */
export interface View {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How the values of several processes become one. */
  readonly aggregator: Aggregator;
  readonly samples: () => Sample[];
}

/** `buckets` are not cumulated; the last one has no upper bound. */
export function histogram(
  name: string,
  labels: Readonly<Record<string, string>>,
  bounds: readonly number[],
  buckets: Float64Array,
  sum: number,
): Sample[] {
  const samples: Sample[] = [];
  let total = 0;
  for (const [at, count] of buckets.entries()) {
    total += count;
    samples.push({ metricName: `${name}_bucket`, labels: { le: bounds[at] ?? "+Inf", ...labels }, value: total });
  }
  samples.push({ metricName: `${name}_sum`, labels, value: sum });
  samples.push({ metricName: `${name}_count`, labels, value: total });
  return samples;
}

/** A counter with one label. */
export const tallyView = (name: string, help: string, label: string, tally: Tally): View => ({
  name,
  help,
  type: "counter",
  aggregator: "sum",
  samples: () => Array.from(tally.entries(), ([value, count]) => ({ labels: { [label]: value }, value: count })),
});

/** A counter with two labels. */
export const pairView = (name: string, help: string, labels: readonly [string, string], pairs: PairTally): View => ({
  name,
  help,
  type: "counter",
  aggregator: "sum",
  samples: () =>
    Array.from(pairs.entries(), ([first, second, count]) => ({
      labels: { [labels[0]]: first, [labels[1]]: second },
      value: count,
    })),
});

/** A metric without labels. */
export const single = (
  name: string,
  help: string,
  type: "counter" | "gauge",
  aggregator: Aggregator,
  read: () => number,
): View => ({ name, help, type, aggregator, samples: () => [{ labels: {}, value: read() }] });
