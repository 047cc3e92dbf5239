import { routeNames } from "../config/schema.ts";
import type { Clock, Random } from "../core/clock.ts";
import { createGateway, type Gateway } from "../gateway.ts";
import type { Prepared } from "../graph.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createRecorder, type Recorder } from "../telemetry/recorder.ts";
import type { Sink } from "../telemetry/sink.ts";
import { createSpans } from "../telemetry/spans.ts";
import { watchLeftOut, type LeftOut } from "./left-out.ts";
import type { WorkerConfig } from "./messages.ts";

/** What every process of a gateway is given. */
export interface ProcessParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Of this package. */
  readonly version: string;
  readonly nodeVersion: string;
  /** Log lines. */
  readonly out: Sink;
  /** Audit lines that `out` does not take. */
  readonly spare: Sink;
}

export interface ServingParts extends ProcessParts {
  readonly config: WorkerConfig;
  readonly sharedPort: boolean;
  /** How many share the machine's memory. Default: 1. */
  readonly processes?: number;
  /** Which of them this is, from 0. Default: 0. */
  readonly process?: number;
  /** Our name in Via and CDN-Loop when the configuration gives none. Default: one made at random. */
  readonly name?: string;
}

/** A gateway with its log, metrics and spans: what serves in a process, alone or as one of several. */
export interface Serving {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly leftOut: LeftOut;
  /** See {@link Gateway.prepare}; what stands around the gateway follows at the commit. */
  prepare(next: WorkerConfig): Prepared;
  /** Ends what tells of the gateway, after the gateway itself has ended. */
  close(): Promise<void>;
}

export async function createServing(parts: ServingParts): Promise<Serving> {
  const { config: first, clock, random, version, nodeVersion, sharedPort, name, process = 0, processes = 1 } = parts;
  const { config, material } = first;
  const gateway = createGateway(config, {
    material,
    clock,
    random,
    sharedPort,
    process,
    processes,
    ...(name !== undefined && { name }),
  });
  const { bus } = gateway;
  const { accessLog } = config.listen;
  const log = createLog({
    bus,
    destination: parts.out,
    spare: parts.spare,
    accessLog,
    level: "info",
    clock,
    random,
  });
  const metrics = createMetrics({
    bus,
    routes: routeNames(config),
    version,
    nodeVersion,
    logLinesDropped: log.dropped,
    dependencies: gateway.dependencies,
  });
  const recorder = createRecorder({ bus, clock });
  const spans = await createSpans({ bus, clock, version });
  const leftOut = watchLeftOut(bus);
  return {
    gateway,
    log,
    metrics,
    recorder,
    leftOut,
    prepare(next) {
      const { commit, abort } = gateway.prepare(next.config, next.material);
      return {
        abort,
        commit() {
          commit();
          metrics.setRoutes(routeNames(next.config));
          log.setAccessLog(next.config.listen.accessLog);
        },
      };
    },
    async close() {
      metrics.close();
      recorder.close();
      leftOut.close();
      spans.close();
      await log.close();
    },
  };
}
