import type { Clock, Random } from "../core/clock.ts";
import { Flights } from "./flights.ts";
import { createMemoryTier } from "./memory.ts";
import type { CacheSettings } from "./settings.ts";
import type { Tier } from "./tier.ts";

/** What all cached routes share: the kept answers and what is under way. Survives reloads that leave `cache` as it is. */
export interface Store {
  readonly settings: CacheSettings;
  readonly tier: Tier;
  readonly flights: Flights;
}

export const createStore = (settings: CacheSettings, clock: Clock, random: Random): Store => ({
  settings,
  tier: createMemoryTier(settings.memory),
  flights: new Flights(clock, random, settings.maxEntry),
});
