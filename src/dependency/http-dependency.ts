import { isIP } from "node:net";
import { buildConnector, Client } from "undici";
import type { Clock, Random } from "../core/clock.ts";
import { Timeouts } from "../core/timeouts.ts";
import { createHeadReader } from "./answer.ts";
import { Connections } from "./connections.ts";
import { forwardCall } from "./forward.ts";
import { InUse } from "./in-use.ts";
import type { DependencyUse, HttpDependency, Target } from "./port.ts";
import { ResendBudget } from "./resend.ts";
import type { DependencySettings } from "./settings.ts";
import { openTunnel } from "./tunnel.ts";
import type { Wire } from "./wire.ts";

/** Everything that one HTTP dependency owns. `ca` is the text of its certificate authorities, if it has its own. */
export function createHttpDependency(
  name: string,
  settings: DependencySettings,
  parts: { clock: Clock; random: Random; ca: string | undefined },
): HttpDependency {
  const { clock, random, ca } = parts;
  const targets = settings.http.targets.map(({ url, weight }) => createTarget(url, weight, settings, ca));
  const heads = new Timeouts(clock, settings.timeout);
  const bodies = new Timeouts(clock, settings.bodyTimeout);
  const inUse = new InUse();
  const dependency: HttpDependency = {
    name,
    settings,
    ca,
    clock,
    pick: createPicker(targets, random),
    heads,
    bodies,
    resends: new ResendBudget(),
    inUse,
    readHead: createHeadReader(),
    forward(policy) {
      const routeHeads = policy.timeout === undefined ? heads : new Timeouts(clock, policy.timeout);
      const use: DependencyUse = { dependency, policy, heads: routeHeads };
      return (exchange) =>
        exchange.upgrade ? openTunnel(use, exchange, exchange.upgrade) : forwardCall(use, exchange);
    },
    async close() {
      await inUse.idle();
      await Promise.all(targets.map(({ connections }) => connections.close()));
    },
    async destroy() {
      await Promise.all(targets.map(({ connections }) => connections.destroy()));
    },
  };
  return dependency;
}

function createTarget(url: string, weight: number, settings: DependencySettings, ca: string | undefined): Target {
  const { protocol, host, hostname } = new URL(url);
  const { http } = settings;
  const connect = buildConnector({
    timeout: settings.connectTimeout,
    allowH2: false,
    ...(ca === undefined ? {} : { ca }),
  });
  const create = (wire: Wire): Client =>
    new Client(url, {
      pipelining: 1,
      // The gateway times every phase itself: undici's coarse timers would be a second truth.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: http.keepAlive,
      keepAliveMaxTimeout: 600_000,
      keepAliveTimeoutThreshold: 1000,
      maxHeaderSize: http.maxHead,
      allowH2: false,
      connect: (options, callback) =>
        connect(options, (...[error, socket]) => {
          if (error) return callback(error, null);
          wire.attach(socket);
          callback(null, socket);
        }),
    });
  const named = protocol === "https:" && isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
  return {
    connections: new Connections(create, http.maxConnections),
    open: create,
    host,
    weight,
    servername: named ? hostname : undefined,
  };
}

/** Draws targets in proportion to their weights. A target of weight 0 gets nothing unless all have 0. */
export function createPicker<T extends { readonly weight: number }>(targets: readonly T[], random: Random): () => T {
  const only = targets[0]!;
  if (targets.length === 1) return () => only;
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return () => targets[Math.floor(random() * targets.length)]!;
  return () => {
    let left = random() * total;
    for (const target of targets) {
      left -= target.weight;
      if (left < 0) return target;
    }
    return targets.findLast(({ weight }) => weight > 0)!;
  };
}
