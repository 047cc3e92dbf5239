/** Every metric that is exposed, put together. Nothing outside this folder knows prom-client. */
import { AggregatorRegistry, Registry, type Aggregator, type Metric } from "prom-client";
import type { DependencyReading } from "../core/dependency-reading.ts";
import type { EventBus, ExchangeEnded } from "../core/events.ts";
import { admissionViews } from "./admission.ts";
import { breakerViews } from "./breaker.ts";
import { backplaneViews, createBackplaneReading } from "./backplane.ts";
import { createEndings, endingViews } from "./endings.ts";
import { createTally, type Tally } from "./label.ts";
import { cacheViews, createCacheCounts, type CacheCounts } from "./cache.ts";
import { createLimitCounts, limitViews, type LimitCounts } from "./limits.ts";
import { createProcessProbe, type ProcessReading } from "./process.ts";
import { retryViews } from "./retry.ts";
import { createRedisCounts, redisViews } from "./redis.ts";
import { DURATION_BOUNDS, createRequestCounts, type RequestCounts, type RouteFigures } from "./requests.ts";
import { targetViews } from "./targets.ts";
import { createTierCounts, tierViews } from "./tiers.ts";
import { createWarmCounts, warmViews } from "./warming.ts";
import { histogram, single, tallyView, type Sample, type View } from "./view.ts";

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** One process's metrics as plain data, fit for a message to another process. */
export type MetricsJson = readonly object[];

export interface Metrics {
  /** Names that may be a `route` label; counts of routes left out are dropped. */
  setRoutes(names: readonly string[]): void;
  collect(): Promise<MetricsText>;
  json(): Promise<MetricsJson>;
  /** Stops listening; what was counted can still be read. */
  close(): void;
}

export interface MetricsParts {
  readonly bus: EventBus;
  /** Names of the configured routes. */
  readonly routes: readonly string[];
  readonly version: string;
  readonly nodeVersion: string;
  /** Lines the log could not write so far. Default: none. */
  readonly logLinesDropped?: () => number;
  /** What is known of dependencies. Default: none. */
  readonly dependencies?: () => readonly DependencyReading[];
}

/** Most values of a label that no configuration bounds. All are words of ours, so this is a safety net. */
const MOST_WORDS = 64;

