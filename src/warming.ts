/** Puts warming together: what is asked for, when, by which of several instances, and at what pace. */
import { hash } from "node:crypto";
import type { Config } from "./config/schema.ts";
import { createHexSource, type Clock, type Random } from "./core/clock.ts";
import type { CacheAnswer, CacheAsk, PurgeOrder, WarmAsk } from "./core/cache-control.ts";
import type { EventBus } from "./core/events.ts";
import type { Departure } from "./core/exchange.ts";
import type { Outcome } from "./core/outcome.ts";
import type { RedisLink } from "./core/redis.ts";
import type { WarmHold, WarmMode, WarmTarget } from "./core/warming.ts";
import { onFailover } from "./cache/warm/failover.ts";
import { openBottleneckLane } from "./cache/warm/lane.ts";
import { Fleet } from "./cache/warm/lease.ts";
import { startSchedule } from "./cache/warm/schedule.ts";
import { Warmer } from "./cache/warm/warmer.ts";
import type { Graph } from "./graph.ts";
import { ownExchange } from "./http/own-request.ts";

/** Milliseconds for a call about who warms. */
const LEASE_DEADLINE = 500;
/** Milliseconds that a claim to a scheduled task stands at least: clocks of instances may be so far apart. */
const LEAST_CLAIM = 60_000;

export interface WarmingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Our name in Via and CDN-Loop. */
  readonly name: string;
  /** The one in force. */
  readonly graph: () => Graph;
  /** Purges here and in all other instances. */
  readonly purge: (order: PurgeOrder) => Promise<unknown>;
  readonly held: () => WarmHold | undefined;
}

export interface Warming {
  /** The gateway listens. Undefined, or what its readiness has to wait for. */
  start(): Promise<void> | undefined;
  /** Another configuration is in force. */
  configured(): void;
  /** The operators' side. */
  ask(ask: WarmAsk): CacheAnswer;
  /** Ends what runs, and takes nothing more. */
  close(): void;
}

export function createWarming(parts: WarmingParts): Warming {
  const { clock, bus, graph, held } = parts;
  const settings = (): Config["cache"] => graph().config.cache;
  const fleet = new Fleet({ clock, link: createFleetLink(graph), owner: createHexSource(8)() });
  const warmer = new Warmer({
    clock,
    bus,
    openLane: openBottleneckLane,
    held,
    pace: () => settings().warm,
    ask: (target, mode, departure) => askFor(parts, target, mode, departure),
  });
  /** Resolves to whether it came to its end. */
  const configuredPlan = (id: string, mode: WarmMode): Promise<boolean> =>
    new Promise((resolve) => {
      const over = (): void => resolve(warmer.read().some((plan) => plan.id === id && plan.state.at === "done"));
      const taken = warmer.queue({ id, targets: targetsIn(settings()), mode }, over);
      if (taken !== "queued") resolve(taken === "empty");
    });
  const scheduled = createTasks(parts, fleet, configuredPlan);
  let failovers = 0;
  const stopListening = onFailover(bus, clock, () => {
    const { afterFailover, targets } = settings().warm;
    if (!afterFailover || targets.length === 0 || warmer.has("failover-")) return;
    const id = `failover-${++failovers}`;
    void fleet.share("failover", () => configuredPlan(id, "renew"));
  });
  return {
    start() {
      scheduled.arm();
      const { onStart, targets, readyWithin } = settings().warm;
      if (!onStart || targets.length === 0) return undefined;
      const warmed = fleet.share(`start-${digestOf(targets)}`, () => configuredPlan("start", "fill"));
      return readyWithin > 0 ? withinTime(clock, warmed, readyWithin) : undefined;
    },
    configured: scheduled.arm,
    ask: (ask) => answerTo(ask, warmer, graph),
    close() {
      stopListening();
      scheduled.close();
      fleet.close();
      warmer.close();
    },
  };
}

/** Instances of another version may have another list, which is not done with this one. */
const digestOf = (targets: unknown): string => hash("sha256", JSON.stringify(targets), "base64url").slice(0, 16);

const WARM_ASKS: ReadonlySet<CacheAsk["do"]> = new Set(["warm", "plans", "cancel-plan"]);

export const isWarmAsk = (ask: CacheAsk): ask is WarmAsk => WARM_ASKS.has(ask.do);

