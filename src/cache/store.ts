import type { EventBus } from "../core/events.ts";
import { RefreshAhead } from "./ahead.ts";
import { Flights } from "./flight/flights.ts";
import type { CacheSettings } from "./settings.ts";
import { compileCascade, type Cascade } from "./tags/cascade.ts";
import { Ledger, type Purge } from "./tags/ledger.ts";
import { openTiers, type OpenParts } from "./tiers/open.ts";
import { sturdy } from "./tiers/sturdy.ts";
import { Tiers } from "./tiers/tiers.ts";
import { steadyTime, type CacheTime } from "./time.ts";

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
  const tiers = openTiers(settings, { ...parts, time }).map((named) => sturdy(named, clock, onFault));
  return {
    settings,
    ledger,
    flights: new Flights(clock, random, settings.maxEntry),
    time,
    bus,
    ahead: new RefreshAhead(random),
    cascade: compileCascade(settings.cascade ?? {}),
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
