import type { Control } from "../core/control.ts";
import { toError } from "../core/errors.ts";
import type { ConfigSource, ReadyConfig } from "../config/source.ts";
import { createOps } from "../ops/app.ts";
import { createFaultLimit } from "./fault-limit.ts";
import { degradedLines } from "./left-out.ts";
import { createReloader, type Reloader } from "./reloader.ts";
import { createServing, type ProcessParts, type Serving } from "./serving.ts";

export interface RunParts extends ProcessParts {
  readonly source: ConfigSource;
  readonly first: ReadyConfig;
}

/** A gateway that runs, with its ops listener. */
export interface Running {
  readonly port: number;
  readonly opsPort: number;
  readonly control: Control;
  /** Resolves once it has drained, with the exit code. */
  readonly ended: Promise<number>;
  /** Something went wrong that nothing else caught: counted and logged. More than ten in a minute drain, exit code 1. */
  fault(where: string, thrown: unknown): void;
  /** Ends at once, cutting what is open. */
  stop(): Promise<void>;
}

/** One process that serves and answers its operators: `listen.workers: 1`. */
export async function runSolo(parts: RunParts): Promise<Running> {
  const { first, source, clock, version } = parts;
  const serving = await createServing({ ...parts, config: first, sharedPort: false });
  const { gateway, log } = serving;
  const { bus } = gateway;
  const { listen, ops: opsSettings } = first.config;
  const reloader = createReloader({ source, first, clock, bus, apply: (next) => serving.prepare(next).commit() });
  const closeRest = async (): Promise<void> => {
    reloader.close();
    await ops.close();
    await serving.close();
  };
  const ending = createEnding(() => gateway.drain().then(closeRest));
  const isTooMany = createFaultLimit(clock);
  const control = controlOf(serving, reloader, () => ending.begin(0));
  const ops = createOps({ control, settings: opsSettings, clock, bus, audit: log.audit, version });
  const { port: opsPort } = await ops.listen();
  let port: number;
  try {
    port = await gateway.listen();
  } catch (thrown) {
    await closeRest();
    throw thrown;
  }
  reloader.watch();
  log.announce("listening", { port, opsPort, host: listen.host, version, config: source.file });
  return {
    port,
    opsPort,
    control,
    ended: ending.ended,
    fault(where, thrown) {
      bus.publish("spillway:fault", { where, error: toError(thrown) });
      if (isTooMany()) ending.begin(1);
    },
    async stop() {
      await gateway.close();
      await closeRest();
    },
  };
}

/** What the operators of one process see and steer. */
function controlOf({ gateway, metrics, recorder, leftOut }: Serving, reloader: Reloader, drain: () => void): Control {
  return {
    life: gateway.life,
    checks: () => [
      `exchanges ${gateway.open()} open`,
      `config ${reloader.current().hash.slice(0, 12)}`,
      ...degradedLines(leftOut.tiers()),
    ],
    config: reloader.view,
    cache: async (ask) => ({ answers: [await gateway.cache.ask(ask)], silent: 0 }),
    decisions: async (ask) => ({ decisions: recorder.find(ask), processes: 1, silent: 0 }),
    dependencies: async () => ({ answers: [gateway.dependencies()], silent: 0 }),
    breaker: async (ask) => ({ answers: [gateway.breaker(ask)], silent: 0 }),
    reweigh: async (order) => ({ found: gateway.reweigh(order) ? 1 : 0, processes: 1, silent: 0 }),
    limits: async () => ({ readings: [gateway.limits()], silent: 0 }),
    webhookSecret: () => reloader.current().config.cache.webhook?.secret,
    metrics: () => metrics.collect(),
    reload: reloader.reload,
    drain,
  };
}

/** The end of a process: `finish` runs once, however often it is begun; the highest code asked for counts. */
function createEnding(finish: () => Promise<void>): { readonly ended: Promise<number>; begin(code: number): void } {
  const ended = Promise.withResolvers<number>();
  let exitCode: number | undefined;
  return {
    ended: ended.promise,
    begin(code) {
      const begun = exitCode !== undefined;
      exitCode = Math.max(exitCode ?? 0, code);
      if (!begun) void finish().then(() => ended.resolve(exitCode ?? 0));
    },
  };
}
