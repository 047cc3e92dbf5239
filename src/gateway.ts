import type { IncomingMessage, ServerResponse } from "node:http";
import express from "express";
import type { Material } from "./config/material.ts";
import type { Config } from "./config/schema.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import type { Life } from "./core/control.ts";
import { toError } from "./core/errors.ts";
import { createEventBus, type EventBus } from "./core/events.ts";
import type { HttpDependency } from "./dependency/http-dependency.ts";
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
  /** Answers a request that came to somebody else's server; `next` is the host application behind us. */
  handle(request: IncomingMessage, response: ServerResponse, next: () => void): void;
  /** Begins to take requests; resolves to the port. */
  listen(): Promise<number>;
  /** Puts another configuration in force, at once and for new requests; what is under way keeps its own. */
  apply(config: Config, material: Material): void;
  /** Not ready, then closed, then cut: resolves when everything is over. A second call joins the first. */
  drain(): Promise<void>;
  /** Cuts everything now. */
  close(): Promise<void>;
}

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

  // Express is the edge, entered by its router: `app.handle` would swap the prototypes of every request.
  const app = express();
  app.use((request, response) => edge.handle(request, response));
  const server = createEdgeServer({
    edge,
    listener: (request, response) =>
      app.router(request as express.Request, response as express.Response, (thrown?: unknown) => {
        bus.publish("spillway:fault", { where: "edge", error: toError(thrown) });
        response.destroy();
      }),
    settings: config.listen,
    tls: parts.material.tls,
    clock,
    bus,
    sharedPort: parts.sharedPort ?? false,
  });

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  /** Dependencies that a reload has replaced and whose last answers still flow. */
  const retiring = new Map<HttpDependency, Promise<void>>();
  const retire = (dependency: HttpDependency): void => {
    retiring.set(
      dependency,
      dependency.close().finally(() => retiring.delete(dependency)),
    );
  };
  const closeDependencies = async (): Promise<void> => {
    await Promise.all([...graph.dependencies.values(), ...retiring.keys()].map((dependency) => dependency.destroy()));
  };

  const drain = async (): Promise<void> => {
    const { delay, timeout } = graph.config.drain;
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
    apply(next, material) {
      const old = graph;
      graph = buildGraph(next, old, { clock, random, material });
      for (const [key, dependency] of old.dependencies) {
        if (graph.dependencies.get(key) !== dependency) retire(dependency);
      }
    },
    drain: () => (draining ??= drain()),
    async close() {
      life = "stopped";
      const finished = server.finish();
      server.cut();
      await finished;
      await closeDependencies();
    },
  };
}