function answerTo(ask: WarmAsk, warmer: Warmer, graph: () => Graph): CacheAnswer {
  switch (ask.do) {
    case "warm": {
      const { order, first } = ask;
      const targets = order.targets === "configured" ? targetsIn(graph().config.cache) : order.targets;
      const total = targets.length;
      if (!first && graph().store.tiers.some(({ name }) => name !== "memory")) {
        return { did: "warm", taken: total === 0 ? "empty" : "elsewhere", total };
      }
      return { did: "warm", taken: warmer.queue({ ...order, targets }), total };
    }
    case "plans":
      return { did: "plans", plans: warmer.read().filter(({ id }) => ask.id === undefined || id === ask.id) };
    case "cancel-plan":
      return { did: "cancel-plan", cancelled: warmer.cancel(ask.id) };
  }
}

const targetsIn = ({ warm: { targets } }: Config["cache"]): readonly WarmTarget[] =>
  targets.map((target) => {
    if (typeof target === "string") return { url: target, host: undefined, headers: [], priority: 5 };
    const { url, host, headers, priority } = target;
    return { url, host, headers: Object.entries(headers).flat(), priority };
  });

const URL_PARTS = /^(https?):\/\/([^/?#]+)(.*)$/i;

function askFor(
  { clock, graph, name }: WarmingParts,
  { url, host, headers }: WarmTarget,
  warms: WarmMode,
  departure: Departure,
): Promise<Outcome> | string {
  const { config, judgement } = graph();
  const [, scheme, authority, rest] = URL_PARTS.exec(url) ?? [];
  const own = ownExchange(judgement, {
    scheme: (scheme?.toLowerCase() ?? (config.listen.tls ? "https" : "http")) === "https" ? "https" : "http",
    host: authority ?? host ?? config.cache.warm.host ?? "localhost",
    target: authority === undefined ? url : rest || "/",
    headers: [...headers],
    warms,
    departure,
    startedAt: clock.now(),
    name,
  });
  if (own.kind === "bad") return own.detail;
  const route = config.routes.find((each) => each.name === own.exchange.route.name);
  if (route?.cache === undefined || route.cache === "off") return `its route ${own.exchange.route.name} has no cache`;
  const { exchange, handler } = own;
  return (async () => handler(exchange))();
}

/** The tasks of `cache.schedule`. */
function createTasks(
  { clock, random, graph, purge }: WarmingParts,
  fleet: Fleet,
  configuredPlan: (id: string, mode: WarmMode) => Promise<boolean>,
) {
  let armed = "";
  let stop = (): void => {};
  const run = async (row: number, tick: number): Promise<void> => {
    const { config, store } = graph();
    const task = config.cache.schedule[row];
    if (!task) return;
    const name = `every-${task.every}-${row}-${tick}`;
    const mine = await fleet.once(name, Math.max(task.every * 2, LEAST_CLAIM));
    // Without a log of purges each instance has to do its own.
    if (task.purge && (mine || !store.backplane)) {
      const { tags, prefix, all = false, soft } = task.purge;
      const targets = { urls: [], tags, prefixes: prefix === undefined ? [] : [prefix], patterns: [], all };
      await purge({ ...targets, soft, cascade: true, dryRun: false, changed: false });
    }
    if (task.warm && mine) await configuredPlan(name, "fill");
  };
  return {
    arm() {
      const { schedule } = graph().config.cache;
      const next = JSON.stringify(schedule);
      if (next === armed) return;
      armed = next;
      stop();
      const intervals = schedule.map(({ every }) => every);
      stop = startSchedule(intervals, { clock, random, run: (row, tick) => void run(row, tick) });
    },
    close: () => stop(),
  };
}

/** One connection to each Redis that is in force, opened when it is first needed. */
function createFleetLink(graph: () => Graph): () => { readonly link: RedisLink; readonly prefix: string } | undefined {
  const links = new WeakMap<object, RedisLink>();
  return () => {
    const { redis } = graph();
    if (!redis) return undefined;
    let link = links.get(redis);
    if (!link) links.set(redis, (link = redis.redis.link("warm", LEASE_DEADLINE)));
    return { link, prefix: redis.prefix };
  };
}

function withinTime(clock: Clock, work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve, "background");
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
