import type { IncomingMessage, ServerResponse } from "node:http";
import { totalmem } from "node:os";
import { askBreaker } from "./breakers.ts";
import type { Material } from "./config/material.ts";
import type { Config } from "./config/schema.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import type { Life } from "./core/control.ts";
import type { BreakerAnswer, BreakerAsk } from "./core/breaker-control.ts";
import type { DependencyReading, WeightOrder } from "./core/dependency-reading.ts";
import { createEventBus, type EventBus } from "./core/events.ts";
import type { Exchange } from "./core/exchange.ts";
import type { CacheAnswer, CacheAsk, PurgeOrder } from "./core/cache-control.ts";
import type { LimitsReading } from "./core/limits-control.ts";
import { createCacheControl, type CacheControl } from "./cache/control.ts";
import { canonicalUrl } from "./routing/canonical-url.ts";
import type { Resolve } from "./dependency/balance/addresses.ts";
import type { Desk } from "./admission/lending.ts";
import { borrow, desksOf, readDependencies } from "./gates.ts";
import { readRetry } from "./retries.ts";
import { createGraphs, type Graph, type Prepared } from "./graph.ts";
import { drainServer } from "./http/drain.ts";
import { Edge, type EdgeParts } from "./http/edge.ts";
import type { Judgement } from "./http/judge.ts";
import { createMemoryGuard, createProcessMemory, memoryLimit } from "./http/memory.ts";
import { createBusyStage } from "./http/busy-stage.ts";
import { createProcessLoad, createSaturationGuard } from "./http/saturation.ts";
import { createEdgeServer, type ServerParts } from "./http/server.ts";
import type { WarmHold } from "./core/warming.ts";
import { createWarming, isWarmAsk } from "./warming.ts";

export interface GatewayParts {
  readonly material: Material;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Several processes share the port. */
  readonly sharedPort?: boolean;
  /** How many share the machine's memory, and the limits of clients. Default: 1. */
  readonly processes?: number;
  /** Which of them this is, from 0. Default: 0. */
  readonly process?: number;
  /** Addresses of names of targets. Default: the system's way. */
  readonly resolve?: Resolve;
  /** The degradation level in force. Default: 0, always. */
  readonly level?: () => number;
  /** Our name in Via and CDN-Loop when the configuration gives none. Default: one made at random. */
  readonly name?: string;
}

/** A gateway: one configuration in force at a time, its dependencies, and the port it serves. */
export interface Gateway {
  readonly bus: EventBus;
  readonly name: string;
  life(): Life;
  /** The configuration in force. */
  config(): Config;
  /** What client quotas have counted. */
  limits(): LimitsReading;
  /** Exchanges that have not ended. */
  open(): number;
  /** Answers a request that came to somebody else's server; `next` hands it to the host application behind us. */
  handle(request: IncomingMessage, response: ServerResponse, next: (exchange: Exchange) => void): void;
  readonly cache: { ask(ask: CacheAsk): Promise<CacheAnswer> } & Pick<CacheControl, "hear">;
  /** What is known of the dependencies of the configuration in force. */
  dependencies(): readonly DependencyReading[];
  /** Holds the breaker of a dependency by hand, or gives it back. */
  breaker(ask: BreakerAsk): BreakerAnswer;
  /** Sets the weight of a target; false: there is none of that name. */
  reweigh(order: WeightOrder): boolean;
  /** Seats of dependencies that the workers of one machine lend each other, by name. */
  readonly seats: {
    desks(): Readonly<Record<string, Desk>>;
    borrow(lent: Readonly<Record<string, number>>): void;
  };
  /** Begins to take requests; resolves to the port. */
  listen(): Promise<number>;
  /** Resolves once it may call itself ready: at once, unless `cache.warm.readyWithin` has it wait. */
  warmed(): Promise<void>;
  /** Puts another configuration in force, at once and for new requests; what is under way keeps its own. */
  apply(config: Config, material: Material): void;
  /** The first half of `apply`: builds it all and uses nothing. Throws what cannot be built. */
  prepare(config: Config, material: Material): Prepared;
  /** Not ready, then closed, then cut: resolves when everything is over. A second call joins the first. */
  drain(pace?: DrainPace): Promise<void>;
  /** Cuts everything now. */
  close(): Promise<void>;
}

/** How long draining may take, in milliseconds. Default: the configuration's `drain`. */
export type DrainPace = Config["drain"];

