import type { OwnWork } from "./core/own-work.ts";
import type { Stage } from "./core/stage.ts";
import { onion } from "./core/stage.ts";
import { createHexSource, type Clock, type Random } from "./core/clock.ts";
import { continueTrace } from "./core/trace.ts";
import type { EventBus, TargetChange } from "./core/events.ts";
import type { Identities } from "./core/identity.ts";
import { classificationOf, type Classification } from "./classification.ts";
import type { Config, NamedRoute } from "./config/schema.ts";
import type { Material } from "./config/material.ts";
import type { Resolve } from "./dependency/balance/addresses.ts";
import { createHttpDependency } from "./dependency/http-dependency.ts";
import type { HttpDependency } from "./dependency/port.ts";
import { createRetryStage, type RetryParts } from "./dependency/retry/stage.ts";
import { createRetirement } from "./dependency/retirement.ts";
import type { EdgeRoute, Judgement } from "./http/judge.ts";
import { readHost } from "./routing/authority.ts";
import { cachePartsOf } from "./cache/route.ts";
import { createShownStage } from "./cache/shown.ts";
import { createCacheStage } from "./cache/stage.ts";
import { createStore, type Store } from "./cache/store.ts";
import { compileTags } from "./cache/tags/route-tags.ts";
import { createWritePurgeStage } from "./cache/write-purge.ts";
import type { SharedRedis } from "./cache/tiers/open.ts";
import { createRedis } from "./cluster/redis.ts";
import type { RedisSettings } from "./cluster/settings.ts";
import { createQuotas, type Quotas } from "./limits/quotas.ts";
import { cacheOptions, cachePolicy, keyOptions } from "./cache/settings.ts";
import { readDeadline } from "./routing/deadline.ts";
import { compileRoutes } from "./routing/table.ts";
import { readTarget } from "./routing/target.ts";
import { clientAddress, compileTrust } from "./routing/trust.ts";
import type { Gate } from "./admission/gate.ts";
import { createAdmissionStage } from "./admission/stage.ts";
import type { FleetSeats } from "./admission/fleet-seats.ts";
import { buildBreakers, closeBreakers, settleBreakers, type Breakers } from "./breakers.ts";
import { buildGates, joinFleet, settleGates, type Gates } from "./gates.ts";
import { innermost } from "./innermost.ts";
import { buildRetries, type Retries } from "./retries.ts";

/** Everything that one configuration stands for: what is replaced as a whole by a reload. */
export interface Graph {
  readonly config: Config;
  readonly judgement: Judgement;
  readonly dependencies: ReadonlyMap<string, HttpDependency>;
  readonly gates: Gates;
  readonly breakers: Breakers;
  readonly retries: Retries;
  readonly classification: Classification;
  readonly store: Store;
  readonly redis: RedisInUse | undefined;
  readonly quotas: Quotas;
}

/** The Redis of a configuration. Taken over by the next one that has the same. */
interface RedisInUse extends SharedRedis {
  readonly settings: RedisSettings;
  readonly ca: string | undefined;
}

interface GraphParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  readonly material: Material;
  /** Refuses while the process itself has more to do than it can. */
  readonly busy?: Stage;
  /** What the process itself has to do. Default: nothing. */
  readonly ownWork?: OwnWork;
  /** Addresses of names of targets. Default: the system's way. */
  readonly resolve?: Resolve | undefined;
  /** Processes of this instance. Default: 1. */
  readonly processes?: number;
  /** Which of them this is, from 0. Default: 0. */
  readonly process?: number;
  /** The degradation level in force. Default: 0, always. */
  readonly level?: () => number;
}

/** A graph that is built and not in force. Of the two calls one is made, once. */
export interface Prepared {
  commit(): void;
  abort(): void;
}

/** The graph in force, and the way to put another in its place. */
export interface Graphs {
  current(): Graph;
  /** Builds all of another graph and uses none of it. Throws what cannot be built. */
  prepare(config: Config, material: Material): Prepared;
  /** Cuts every connection of every dependency. */
  destroy(): Promise<void>;
}

