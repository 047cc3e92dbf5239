/** Further tries, read from the budgets when somebody asks. */
import type { DependencyReading, RetryReading } from "../core/dependency-reading.ts";
import type { Sample, View } from "./view.ts";

export function retryViews(read: () => readonly DependencyReading[]): readonly View[] {
  const of = (samples: (labels: { readonly dependency: string }, retry: RetryReading) => Sample[]) => () =>
    read().flatMap(({ name, retry }) => (retry ? samples({ dependency: name }, retry) : []));
  return [
    {
      name: "spillway_retries_total",
      help: "Further tries of requests by what became of them, those among them that were not made",
      type: "counter",
      aggregator: "sum",
      samples: of((labels, { results }) =>
        results.map(({ result, count }) => ({ labels: { ...labels, result }, value: count })),
      ),
    },
    {
      name: "spillway_retry_tokens",
      help: "Further tries that are saved up for a dependency",
      type: "gauge",
      aggregator: "sum",
      samples: of((labels, { tokens }) => [{ labels, value: tokens }]),
    },
  ];
}
