/** The cache as a library: tiers, tags and flights of the gateway for the values of a program. */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import type { Cache } from "./cache/library/cache.ts";
import { cached as keep, type AsyncFunction, type CachedPolicy } from "./cache/library/cached.ts";
import { createCache as compose } from "./cache/library/create-cache.ts";
import { readSettings, type LibraryConfig } from "./cache/library/settings.ts";
import { scopeOf } from "./cache/library/naming.ts";
import { createStore } from "./cache/store.ts";
import type { SharedRedis } from "./cache/tiers/open.ts";
import { createRedis, type RedisParts } from "./cluster/redis.ts";
import { redisSettings } from "./cluster/settings.ts";
import { createHexSource, systemClock, systemRandom, type Clock, type Random } from "./core/clock.ts";
import { toError, UsageError } from "./core/errors.ts";
import { createEventBus } from "./core/events.ts";

/** What `createCache` takes; every key may be left out. */
export interface CacheConfig extends LibraryConfig {
  /** As in the gateway's configuration: several processes share what they keep. Default: none. */
  readonly redis?: z.input<typeof redisSettings>;
}

/**
 * A cache in this process, and in Redis and PostgreSQL where those are configured. Throws a `UsageError` with everything
 * that is wrong. One with a tier beyond memory has to be closed for the process to end.
 */
export function createCache(config: CacheConfig = {}): Cache {
  return composeCache(config, { clock: systemClock, random: systemRandom });
}

/** As {@link createCache}, on a clock of one's own. */
export function composeCache(
  { redis: redisConfig, ...config }: CacheConfig,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Cache {
  const { settings, tiers } = readSettings(config);
  const bus = createEventBus(createHexSource(8)());
  const redis = openRedis(redisConfig, { clock, random, bus });
  const failed = settings.onError ?? ((error: Error): void => process.emitWarning(error));
  const unsubscribe = bus.subscribe("spillway:fault", ({ error }) => failed(error));
  const store = createStore(tiers, { clock, random, bus, redis, scope: scopeOf(settings.prefix) });
  const cache = compose(settings, { clock, random, store, failed });
  return {
    ...cache,
    async close() {
      try {
        await cache.close();
      } finally {
        await redis?.redis.close();
        unsubscribe();
      }
    },
  };
}

function openRedis(config: CacheConfig["redis"], parts: RedisParts): SharedRedis | undefined {
  const parsed = redisSettings.safeParse(config);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      ({ path, message }) => `createCache: ${["redis", ...path].join(".")}: ${message}`,
    );
    throw new UsageError(lines.join("\n"));
  }
  const settings = parsed.data;
  if (!settings) return undefined;
  const { prefix, deadline, ca } = settings;
  return {
    prefix,
    deadline,
    redis: createRedis(settings, { ...parts, ca: ca === undefined ? ca : readAuthority(ca) }),
  };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new UsageError(`createCache: redis.ca: ${file} cannot be read: ${toError(thrown).message}`);
  }
}

/** As {@link keep}; without a `cache` the answers are kept in memory, apart from all others. */
export function cached<F extends AsyncFunction>(
  fn: F,
  policy: Omit<CachedPolicy<F>, "cache"> & { readonly cache?: Cache } = {},
): F {
  return keep(fn, { ...policy, cache: policy.cache ?? createCache() });
}
