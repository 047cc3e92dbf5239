import { createHexSource } from "../core/clock.ts";
import type { DurationsReading, MovedReading } from "../core/cache-control.ts";
import { Durations } from "../core/durations.ts";
import type { EventBus } from "../core/events.ts";
import type { CacheTier } from "../core/outcome.ts";
import { RefreshAhead } from "./ahead.ts";
import { openCoherence, type Coherence } from "./coherence.ts";
import { Flights } from "./flight/flights.ts";
import { leaseDeadline, Leases } from "./flight/lease.ts";
import { ReadyAnswers } from "./ready.ts";
import type { CacheSettings } from "./settings.ts";
import { compileCascade, type Cascade } from "./tags/cascade.ts";
import { Ledger } from "./tags/ledger.ts";
import { openFarther, type OpenParts, type SharedRedis } from "./tiers/open.ts";
import type { Memories } from "./tiers/memories.ts";
import type { MemoryStats } from "./tiers/memory.ts";
import { openMemory } from "./tiers/open-memory.ts";
import { selectTiers, type TierChoice } from "./tiers/selection.ts";
import { sturdy } from "./tiers/sturdy.ts";
import { positionsOf, Tiers, type NamedTier } from "./tiers/tiers.ts";
import { timed } from "./tiers/timed.ts";
import { RouteLifetimes } from "./ttl/route-lifetime.ts";
import { steadyTime, type CacheTime } from "./time.ts";

/** Milliseconds. What a tier outside this process holds may have been put there before it started. */
const SHARED_BAN = 86_400_000;
/** Lookups in memory of which one is timed. */
const ONE_IN = 32;

/** What all cached routes share: the kept answers and what is under way. Survives reloads that leave `cache` as it is. */
export interface Store extends Omit<Coherence, "close"> {
  readonly settings: CacheSettings;
  readonly ledger: Ledger;
  readonly flights: Flights;
  /** On which all that is kept is dated. */
  readonly time: CacheTime;
  readonly bus: EventBus;
  readonly ahead: RefreshAhead;
  readonly ready: ReadyAnswers;
  /** Learned by routes that adapt. */
  readonly lifetimes: RouteLifetimes;
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
  close(): Promise<void>;
}

export type StoreParts = OpenParts;

export function createStore(settings: CacheSettings, parts: StoreParts): Store {
  const { clock, random, bus, redis } = parts;
  const time = steadyTime(clock);
  const origin = Number.parseInt(createHexSource(6)(), 16) || 1;
  const isShared = redis !== undefined || settings.postgres !== undefined;
  const ledger = new Ledger({ origin, wall: () => time.now(), leastBan: isShared ? SHARED_BAN : 1 });
  const { close: closeCoherence, ...coherence } = openCoherence(settings, { ...parts, ledger, time });
  const positions = positionsOf(ledger, time);
  const lookups = new Map<CacheTier, Durations>();
  const inUse = tierUser(parts, lookups);
  const farther = openFarther(settings, parts).map(inUse);
  const { memories, admission, demotions } = openMemory(settings, {
    clock,
    time,
    positions,
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
    ready: new ReadyAnswers(),
    lifetimes: new RouteLifetimes(),
    cascade: compileCascade(settings.cascade ?? {}),
    ...coherence,
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
      return new Tiers(selectTiers(tiersOf(name), chosen, time), time, positions);
    },
    async close() {
      await leases?.close();
      await closeCoherence();
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

function openLeases({ redis, prefix, deadline }: SharedRedis, { clock, random, bus }: StoreParts): Leases {
  const link = redis.link("lease", leaseDeadline(deadline));
  return new Leases({ link, clock, random, bus, prefix, unique: createHexSource(8) });
}
