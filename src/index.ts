/** The library: a gateway of one's own, or Express middleware that protects the application it is mounted in. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { validateConfig } from "./config/load.ts";
import { readMaterial } from "./config/material.ts";
import { routeNames, type Config, type ConfigInput } from "./config/schema.ts";
import { systemClock, systemRandom } from "./core/clock.ts";
import { ConfigError, issueLine, toError } from "./core/errors.ts";
import type { Events } from "./core/events.ts";
import type { Exchange, PriorityClass } from "./core/exchange.ts";
import { createGateway as compose, type Gateway as Composed } from "./gateway.ts";
import { createLog, type Log } from "./telemetry/log.ts";
import { createMetrics, type MetricsText } from "./telemetry/metrics.ts";
import { createSpans } from "./telemetry/spans.ts";

export { invalidates, type InvalidatesPolicy } from "./cache/library/cached.ts";
export type {
  Cache,
  CachePurge,
  Duration,
  LevelsPolicy,
  LifetimePolicy,
  Loader,
  LoadPolicy,
  SetPolicy,
  Writer,
  WriteStrategy,
} from "./cache/library/cache.ts";
export { ConfigError, UsageError, type ConfigIssue } from "./core/errors.ts";
export type { ConfigInput as SpillwayConfig } from "./config/schema.ts";
export type { Drained, ExchangeEnded, Fault, Reloaded, TurnedAway } from "./core/events.ts";
export type { Exchange, PriorityClass } from "./core/exchange.ts";
export type { Outcome } from "./core/outcome.ts";
export { cached, createCache, type CacheConfig } from "./library.ts";
export type { MetricsText } from "./telemetry/metrics.ts";

/** What a gateway tells, by name: `on("exchange", (event) => ...)`. */
export interface GatewayEvents {
  /** An exchange is over, whoever answered it. */
  readonly exchange: Events["spillway:exchange"];
  /** A request ended before it became an exchange. */
  readonly "turned-away": Events["spillway:turned-away"];
  readonly reload: Events["spillway:reload"];
  readonly drain: Events["spillway:drain"];
  /** Something went wrong that no exchange tells. */
  readonly fault: Events["spillway:fault"];
}

export interface GatewayOptions {
  /** Where JSON log lines go, a line a request among them as `listen.accessLog` says; `false`: nowhere. Default: warnings and faults, to standard error. */
  readonly log?: { write(line: string): unknown } | false;
}

/** One gateway inside this process. It opens no ops listener: that is the command's. */
export interface Gateway {
  /** Serves `listen.host` and `listen.port`. Not for a gateway that is mounted as middleware. */
  listen(): Promise<{ readonly port: number }>;
  /** Answers a request that came to another server; `next` is called for routes with `dependency: next`. */
  handle(request: IncomingMessage, response: ServerResponse, next: () => void): void;
  /** Puts another configuration in force for new requests. Throws a {@link ConfigError} and keeps the old one if it is wrong. */
  reload(config: ConfigInput): void;
  /** In the format that Prometheus reads. */
  metrics(): Promise<MetricsText>;
  /** Returns a function that ends the subscription. Listeners run synchronously and must not throw. */
  on<Name extends keyof GatewayEvents>(name: Name, listener: (event: GatewayEvents[Name]) => void): () => void;
  /** Lets what is open finish, `drain.timeout` at most, then closes. A server that is not ours must be closed by its owner. */
  drain(): Promise<void>;
  /** Cuts what is open and closes every connection. */
  close(): Promise<void>;
}

/** What Spillway has found out about a request that it handed on, as `req.spillway`. */
export interface SpillwayFacts {
  /** `X-Request-Id`. */
  readonly id: string;
  /** Name of the route. */
  readonly route: string;
  readonly class: PriorityClass;
}

/** Express middleware, and the gateway behind it. */
export interface SpillwayMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: () => void): void;
  readonly gateway: Gateway;
}

declare global {
  // Where Express looks for what middleware adds to its requests.
  namespace Express {
    interface Request {
      /** Present on requests that came through `spillway()`. */
      readonly spillway?: SpillwayFacts;
    }
  }
}

