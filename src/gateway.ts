import type { IncomingMessage, ServerResponse } from "node:http";
import type { Material } from "./config/material.ts";
import type { Config } from "./config/schema.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import type { Life } from "./core/control.ts";
import { createEventBus, type EventBus } from "./core/events.ts";
import type { Exchange } from "./core/exchange.ts";
import { createRetirement } from "./dependency/retirement.ts";
import { buildGraph } from "./graph.ts";
import { Edge } from "./http/edge.ts";
import { createEdgeServer } from "./http/server.ts";

export interface GatewayParts {
  readonly material: Material;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Several processes share the port. */
  readonly sharedPort?: boolean;
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

/** A configuration that is built and not in force. Of the two calls one is made, once. */
export interface Prepared {
  commit(): void;
  abort(): void;
}

/** How long draining may take, in milliseconds. Default: the configuration's `drain`. */
export type DrainPace = Config["drain"];

/** THE composition: builds every object, and closes everything in reverse. */
export function createGateway(config: Config, parts: GatewayParts): Gateway {
  const { clock = systemClock, random = systemRandom } = parts;
  const name = config.listen.name ?? parts.name ?? `spillway-${createHexSource(4)()}`;
  const bus = createEventBus(createHexSource(8)());
  let graph = buildGraph(config, undefined, { clock, random, material: parts.material });
  let life: Life = "starting";
  let draining: Promise<void> | undefined;

  const edge = new Edge({
    clock,
    bus,
    settings: config.listen,
    name,
    judgement: () => graph.judgement,
    draining: () => life === "draining",
  });

  const server = createEdgeServer({
    edge,
    listener: (request, response) => edge.handle(request, response),
    settings: config.listen,
    tls: parts.material.tls,
    clock,
    bus,
    sharedPort: parts.sharedPort ?? false,
  });

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  const retirement = createRetirement();
  const prepare = (next: Config, material: Material): Prepared => {
    const built = buildGraph(next, graph, { clock, random, material });
    return {
      commit() {
        const old = graph;
        graph = built;
        retirement.retireAllBut(graph.dependencies, old.dependencies);
      },
      abort: () => retirement.retireAllBut(graph.dependencies, built.dependencies),
    };
  };
  const closeDependencies = async (): Promise<void> => {
    const inUse = [...graph.dependencies.values()].map((dependency) => dependency.destroy());
    await Promise.all([...inUse, retirement.destroy()]);
  };

  const drain = async ({ delay, timeout }: DrainPace): Promise<void> => {
    life = "draining";
    server.announceDrain();
    bus.publish("spillway:drain", { phase: "announced", open: edge.open });
    await pause(delay);
    bus.publish("spillway:drain", { phase: "closing", open: edge.open });
    const finished = server.finish();
    const cut = clock.after(timeout, () => {
      bus.publish("spillway:drain", { phase: "cut", open: edge.open });
      server.cut();
    });
    await finished;
    cut();
    await closeDependencies();
    life = "stopped";
    bus.publish("spillway:drain", { phase: "done", open: edge.open });
  };

  return {
    bus,
    name,
    life: () => life,
    config: () => graph.config,
    open: () => edge.open,
    handle: (request, response, next) => edge.handle(request, response, next),
    async listen() {
      const port = await server.listen();
      if (life === "starting") life = "ready";
      return port;
    },
    apply: (next, material) => prepare(next, material).commit(),
    prepare,
    drain: (pace = graph.config.drain) => (draining ??= drain(pace)),
    async close() {
      life = "stopped";
      const finished = server.finish();
      server.cut();
      await finished;
      await closeDependencies();
    },
  };
}
