import type { Clock, Random } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { Flights } from "./flight/flights.ts";
import type { CacheSettings } from "./settings.ts";
import { Ledger } from "./tags/ledger.ts";
import { openTiers } from "./tiers/open.ts";
import { Tiers } from "./tiers/tiers.ts";
import { steadyTime, type CacheTime } from "./time.ts";

/** What all cached routes share: the kept answers and what is under way. Survives reloads that leave `cache` as it is. */
export interface Store {
  readonly settings: CacheSettings;
  readonly ledger: Ledger;
  readonly flights: Flights;
  /** On which all that is kept is dated. */
  readonly time: CacheTime;
  /** The tiers that a route chose. */
  tiersFor(): Tiers;
  close(): Promise<void>;
}

export interface StoreParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
}

export function createStore(settings: CacheSettings, parts: StoreParts): Store {
  const { clock, random } = parts;
  const ledger = new Ledger();
  const time = steadyTime(clock);
  const tiers = openTiers(settings, parts);
  return {
    settings,
    ledger,
    flights: new Flights(clock, random, settings.maxEntry),
    time,
    tiersFor: () => new Tiers(tiers, time),
    async close() {
      await Promise.all(tiers.map(async ({ tier }) => tier.close()));
    },
  };
}