/** A gateway from a plain object with the keys of the YAML file. Throws a {@link ConfigError} with everything that is wrong. */
export function createGateway(config: ConfigInput, options: GatewayOptions = {}): Gateway {
  const { config: first } = validateConfig(config, { hostApp: true });
  const gateway = compose(first, { material: readMaterial(first, "config") });
  const telemetry = startTelemetry(gateway, options);
  let listening = false;
  const close = async (): Promise<void> => {
    await gateway.close();
    await telemetry.close();
  };
  return {
    async listen() {
      listening = true;
      return { port: await gateway.listen() };
    },
    handle(request, response, next) {
      gateway.handle(request, response, (exchange) => {
        (request as { spillway?: SpillwayFacts }).spillway = factsOf(exchange);
        next();
      });
    },
    reload(next) {
      telemetry.setConfig(reload(gateway, next));
    },
    metrics: telemetry.metrics,
    on: (name, listener) =>
      gateway.bus.subscribe(`spillway:${name}`, (event) => listener(event as GatewayEvents[typeof name])),
    async drain() {
      if (listening) await gateway.drain();
      else await nothingOpen(gateway);
      await close();
    },
    close,
  };
}

/** Express middleware: `app.use(spillway(config))`, before body parsers. Routes with `dependency: next` go on to the application's own. */
export function spillway(config: ConfigInput, options: GatewayOptions = {}): SpillwayMiddleware {
  const gateway = createGateway(config, options);
  const middleware = (request: IncomingMessage, response: ServerResponse, next: () => void): void =>
    gateway.handle(request, response, () => next());
  return Object.assign(middleware, { gateway });
}

const factsOf = ({ id, route, class: cls }: Exchange): SpillwayFacts => ({ id, route: route.name, class: cls });

function reload(gateway: Composed, input: ConfigInput): Config {
  try {
    const { config, hash } = validateConfig(input, { hostApp: true });
    gateway.apply(config, readMaterial(config, "config"));
    gateway.bus.publish("spillway:reload", { outcome: "applied", hash, errors: [] });
    return config;
  } catch (thrown) {
    const errors = thrown instanceof ConfigError ? thrown.issues.map(issueLine) : [toError(thrown).message];
    gateway.bus.publish("spillway:reload", { outcome: "refused", hash: "", errors });
    throw thrown;
  }
}

/** Resolves once no exchange is open, or `drain.timeout` is over. */
function nothingOpen(gateway: Composed): Promise<void> {
  if (gateway.open() === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      unsubscribe();
      cancel();
      resolve();
    };
    const unsubscribe = gateway.bus.subscribe("spillway:exchange", () => gateway.open() === 0 && done());
    const cancel = systemClock.after(gateway.config().drain.timeout, done);
  });
}

interface Telemetry {
  setConfig(config: Config): void;
  metrics(): Promise<MetricsText>;
  close(): Promise<void>;
}

function startTelemetry(gateway: Composed, options: GatewayOptions): Telemetry {
  const { bus } = gateway;
  const version = versionOfPackage();
  const log = startLog(gateway, options);
  const metrics = createMetrics({
    bus,
    version,
    routes: routeNames(gateway.config()),
    nodeVersion: process.versions.node,
    ...(log && { logLinesDropped: log.dropped }),
  });
  const spans = createSpans({ bus, clock: systemClock, version });
  return {
    setConfig(config) {
      metrics.setRoutes(routeNames(config));
      log?.setAccessLog(config.listen.accessLog);
    },
    metrics: () => metrics.collect(),
    async close() {
      metrics.close();
      (await spans).close();
      await log?.close();
    },
  };
}

function startLog({ bus, config }: Composed, { log }: GatewayOptions): Log | undefined {
  if (log === false) return undefined;
  const out = log ?? process.stderr;
  return createLog({
    bus,
    destination: {
      write(chunk, done) {
        out.write(chunk.toString());
        done();
      },
    },
    accessLog: config().listen.accessLog,
    level: log ? "info" : "warn",
    clock: systemClock,
    random: systemRandom,
  });
}

function versionOfPackage(): string {
  const require = createRequire(import.meta.url);
  return (require("../package.json") as { version: string }).version;
}
