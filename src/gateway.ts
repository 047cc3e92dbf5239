import type { IncomingMessage, ServerResponse } from "node:http";
import { totalmem } from "node:os";
import type { Material } from "./config/material.ts";
import type { Config } from "./config/schema.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import type { Life } from "./core/control.ts";
import { createEventBus, type EventBus } from "./core/events.ts";
import type { Exchange } from "./core/exchange.ts";
import { createCacheControl, type CacheControl } from "./cache/control.ts";
import { canonicalUrl } from "./routing/canonical-url.ts";
import { createGraphs, type Prepared } from "./graph.ts";
import { drainServer } from "./http/drain.ts";
import { Edge } from "./http/edge.ts";
import { createMemoryGuard, createProcessMemory, memoryLimit } from "./http/memory.ts";
import { createEdgeServer } from "./http/server.ts";

export interface GatewayParts {
  readonly material: Material;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Several processes share the port. */
  readonly sharedPort?: boolean;
  /** How many share the machine's memory. Default: 1. */
  readonly processes?: number;
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
  /** Exchanges that have not ended. */
  open(): number;
  /** Answers a request that came to somebody else's server; `next` hands it to the host application behind us. */
  handle(request: IncomingMessage, response: ServerResponse, next: (exchange: Exchange) => void): void;
  readonly cache: Pick<CacheControl, "ask" | "hear">;
  /** Begins to take requests; resolves to the port. */
  listen(): Promise<number>;
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
  const { clock = systemClock, random = systemRandom, material, sharedPort = false } = parts;
  const { listen } = config;
  const name = listen.name ?? parts.name ?? `spillway-${createHexSource(4)()}`;
  const bus = createEventBus(createHexSource(8)());
  const graphs = createGraphs(config, { clock, random, bus, material });
  const memory = createMemoryGuard(
    clock,
    listen.maxMemory ?? memoryLimit(totalmem(), parts.processes ?? 1),
    createProcessMemory(),
  );
  const cache = createCacheControl({ bus, store: () => graphs.current().store, canonical: canonicalUrl });
  let life: Life = "starting";
  let draining: Promise<void> | undefined;

  const edge = new Edge({
    clock,
    random,
    bus,
    settings: listen,
    name,
    judgement: () => graphs.current().judgement,
    draining: () => life === "draining",
    memory,
  });
  // Straight to the edge, past Express: its router would cost a tenth of a request and pass by what it cannot parse.
  const listener = (request: IncomingMessage, response: ServerResponse): void => edge.handle(request, response);
  const server = createEdgeServer({ edge, listener, settings: listen, tls: material.tls, clock, bus, sharedPort });

  const end = async (finished: Promise<void>): Promise<void> => {
    await finished;
    for (const each of [memory, cache]) each.close();
    await graphs.destroy();
    life = "stopped";
  };
  const drain = (pace: DrainPace): Promise<void> => {
    life = "draining";
    return end(drainServer({ server, clock, bus, open: () => edge.open }, pace));
  };
  return {
    bus,
    name,
    life: () => life,
    config: () => graphs.current().config,
    cache,
    open: () => edge.open,
    handle: (request, response, next) => edge.handle(request, response, next),
    async listen() {
      const port = await server.listen();
      if (life === "starting") life = "ready";
      return port;
    },
    apply: (next, nextMaterial) => graphs.prepare(next, nextMaterial).commit(),
    prepare: graphs.prepare,
    drain: (pace = graphs.current().config.drain) => (draining ??= drain(pace)),
    async close() {
      life = "stopped";
      const finished = server.finish();
      server.cut();
      await end(finished);
    },
  };
}