export function createGraphs(config: Config, parts: GraphParts): Graphs {
  let graph = buildGraph(config, undefined, parts);
  const retirement = createRetirement();
  const shared = { process: 0, processes: 1, ...parts };
  /** Gates that are no longer asked, for as long as somebody has a seat of theirs or waits for one. */
  const retired = new Set<Gate>();
  const join = (): FleetSeats | undefined =>
    graph.redis && joinFleet({ ...parts, redis: graph.redis, gates: () => graph.gates });
  let fleet = join();
  return {
    current: () => graph,
    prepare(next, material) {
      const built = buildGraph(next, graph, { ...parts, material });
      return {
        commit() {
          const old = graph;
          graph = built;
          settleGates(graph.gates, old.gates, shared);
          settleBreakers(graph.breakers, old.breakers);
          closeBreakers(old.breakers, graph.breakers);
          if (graph.redis !== old.redis) {
            void fleet?.close();
            fleet = join();
          }
          void retireStore(old, graph);
          retirement.retireAllBut(graph.dependencies, old.dependencies);
          for (const gate of retired) if (gate.inFlight + gate.queued === 0) retired.delete(gate);
          for (const [name, { gate }] of old.gates) if (graph.gates.get(name)?.gate !== gate) retired.add(gate);
        },
        abort() {
          void retireStore(built, graph);
          closeBreakers(built.breakers, graph.breakers);
          retirement.retireAllBut(graph.dependencies, built.dependencies);
        },
      };
    },
    async destroy() {
      await fleet?.close();
      for (const { gate } of graph.gates.values()) gate.close();
      for (const gate of retired) gate.close();
      closeBreakers(graph.breakers, undefined);
      const inUse = [...graph.dependencies.values()].map((dependency) => dependency.destroy());
      await Promise.all([...inUse, retirement.destroy()]);
      await retireStore(graph, undefined);
    },
  };
}

/** In reverse of how they were built, what the graph in force does not use. */
async function retireStore({ store, redis, quotas }: Graph, inForce: Graph | undefined): Promise<void> {
  await quotas.retire(inForce?.quotas);
  if (store !== inForce?.store) await store.close();
  if (redis !== inForce?.redis) await redis?.redis.close();
}

/** Builds the graph of a configuration. Dependencies whose settings are as before are taken over with their connections. */
export function buildGraph(config: Config, before: Graph | undefined, parts: GraphParts): Graph {
  const dependencies = new Map<string, HttpDependency>();
  for (const [name, { limit: _limit, breaker: _breaker, ...settings }] of Object.entries(config.dependencies)) {
    const ca = parts.material.authorities.get(name);
    const former = before?.dependencies.get(name);
    const same =
      former !== undefined && former.ca === ca && JSON.stringify(former.settings) === JSON.stringify(settings);
    const told = (target: string, change: TargetChange): void =>
      parts.bus.publish("spillway:target", { dependency: name, target, change });
    dependencies.set(name, same ? former : createHttpDependency(name, settings, { ...parts, ca, former, told }));
  }
  const gates = buildGates(config, before?.gates, { process: 0, processes: 1, ...parts });
  const breakers = buildBreakers(config, before?.breakers, parts);
  const retries = buildRetries(config, before?.retries);
  const redis = redisFor(config, before?.redis, parts);
  const same = before && before.redis === redis && keptBy(before.config) === keptBy(config);
  const store = same ? before.store : createStore(config.cache, { ...parts, redis });
  const { fallbacks } = parts.material;
  const classification = classificationOf(config, before?.classification, { ...parts, dependencies });
  const { identities, cohorts } = classification;
  const quotas = createQuotas(config.routes, config.rateLimits, before?.quotas, {
    ...parts,
    redis,
    secret: config.cache.secret,
  });
  const { clock, random, busy, level = () => 0 } = parts;
  const tries: TryParts = { retries, clock, random, level };
  const stageParts: StageParts = { store, shared: config.cache, clock, fallbacks, identities, quotas, busy, tries };
  const routes = config.routes.map((route) => ({
    match: route.match,
    value: buildRoute(route, { config, classification, dependencies, gates, breakers }, stageParts),
  }));
  const table = compileRoutes(routes);
  const trusts = compileTrust(config.listen.trustedProxies);
  const hex16 = createHexSource(16);
  const hex8 = createHexSource(8);
  return {
    config,
    dependencies,
    gates,
    breakers,
    retries,
    classification,
    store,
    redis,
    quotas,
    judgement: {
      readHost,
      readTarget,
      match: (authority, path, method) => table.match(authority, path, method),
      trusts,
      clientAddress: (peer, forwardedFor, forwarded) => clientAddress(peer, forwardedFor, forwarded, trusts).address,
      trace: (traceparent) => continueTrace(traceparent, hex16, hex8),
      deadline: (fields, now) => readDeadline(fields, now, parts.clock.wall()),
      cohortOf: (tenant, now) => cohorts.of(tenant, now),
      used: (tenant, ms, now) => cohorts.used(tenant, ms, now),
    },
  };
}

function redisFor(config: Config, former: RedisInUse | undefined, parts: GraphParts): RedisInUse | undefined {
  const settings = config.redis;
  if (!settings) return undefined;
  const ca = parts.material.redisAuthority;
  if (former && former.ca === ca && JSON.stringify(former.settings) === JSON.stringify(settings)) return former;
  const { prefix, deadline } = settings;
  return { settings, ca, prefix, deadline, redis: createRedis(settings, { ...parts, ca }) };
}

