import type { DurationsReading } from "../core/cache-control.ts";
import { Durations } from "../core/durations.ts";
import type { EventBus } from "../core/events.ts";
import type { CacheTier } from "../core/outcome.ts";
import { RefreshAhead } from "./ahead.ts";
import { Flights } from "./flight/flights.ts";
import type { CacheSettings } from "./settings.ts";
import { compileCascade, type Cascade } from "./tags/cascade.ts";
import { Ledger, type Purge } from "./tags/ledger.ts";
import { openTiers, type OpenParts } from "./tiers/open.ts";
import { sturdy } from "./tiers/sturdy.ts";
import type { MemoryTier } from "./tiers/memory.ts";
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
  /** All tiers, nearest first. */
  readonly tiers: readonly NamedTier[];
  /** The one in this process, to be looked into. */
  readonly memory: Pick<MemoryTier, "stats" | "peek" | "list">;
  /** How long lookups in a tier took. */
  lookups(tier: CacheTier): DurationsReading;
  /** The tiers that a route chose. */
  tiersFor(): Tiers;
  /** In force here when it returns; resolves to its position. */
  purge(purge: Purge): Promise<number>;
  close(): Promise<void>;
}

export type StoreParts = Omit<OpenParts, "time">;

export function createStore(settings: CacheSettings, parts: StoreParts): Store {
  const { clock, random, bus } = parts;
  const time = steadyTime(clock);
  const ledger = new Ledger({ wall: () => time.now() });
  const onFault = (where: string, error: Error): void => bus.publish("spillway:fault", { where, error });
  const open = openTiers(settings, { ...parts, time });
  const lookups = new Map(open.tiers.map(({ name }) => [name, new Durations()]));
  const tiers = open.tiers.map((named): NamedTier => {
    const { name, tier } = sturdy(named, clock, onFault);
    return { name, tier: timed(tier, clock, lookups.get(name)!, name === "memory" ? ONE_IN : 1) };
  });
  return {
    settings,
    ledger,
    flights: new Flights(clock, random, settings.maxEntry),
    time,
    bus,
    ahead: new RefreshAhead(random),
    cascade: compileCascade(settings.cascade ?? {}),
    tiers,
    memory: open.memory,
    lookups: (name) => (lookups.get(name) ?? new Durations()).read(),
    tiersFor: () => new Tiers(tiers, time),
    async purge(purge) {
      ledger.record(purge);
      return ledger.position;
    },
    async close() {
      await Promise.all(tiers.map(async ({ tier }) => tier.close()));
    },
  };
}
