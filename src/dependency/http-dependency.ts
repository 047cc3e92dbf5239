import { isIP } from "node:net";
import { buildConnector, Client } from "undici";
import type { Clock, Random } from "../core/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import type { Handler } from "../core/stage.ts";
import { Timeouts } from "../core/timeouts.ts";
import { Connections } from "./connections.ts";
import { forwardCall } from "./forward.ts";
import { ResendBudget } from "./resend.ts";
import type { DependencySettings } from "./settings.ts";
import { openTunnel } from "./tunnel.ts";

/** How a route uses its dependency. */
export interface ForwardPolicy {
  /** The target to send: path and query in origin-form, already judged. */
  readonly target: (exchange: Exchange) => string;
  readonly requestHeaders: HeaderEdits | undefined;
  readonly responseHeaders: HeaderEdits | undefined;
  /** Milliseconds until the head; undefined: the dependency's own. */
  readonly timeout: number | undefined;
  readonly trailers: boolean;
}

/** Fields to take away (lower-case names) and then to put in. */
export interface HeaderEdits {
  readonly drop: ReadonlySet<string>;
  readonly set: HeaderList;
}

/** One origin of a dependency and its connections. */
export interface Target {
  readonly connections: Connections;
  /** A connection outside the line, for a tunnel. */
  readonly open: () => Client;
  /** Host field when the target's own is wanted. */
  readonly host: string;
  /** Name to ask for in TLS; undefined for plain HTTP and bare addresses. */
  readonly servername: string | undefined;
  readonly weight: number;
  /**
   * Whether an error on one of its connections is being dealt with at this moment: undici passes an answer that was to
   * end with its connection off as whole even when a reset ended it.
   */
  readonly breaking: () => boolean;
}

/** What a forward needs of its dependency. */
export interface HttpDependency {
  readonly name: string;
  readonly settings: DependencySettings;
  /** Its own certificate authorities, PEM. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly pick: () => Target;
  readonly heads: Timeouts;
  readonly bodies: Timeouts;
  readonly resends: ResendBudget;
  readonly inUse: InUse;
  /** The innermost handler of a route. */
  forward(policy: ForwardPolicy): Handler;
  /** Lets what is under way finish, then closes every connection. */
  close(): Promise<void>;
  /** Closes every connection now. */
  destroy(): Promise<void>;
}

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
    forward(policy) {
      const routeHeads = policy.timeout === undefined ? heads : new Timeouts(clock, policy.timeout);
      return (exchange) =>
        exchange.upgrade
          ? openTunnel(dependency, policy, routeHeads, exchange, exchange.upgrade)
          : forwardCall(dependency, policy, routeHeads, exchange);
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

/** Counts calls under way: a client must not be closed under a request whose body is still being collected. */
export class InUse {
  #calls = 0;
  #idle: (() => void) | undefined;

  enter(): void {
    this.#calls++;
  }

  leave(): void {
    if (--this.#calls === 0) this.#idle?.();
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#calls === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }
}

function createTarget(url: string, weight: number, settings: DependencySettings, ca: string | undefined): Target {
  const { protocol, host, hostname } = new URL(url);
  const { http } = settings;
  const connect = buildConnector({
    timeout: settings.connectTimeout,
    allowH2: false,
    ...(ca === undefined ? {} : { ca }),
  });
  let breaking = false;
  const create = (): Client =>
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
          // Listens before undici does: what it calls during the same event sees the flag.
          socket.on("error", () => {
            breaking = true;
            process.nextTick(() => (breaking = false));
          });
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
    breaking: () => breaking,
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