/** THE composition: builds every object, and closes everything in reverse. */
export function createGateway(config: Config, parts: GatewayParts): Gateway {
  const { clock = systemClock, random = systemRandom, material, sharedPort = false, level } = parts;
  const { processes = 1 } = parts;
  const { listen } = config;
  const name = listen.name ?? parts.name ?? `spillway-${createHexSource(4)()}`;
  const bus = createEventBus(createHexSource(8)());
  const own = { clock, random, bus, name, settings: listen };
  const { memory, saturation } = createGuards(own, processes);
  const busy = createBusyStage(saturation, random);
  const graphs = createGraphs(config, { ...parts, clock, random, bus, busy, ownWork: saturation });
  const cache = createCacheControl({ bus, store: () => graphs.current().store, canonical: canonicalUrl });
  const purge = (order: PurgeOrder): Promise<CacheAnswer> => cache.ask({ do: "purge", order, share: true });
  const held = (): WarmHold | undefined => (level?.() ? "level" : memory.refusal === "none" ? undefined : "memory");
  const warming = createWarming({ ...own, graph: graphs.current, purge, held });
  let life: Life = "starting";
  let drained: Promise<void> | undefined;

  const judgement = (): Judgement => graphs.current().judgement;
  const draining = (): boolean => life === "draining";
  const { edge, server } = openEdge({ ...own, judgement, draining, memory, saturation, tls: material.tls, sharedPort });

  const end = async (finished: Promise<void>): Promise<void> => {
    warming.close();
    await finished;
    for (const each of [memory, saturation, cache]) each.close();
    await graphs.destroy();
    life = "stopped";
  };
  const drain = (pace: DrainPace): Promise<void> => {
    life = "draining";
    return end(drainServer({ server, clock, bus, open: () => edge.open }, pace));
  };
  const prepare: Gateway["prepare"] = (next, nextMaterial) =>
    toldWhen(graphs.prepare(next, nextMaterial), warming.configured);
  let warmed: Promise<unknown> | undefined;
  const nowReady = (): Life => (life = life === "starting" ? "ready" : life);
  return {
    bus,
    name,
    life: () => life,
    ...viewsOf(graphs.current, clock),
    cache: { hear: cache.hear, ask: async (ask) => (isWarmAsk(ask) ? warming.ask(ask) : cache.ask(ask)) },
    open: () => edge.open,
    handle: (request, response, next) => edge.handle(request, response, next),
    async listen() {
      const port = await server.listen();
      warmed = warming.start()?.then(nowReady);
      if (!warmed) nowReady();
      return port;
    },
    warmed: async () => void (await warmed),
    apply: (next, nextMaterial) => prepare(next, nextMaterial).commit(),
    prepare,
    drain: (pace = graphs.current().config.drain) => (drained ??= drain(pace)),
    async close() {
      life = "stopped";
      const finished = server.finish();
      server.cut();
      await end(finished);
    },
  };
}

type Views = Pick<Gateway, "config" | "limits" | "dependencies" | "breaker" | "reweigh" | "seats">;

/** What is known of the configuration in force, and of what stands for it. */
const viewsOf = (graph: () => Graph, clock: Clock): Views => ({
  config: () => graph().config,
  limits: () => graph().quotas.reading(),
  dependencies: () => {
    const { gates, breakers, dependencies, retries } = graph();
    const readings = readDependencies(gates, breakers, dependencies);
    return readings.map((reading) => ({ ...reading, retry: readRetry(retries, reading.name, clock) }));
  },
  breaker: (ask) => askBreaker(graph().breakers, ask),
  reweigh: ({ dependency, target, weight, expires, reason }) =>
    graph().dependencies.get(dependency)?.balancer.reweigh(target, weight, expires, reason) ?? false,
  seats: { desks: () => desksOf(graph().gates, "workers"), borrow: (lent) => borrow(graph().gates, "workers", lent) },
});

/** What keeps the process itself from giving in: refusals for want of memory, and of processor time. */
function createGuards({ clock, bus, settings }: Pick<EdgeParts, "clock" | "bus" | "settings">, processes: number) {
  const limit = settings.maxMemory ?? memoryLimit(totalmem(), processes);
  const load = createProcessLoad();
  return {
    memory: createMemoryGuard(clock, limit, createProcessMemory()),
    saturation: createSaturationGuard({ clock, bus, load, mode: settings.saturation }),
  };
}

type Door = EdgeParts & Pick<ServerParts, "tls" | "sharedPort">;

/** The edge, and the server whose requests it takes. */
function openEdge({ tls, sharedPort, ...parts }: Door) {
  const { clock, bus, settings } = parts;
  const edge = new Edge(parts);
  // Straight to the edge, past Express: its router would cost a tenth of a request and pass by what it cannot parse.
  const listener = (request: IncomingMessage, response: ServerResponse): void => edge.handle(request, response);
  return { edge, server: createEdgeServer({ edge, listener, settings, tls, clock, bus, sharedPort }) };
}

/** The same, with `told` called once it is in force. */
const toldWhen = ({ commit, abort }: Prepared, told: () => void): Prepared => ({
  abort,
  commit() {
    commit();
    told();
  },
});