export function createMetrics(parts: MetricsParts): Metrics {
  const registry = new Registry();
  const requests = createRequestCounts(parts.routes);
  const probe = createProcessProbe();
  const endings = createEndings(parts.bus);
  const cache = createCacheCounts();
  const limits = createLimitCounts();
  const redis = createRedisCounts(parts.bus);
  const backplane = createBackplaneReading(parts.bus);
  const tiers = createTierCounts(parts.bus);
  const warming = createWarmCounts(parts.bus);
  const reloads = { tally: createTally(MOST_WORDS), successful: 1 };
  const unsubscribe = listen(parts.bus, requests, cache, limits, reloads);
  let reading = probe.read();
  const views = [
    ...requestViews(requests),
    ...admissionViews(parts.dependencies ?? (() => [])),
    ...breakerViews(parts.dependencies ?? (() => [])),
    ...targetViews(parts.dependencies ?? (() => [])),
    ...retryViews(parts.dependencies ?? (() => [])),
    ...endingViews(endings),
    ...cacheViews(cache),
    ...limitViews(limits),
    ...redisViews(redis),
    ...backplaneViews(backplane),
    ...tierViews(tiers),
    ...warmViews(warming),
    ...reloadViews(reloads),
    single(
      "spillway_log_lines_dropped_total",
      "Log lines that could not be written",
      "counter",
      "sum",
      () => parts.logLinesDropped?.() ?? 0,
    ),
    buildInfo(parts),
    ...processRows.map(([name, help, type, aggregator, read]) =>
      single(name, help, type, aggregator, () => read(reading)),
    ),
  ];
  for (const view of views) register(registry, view);
  return {
    setRoutes: (names) => requests.setRoutes(names),
    async collect() {
      reading = probe.read();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    async json() {
      reading = probe.read();
      return registry.getMetricsAsJSON();
    },
    close() {
      for (const end of [...unsubscribe, endings.close, redis.close, backplane.close, tiers.close, warming.close])
        end();
      probe.close();
    },
  };
}

/** Metrics of several processes as one: counters and histograms add up, gauges as each metric says. */
export async function aggregateMetrics(processes: readonly MetricsJson[]): Promise<MetricsText> {
  const registry = AggregatorRegistry.aggregate([...processes]);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function register(registry: Registry, { samples, ...facts }: View): void {
  const get = async (): Promise<object> => ({ ...facts, values: samples() });
  registry.registerMetric({ ...facts, get } as unknown as Metric);
}

function listen(
  bus: EventBus,
  requests: RequestCounts,
  cache: CacheCounts,
  limits: LimitCounts,
  reloads: { readonly tally: Tally; successful: number },
): (() => void)[] {
  const ended = (event: ExchangeEnded): void => {
    requests.count(event);
    const { outcome } = event;
    if ("cache" in outcome && outcome.cache) cache.count(outcome.cache);
    if ("quota" in outcome && outcome.quota) limits.count(outcome.quota);
  };
  return [
    bus.subscribe("spillway:exchange", ended),
    bus.subscribe("spillway:cache-removed", ({ reason, count }) => cache.removed.add(reason, count)),
    bus.subscribe("spillway:cache-not-stored", ({ reason }) => cache.notStored.add(reason)),
    bus.subscribe("spillway:cache-rejected", ({ tier, reason }) => cache.rejected.add(tier, reason)),
    bus.subscribe("spillway:reload", ({ outcome }) => {
      reloads.tally.add(outcome);
      reloads.successful = outcome === "refused" ? 0 : 1;
    }),
  ];
}

const reloadViews = (reloads: { readonly tally: Tally; readonly successful: number }): View[] => [
  tallyView("spillway_config_reload_total", "Reloads that were tried", "outcome", reloads.tally),
  single(
    "spillway_config_last_reload_successful",
    "1 while the newest file is the one that runs",
    "gauge",
    "min",
    () => reloads.successful,
  ),
];

function requestViews(requests: RequestCounts): View[] {
  const byRoute = (name: string, help: string, figure: "bytes" | "cut"): View => ({
    name,
    help,
    type: "counter",
    aggregator: "sum",
    samples: () => Array.from(requests.routes(), (f) => ({ labels: { route: f.route }, value: f[figure] })),
  });
  return [
    {
      name: "spillway_requests_total",
      help: "Exchanges that ended",
      type: "counter",
      aggregator: "sum",
      samples: () => Array.from(requests.series(), ({ count, ...labels }) => ({ labels, value: count })),
    },
    {
      name: "spillway_request_duration_seconds",
      help: "From the head of a request to the end of its answer",
      type: "histogram",
      aggregator: "sum",
      samples: () => Array.from(requests.routes(), durationSamples).flat(),
    },
    byRoute("spillway_response_bytes_total", "Octets of answers' bodies written", "bytes"),
    byRoute("spillway_responses_cut_total", "Answers that did not reach their end, on either side", "cut"),
  ];
}

function durationSamples({ route, buckets, seconds }: RouteFigures): Sample[] {
  return histogram("spillway_request_duration_seconds", { route }, DURATION_BOUNDS, buckets, seconds);
}

const buildInfo = ({ version, nodeVersion }: MetricsParts): View => ({
  name: "spillway_build_info",
  help: "1; the labels tell what runs",
  type: "gauge",
  aggregator: "first",
  samples: () => [{ labels: { version, node: nodeVersion }, value: 1 }],
});

type Row = readonly [
  name: string,
  help: string,
  type: "counter" | "gauge",
  aggregator: Aggregator,
  read: (reading: ProcessReading) => number,
];

/** The names of prom-client's own default metrics, so that usual dashboards fit. */
const processRows: readonly Row[] = [
  ["process_cpu_user_seconds_total", "User CPU time", "counter", "sum", (r) => r.cpuUserSeconds],
  ["process_cpu_system_seconds_total", "System CPU time", "counter", "sum", (r) => r.cpuSystemSeconds],
  ["process_cpu_seconds_total", "CPU time", "counter", "sum", (r) => r.cpuUserSeconds + r.cpuSystemSeconds],
  ["process_resident_memory_bytes", "Resident memory", "gauge", "sum", (r) => r.residentBytes],
  ["process_start_time_seconds", "Start of the first process, Unix time", "gauge", "min", (r) => r.startedAt],
  ["nodejs_heap_size_used_bytes", "Heap in use", "gauge", "sum", (r) => r.heapUsedBytes],
  ["nodejs_heap_size_total_bytes", "Heap reserved", "gauge", "sum", (r) => r.heapTotalBytes],
  ["nodejs_external_memory_bytes", "Memory outside the heap", "gauge", "sum", (r) => r.externalBytes],
  [
    "nodejs_eventloop_utilization",
    "Busy share since the last scrape, busiest process",
    "gauge",
    "max",
    (r) => r.loopUtilisation,
  ],
  ["nodejs_eventloop_lag_mean_seconds", "Mean since the last scrape", "gauge", "max", (r) => r.loopDelayMeanSeconds],
  [
    "nodejs_eventloop_lag_p99_seconds",
    "Of the time since the last scrape",
    "gauge",
    "max",
    (r) => r.loopDelayP99Seconds,
  ],
  ["nodejs_eventloop_lag_max_seconds", "Longest since the last scrape", "gauge", "max", (r) => r.loopDelayMaxSeconds],
];
