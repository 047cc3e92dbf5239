import { createHexSource } from "../core/clock.ts";
import type { DurationsReading, MovedReading } from "../core/cache-control.ts";
import { Durations } from "../core/durations.ts";
import type { EventBus } from "../core/events.ts";
import type { CacheTier } from "../core/outcome.ts";
import { RefreshAhead } from "./ahead.ts";
import { Flights } from "./flight/flights.ts";
import { leaseDeadline, Leases } from "./flight/lease.ts";
import type { CacheSettings } from "./settings.ts";
import { Backplane } from "./tags/backplane.ts";
import { compileCascade, type Cascade } from "./tags/cascade.ts";
import { Ledger, type Purge } from "./tags/ledger.ts";
import { readPurge, writePurge } from "./tags/purge-text.ts";
import { createRedisLog } from "./tags/redis-log.ts";
import { openFarther, type OpenParts, type SharedRedis } from "./tiers/open.ts";
import type { Memories } from "./tiers/memories.ts";
import type { MemoryStats } from "./tiers/memory.ts";
import { openMemory } from "./tiers/open-memory.ts";
import { selectTiers, type TierChoice } from "./tiers/selection.ts";
import { sturdy } from "./tiers/sturdy.ts";
import { Tiers, type NamedTier } from "./tiers/tiers.ts";
import { timed } from "./tiers/timed.ts";
import { steadyTime, type CacheTime } from "./time.ts";

/** Lookups in memory of which one is timed. */
const ONE_IN = 32;

/** What all cached routes share: the kept answers and what is under way. Survives reloads that leave `cache` as it is. */
export interface Store {
  readonly settings: CacheSettings;
  readonly ledger: Ledger;
  readonly flights: Flights;
  /** On which all that is kept is dated. */
  readonly time: CacheTime;
  readonly bus: EventBus;
  readonly ahead: RefreshAhead;
  readonly cascade: Cascade;
  /** All tiers, nearest first; memory is that of routes without a class. */
  readonly tiers: readonly NamedTier[];
  /** How long lookups in a tier took. */
  lookups(tier: CacheTier): DurationsReading;
  /** All memory of this process together, to be looked into. */
  readonly memory: Memories["whole"];
  /** What each class holds; "" are the routes without one. */
  memoryByClass(): Readonly<Record<string, MemoryStats>>;
  /** What went between memory and the tiers behind it. */
  moved(): MovedReading;
  /** The tiers that a route chose, or its class; the memory is that of its class. */
  tiersFor(choice?: { readonly class?: string | undefined; readonly tiers?: TierChoice | undefined }): Tiers;
  /** Undefined without Redis. */
  readonly leases: Leases | undefined;
  /** Absent: there is no Redis, or no backplane is wanted. */
  readonly backplane: Backplane | undefined;
  /** In force here when it returns; resolves to its position once other instances are told, or cannot be. */
  purge(purge: Purge): Promise<number>;
  /** A purge that another process of this machine was asked for: what it published on `spillway:purged`. */
  hear(purge: string): void;
  close(): Promise<void>;
}

export type StoreParts = OpenParts;

export function createStore(settings: CacheSettings, parts: StoreParts): Store {
  const { clock, random, bus, redis } = parts;
  const time = steadyTime(clock);
  const ledger = new Ledger({ wall: () => time.now() });
  const backplane = openBackplane(settings, parts, ledger, time);
  const lookups = new Map<CacheTier, Durations>();
  const inUse = tierUser(parts, lookups);
  const farther = openFarther(settings, parts).map(inUse);
  const { memories, admission, demotions } = openMemory(settings, {
    clock,
    time,
    farther,
    removed: (_, { length: count }, reason) => bus.publish("spillway:cache-removed", { reason, count }),
  });
  const tiersOf = (name: string | undefined): readonly NamedTier[] => {
    const memory = inUse({ name: "memory", tier: memories.of(name) });
    return [{ ...memory, admits: admission.admits.bind(admission) }, ...farther];
  };
  const leases = redis && openLeases(redis, parts);
  return {
    settings,
    ledger,
    flights: new Flights(clock, random, settings.maxEntry),
    time,
    bus,
    ahead: new RefreshAhead(random),
    cascade: compileCascade(settings.cascade ?? {}),
    backplane,
    leases,
    tiers: tiersOf(undefined),
    lookups: (name) => (lookups.get(name) ?? new Durations()).read(),
    memory: memories.whole,
    memoryByClass: () => memories.byClass(),
    moved() {
      const { demoted, dropped } = demotions();
      return { demoted, notDemoted: dropped, notPromoted: admission.refused };
    },
    tiersFor({ class: name, tiers: choice } = {}) {
      const chosen = choice ?? (name === undefined ? undefined : settings.classes[name]?.tiers);
      return new Tiers(selectTiers(tiersOf(name), chosen, time), time, (position) => ledger.positionHere(position));
    },
    async purge(purge) {
      if (backplane) return backplane.purge(purge);
      ledger.record(purge);
      bus.publish("spillway:purged", { purge: writePurge(purge, bus.gateway) });
      return ledger.position;
    },
    hear: (purge) => ledger.record(readPurge(purge)),
    async close() {
      await leases?.close();
      await backplane?.close();
      memories.whole.close();
      await Promise.all(farther.map(async ({ tier }) => tier.close()));
    },
  };
}

/** Makes tiers fit for use: their faults are told, and their lookups timed. */
function tierUser({ clock, bus }: StoreParts, lookups: Map<CacheTier, Durations>): (named: NamedTier) => NamedTier {
  const onFault = (where: string, error: Error): void => bus.publish("spillway:fault", { where, error });
  return (named) => {
    const { name, tier } = sturdy(named, clock, onFault);
    const durations = lookups.get(name) ?? new Durations();
    lookups.set(name, durations);
    return { name, tier: timed(tier, clock, durations, name === "memory" ? ONE_IN : 1) };
  };
}

/** Milliseconds for a call to the log: one that hangs is not worth more, for the next look comes after half a second. */
const LOG_DEADLINE = 400;

function openBackplane(
  { backplane }: CacheSettings,
  { redis, clock, bus }: StoreParts,
  ledger: Ledger,
  time: CacheTime,
): Backplane | undefined {
  if (!redis || backplane === "off") return undefined;
  const log = createRedisLog(redis.redis.link("purges", LOG_DEADLINE), redis.prefix, bus.gateway);
  return new Backplane({ ledger, log, clock, time, bus, lease: backplane.lease });
}

function openLeases({ redis, prefix, deadline }: SharedRedis, { clock, random, bus }: StoreParts): Leases {
  const link = redis.link("lease", leaseDeadline(deadline));
  return new Leases({ link, clock, random, bus, prefix, unique: createHexSource(8) });
}
