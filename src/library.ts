/** The cache as a library: tiers, tags and flights of the gateway for the values of a program. */
import type { Cache } from "./cache/library/cache.ts";
import { cached as keep, type AsyncFunction, type CachedPolicy } from "./cache/library/cached.ts";
import { createCache as compose } from "./cache/library/create-cache.ts";
import { readSettings, type LibraryConfig } from "./cache/library/settings.ts";
import { createStore } from "./cache/store.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import { createEventBus } from "./core/events.ts";

/** What `createCache` takes; every key may be left out. */
export type CacheConfig = LibraryConfig;

/** A cache in this process, and in PostgreSQL where that is configured. Throws a `UsageError` with everything that is wrong. */
export function createCache(config: CacheConfig = {}): Cache {
  return composeCache(config, { clock: systemClock, random: systemRandom });
}

/** As {@link createCache}, on a clock of one's own. */
export function composeCache(config: CacheConfig, { clock, random }: { clock: Clock; random: Random }): Cache {
  const { settings, tiers } = readSettings(config);
  const bus = createEventBus(createHexSource(8)());
  const failed = settings.onError ?? ((error: Error): void => process.emitWarning(error));
  const unsubscribe = bus.subscribe("spillway:fault", ({ error }) => failed(error));
  const cache = compose(settings, { clock, random, store: createStore(tiers, { clock, random, bus }), failed });
  return { ...cache, close: () => cache.close().finally(unsubscribe) };
}

/** As {@link keep}; without a `cache` the answers are kept in memory, apart from all others. */
export function cached<F extends AsyncFunction>(
  fn: F,
  policy: Omit<CachedPolicy<F>, "cache"> & { readonly cache?: Cache } = {},
): F {
  return keep(fn, { ...policy, cache: policy.cache ?? createCache() });
}
