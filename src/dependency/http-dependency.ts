import { isIP } from "node:net";
import { buildConnector, Client } from "undici";
import type { Cancel, Clock, Random } from "../core/clock.ts";
import type { TargetChange } from "../core/events.ts";
import { Timeouts } from "../core/timeouts.ts";
import { createHeadReader } from "./answer.ts";
import { Addresses, keepRenewing, systemResolve, type Resolve } from "./balance/addresses.ts";
import { Balancer } from "./balance/balancer.ts";
import { createCheck, keepChecking } from "./balance/health.ts";
import { keyOf } from "./balance/key.ts";
import type { Member } from "./balance/member.ts";
import { Connections } from "./connections.ts";
import { forwardCall } from "./forward.ts";
import { InUse } from "./in-use.ts";
import type { DependencyUse, HttpDependency, Target } from "./port.ts";
import { ResendBudget } from "./resend.ts";
import type { DependencySettings } from "./settings.ts";
import { openTunnel } from "./tunnel.ts";
import { Wire } from "./wire.ts";

interface DependencyParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Text of its certificate authorities, if it has its own. */
  readonly ca: string | undefined;
  /** The one of that name before a reload: its targets are known. */
  readonly former?: HttpDependency | undefined;
  /** Told when a target is used otherwise than before. Default: nobody. */
  readonly told?: ((target: string, change: TargetChange) => void) | undefined;
  /** Default: the system's way. */
  readonly resolve?: Resolve | undefined;
}

/** Everything that one HTTP dependency owns. */
export function createHttpDependency(
  name: string,
  settings: DependencySettings,
  parts: DependencyParts,
): HttpDependency {
  const { clock, random, ca, former, told } = parts;
  const { http } = settings;
  const balancer = new Balancer(
    http.targets,
    { clock, random, balance: http.balance, ejection: http.ejection, told },
    former?.balancer,
  );
  const places = balancer.members.map((member) => createPlace(member, settings, parts));
  const targets = new Map(places.map(({ target }) => [target.member, target]));
  const [only] = places;
  const key = keyOf(http.balance.by);
  const watches = places.flatMap((place) => watchesOver(place, { balancer, settings, ...parts }));
  const unwatch = (): void => watches.forEach((end) => end());
  const heads = new Timeouts(clock, settings.timeout);
  const bodies = new Timeouts(clock, settings.bodyTimeout);
  const inUse = new InUse();
  const dependency: HttpDependency = {
    name,
    settings,
    ca,
    clock,
    balancer,
    pick:
      places.length === 1
        ? () => only!.target
        : (exchange, except, now) => targets.get(balancer.pick(key(exchange), except?.member, now))!,
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
      unwatch();
      await inUse.idle();
      await Promise.all(places.map(({ target }) => target.connections.close()));
    },
    async destroy() {
      inUse.end();
      unwatch();
      await Promise.all(places.map(({ target }) => target.connections.destroy()));
    },
  };
  return dependency;
}

/** A target and, if it goes by a name, where that points to. */
interface TargetPlace {
  readonly target: Target;
  readonly addresses: Addresses | undefined;
}

function createPlace(
  member: Member,
  settings: DependencySettings,
  { ca, resolve = systemResolve }: DependencyParts,
): TargetPlace {
  const { protocol, host, hostname } = new URL(member.origin);
  const { http } = settings;
  const isNamed = isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
  const addresses = isNamed ? new Addresses(hostname, resolve) : undefined;
  const connect = buildConnector({
    timeout: settings.connectTimeout,
    allowH2: false,
    ...(ca === undefined ? {} : { ca }),
    ...(addresses === undefined ? {} : { lookup: addresses.lookup }),
  });
  const create = (wire: Wire): Client =>
    new Client(member.origin, {
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
  const target: Target = {
    connections: new Connections(create, http.maxConnections),
    open: create,
    host,
    member,
    servername: protocol === "https:" && isNamed ? hostname : undefined,
  };
  return { target, addresses };
}

/** What goes on beside the traffic of a target; each is to be ended. */
function watchesOver(
  { target, addresses }: TargetPlace,
  parts: DependencyParts & { readonly balancer: Balancer; readonly settings: DependencySettings },
): Cancel[] {
  const { clock, random, balancer, settings } = parts;
  const watches: Cancel[] = [];
  const { resolveEvery: every } = settings.http;
  if (addresses && every !== "off") {
    const moved = (known: ReadonlySet<string>): void => target.connections.leaveAllBut(known);
    watches.push(keepRenewing({ clock, random, every, addresses, moved }));
  }
  const { health } = settings;
  if (health !== "off") {
    const { host, servername, member } = target;
    const asked = { path: health.path, host, servername };
    const check = createCheck(() => target.open(new Wire()), asked, health, clock);
    const heard = (healthy: boolean): void => balancer.checked(member, healthy);
    watches.push(keepChecking({ clock, random, settings: health, check, heard }));
  }
  return watches;
}