/** Of `cache`, what says nothing of how answers are kept; a version is in their keys. */
const APART: ReadonlySet<string> = new Set([
  "webhook",
  "warm",
  "schedule",
  "version",
  "lifetimes",
  "showKey",
  "xCache",
]);

/**
 * What kept answers stand on: another store, or another way from a cached route to its answers, and they are dropped.
 * How long they may be used is judged anew at each use.
 */
function keptBy({ identity, cache, routes }: Config): string {
  const ways = routes.map(({ match, dependency, rewrite, requestHeaders, responseHeaders, cache: own }) =>
    cachePolicy(own)
      ? { match, dependency, rewrite, requestHeaders, responseHeaders, kept: keyOptions(own) }
      : undefined,
  );
  const rest = Object.entries(cache).filter(([name]) => !APART.has(name));
  return JSON.stringify([rest, identity, ways.filter((way) => way !== undefined)]);
}

interface StageParts {
  readonly store: Store;
  /** Those in force; the store may have been made under former ones. */
  readonly shared: Config["cache"];
  readonly clock: Clock;
  readonly fallbacks: Material["fallbacks"];
  readonly identities: Identities | undefined;
  readonly quotas: Quotas;
  readonly busy: Stage | undefined;
  readonly tries: TryParts;
}

type TryParts = Pick<RetryParts, "clock" | "random" | "level"> & { readonly retries: Retries };

type Built = Pick<Graph, "config" | "classification" | "dependencies" | "gates" | "breakers">;

function buildRoute(
  route: NamedRoute,
  { config, classification, dependencies, gates, breakers }: Built,
  parts: StageParts,
): EdgeRoute {
  const dependency = dependencies.get(route.dependency ?? "");
  const busy = route.dependency === undefined ? undefined : parts.busy;
  const breaker = breakers.get(route.dependency ?? "");
  const inner = [
    ...(busy ? [busy] : []),
    ...admissionOf(route, dependencies, gates),
    ...retryOf(route, dependencies, parts.tries),
    ...(breaker ? [breaker.stage] : []),
  ];
  return {
    facts: { name: route.name, dependency: route.dependency },
    handler: onion([...stagesOf(route, parts), ...inner], innermost(route, dependencies)),
    stand: classification.standOf(route),
    websocket: route.websocket,
    longest: Math.min(route.timeout ?? dependency?.settings.timeout ?? Infinity, config.listen.requestTimeout),
  };
}

/**
 * The order of protection, outermost first: client quota, cache, the process' own business, degradation level, admission
 * (see {@link admissionOf}), retry, breaker. The cache stands before the gates: a hit costs no permit, and a refusal can
 * still become a stale answer.
 */
function stagesOf(route: NamedRoute, parts: StageParts): readonly Stage[] {
  const { store, shared, clock, fallbacks, identities, quotas } = parts;
  const { name, dependency, cache: settings, purges } = route;
  const quota = quotas.stage(name);
  const purge = purges && createWritePurgeStage(compileTags([], purges), store);
  const outer = [quota, purge].filter((stage) => stage !== undefined);
  const fallbackFile = fallbacks.get(name);
  const cache = cachePartsOf({ settings, shared, name, dependency, store, clock, fallbackFile, identities });
  if (!cache) return outer;
  const own = cacheOptions(settings);
  const { showKey, xCache } = shared;
  const shown = createShownStage({ key: own.showKey ?? showKey, xCache: own.xCache ?? xCache }, cache.ask);
  return [...outer, ...(shown ? [shown] : []), createCacheStage(cache)];
}

/** The gate of what a route asks in the end, if there is one. */
function admissionOf(
  { dependency = "" }: NamedRoute,
  dependencies: ReadonlyMap<string, HttpDependency>,
  gates: Gates,
): readonly Stage[] {
  const gate = gates.get(dependency);
  if (!gate) return [];
  const { inUse, clock } = dependencies.get(dependency)!;
  return [createAdmissionStage(gate.gate, inUse, clock)];
}

/** The further tries of what a route asks in the end, if it has any. */
function retryOf(
  { dependency = "", timeout }: NamedRoute,
  dependencies: ReadonlyMap<string, HttpDependency>,
  { retries, ...parts }: TryParts,
): readonly Stage[] {
  const retry = retries.get(dependency)?.retry;
  if (!retry) return [];
  const { inUse, settings } = dependencies.get(dependency)!;
  return [createRetryStage({ ...parts, retry, hold: inUse, total: timeout ?? settings.timeout })];
}
