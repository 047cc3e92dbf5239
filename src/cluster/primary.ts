import { routeNames } from "../config/schema.ts";
import { createHexSource } from "../core/clock.ts";
import type { Control, Life } from "../core/control.ts";
import { newestOf, type DecisionsAsk } from "../core/decisions.ts";
import { toError } from "../core/errors.ts";
import { createEventBus, type EventBus } from "../core/events.ts";
import type { ReadyConfig } from "../config/source.ts";
import { createOps } from "../ops/app.ts";
import type { DrainPace } from "../gateway.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { aggregateMetrics, createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { wholeLines } from "../telemetry/whole-lines.ts";
import { Crew } from "./crew.ts";
import { clusterFork, type Fork } from "./fork.ts";
import type { WorkerConfig } from "./messages.ts";
import { settlePort, type SharedPort } from "./port.ts";
import { degradedLines } from "./left-out.ts";
import { createReloader } from "./reloader.ts";
import type { Running, RunParts } from "./solo.ts";
import { keepWeights } from "./weights.ts";

/** Milliseconds that workers have beyond `drain.delay` and `drain.timeout` before they are killed. */
const DRAIN_GRACE = 5_000;

export interface PrimaryParts extends RunParts {
  /** More than one. */
  readonly workers: number;
  /** Default: processes by `node:cluster`. */
  readonly fork?: Fork;
}

/** `salt`: of the cohorts, where the configuration has none, so that a tenant has the same place in all workers. */
function forWorkers({ config, material, hash }: ReadyConfig, salt: string): WorkerConfig {
  const { priority } = config;
  const cohort = { salt, ...priority.cohort };
  return { config: { ...config, priority: { ...priority, cohort } }, material, hash };
}

/** Log and metrics of the primary itself. */
function openOwnTelemetry(parts: PrimaryParts, bus: EventBus): { log: Log; metrics: Metrics; close(): Promise<void> } {
  const { first, clock, random, version, nodeVersion } = parts;
  const log = createLog({
    bus,
    destination: wholeLines(parts.out),
    spare: wholeLines(parts.spare),
    accessLog: false,
    level: "info",
    clock,
    random,
  });
  const metrics = createMetrics({
    bus,
    routes: routeNames(first.config),
    version,
    nodeVersion,
    logLinesDropped: log.dropped,
  });
  return {
    log,
    metrics,
    async close() {
      metrics.close();
      await log.close();
    },
  };
}

/** Where the primary is on its way from start to end. */
interface Course {
  life(): Life;
  started(): void;
  /** Ended by force: a drain under way is never over. */
  stopped(): void;
  /** Calls `over` with the exit code when no worker is left. A second call does nothing. */
  drain(over: (code: number) => void): void;
}

function createCourse({ clock }: PrimaryParts, crew: Crew, pace: () => DrainPace): Course {
  let life: Life = "starting";
  return {
    life: () => (life === "ready" && crew.census().serving === 0 ? "starting" : life),
    started() {
      if (life === "starting") life = "ready";
    },
    stopped() {
      life = "stopped";
    },
    drain(over) {
      if (life === "draining" || life === "stopped") return;
      life = "draining";
      const { delay, timeout } = pace();
      let code = 0;
      const cut = clock.after(delay + timeout + DRAIN_GRACE, () => {
        code = 1;
        void crew.kill();
      });
      void crew.drain().then(() => {
        cut();
        if (life === "stopped") return;
        life = "stopped";
        over(code);
      });
    },
  };
}

function gatherCrew(parts: PrimaryParts, bus: EventBus, { port, sharing }: SharedPort, salt: string): Crew {
  const { first, clock, version, workers } = parts;
  const name = first.config.listen.name ?? `spillway-${createHexSource(4)()}`;
  return new Crew({
    size: workers,
    fork: parts.fork ?? clusterFork(),
    clock,
    bus,
    first: forWorkers(first, salt),
    start: { name, port, sharing, version },
  });
}

/** Workers that serve and, in this process, their operators' side: `listen.workers` above 1. Serves no traffic itself. */
export async function runPrimary(parts: PrimaryParts): Promise<Running> {
  const { first, source, clock, version, workers } = parts;
  const { listen, ops: opsSettings } = first.config;
  const bus = createEventBus(createHexSource(8)());
  const shared = await settlePort(listen);
  const own = openOwnTelemetry(parts, bus);
  const salt = createHexSource(16, 16)();
  const crew = gatherCrew(parts, bus, shared, salt);
  const reloader = createReloader({ source, first, clock, bus, apply: (next) => crew.apply(forWorkers(next, salt)) });
  const ended = Promise.withResolvers<number>();
  const course = createCourse(parts, crew, () => reloader.current().config.drain);
  const control: Control = {
    life: course.life,
    checks: () => [
      `workers ${crew.census().serving}/${workers}`,
      `exchanges ${crew.census().open} open`,
      `config ${reloader.current().hash.slice(0, 12)}`,
      ...degradedLines(crew.census().leftOut),
    ],
    config: reloader.view,
    cache: (ask) => crew.cache(ask),
    decisions: (ask) => decisionsOf(crew, ask),
    limits: () => limitsOf(crew),
    dependencies: () => dependenciesOf(crew),
    breaker: (ask) => crew.breaker(ask),
    reweigh: keepWeights(crew, bus, clock),
    webhookSecret: () => reloader.current().config.cache.webhook?.secret,
    metrics: async () => aggregateMetrics([await own.metrics.json(), ...(await crew.metrics())]),
    reload: reloader.reload,
    drain: () => course.drain((code) => void closeRest().then(() => ended.resolve(code))),
  };
  const ops = createOps({ control, settings: opsSettings, clock, bus, audit: own.log.audit, version });
  const closeRest = async (): Promise<void> => {
    reloader.close();
    await ops.close();
    await own.close();
  };
  const stop = async (): Promise<void> => {
    course.stopped();
    await crew.kill();
    await closeRest();
  };
  try {
    const { port: opsPort } = await ops.listen();
    const unsubscribe = bus.subscribe("spillway:worker", () => void shared.release());
    await crew.start();
    unsubscribe();
    course.started();
    reloader.watch();
    const { port } = shared;
    own.log.announce("listening", { port, opsPort, workers, host: listen.host, version, config: source.file });
    const fault: Running["fault"] = (where, thrown) => bus.publish("spillway:fault", { where, error: toError(thrown) });
    return { port, opsPort, control, ended: ended.promise, fault, stop };
  } catch (thrown) {
    await shared.release();
    await stop();
    throw thrown;
  }
}

/** The newest decisions of all workers together. */
async function decisionsOf(crew: Crew, ask: DecisionsAsk): ReturnType<Control["decisions"]> {
  const { answers, silent } = await crew.askAll({ kind: "decisions", ask });
  const found = answers.flatMap((answer) => (answer.kind === "decisions" ? [answer.decisions] : []));
  return { decisions: newestOf(found, ask.limit), processes: found.length, silent };
}

/** What the client quotas of every worker have counted. */
async function limitsOf(crew: Crew): ReturnType<Control["limits"]> {
  const { answers, silent } = await crew.askAll({ kind: "limits" });
  return { readings: answers.flatMap((answer) => (answer.kind === "limits" ? [answer.reading] : [])), silent };
}

/** What every worker knows of its dependencies. */
async function dependenciesOf(crew: Crew): ReturnType<Control["dependencies"]> {
  const { answers, silent } = await crew.askAll({ kind: "dependencies" });
  return { answers: answers.flatMap((one) => (one.kind === "dependencies" ? [one.readings] : [])), silent };
}
