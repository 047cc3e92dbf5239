import { createCache } from "../../src/cache/library/create-cache.ts";
import type { Cache } from "../../src/cache/library/cache.ts";
import { readSettings, type LibraryConfig } from "../../src/cache/library/settings.ts";
import { createStore } from "../../src/cache/store.ts";
import type { Entry } from "../../src/cache/entry.ts";
import type { Tier } from "../../src/cache/tiers/tier.ts";
import type { NamedTier } from "../../src/cache/tiers/tiers.ts";
import { createEventBus } from "../../src/core/events.ts";
import { ManualClock } from "./manual-clock.ts";

/** A tier that answers when the test says, and counts its round trips. */
export interface FarTier extends Tier {
  readonly kept: Map<string, Entry>;
  /** Round trips, such as `get 1` or `set 3`. */
  readonly trips: string[];
  /** Waits before each round trip takes effect, and before its answer is here. Default: not at all. */
  delay: () => Promise<void>;
}

export function createFarTier(kept = new Map<string, Entry>()): FarTier {
  const trip = async <T>(name: string, act: () => T): Promise<T> => {
    far.trips.push(name);
    await far.delay();
    const result = act();
    await far.delay();
    return result;
  };
  const far: FarTier = {
    kept,
    trips: [],
    delay: async () => {},
    get: (key) => trip("get 1", () => kept.get(key)),
    set: (key, entry) => trip("set 1", () => void kept.set(key, entry)),
    delete: (key) => trip("delete 1", () => void kept.delete(key)),
    getMany: (keys) => trip(`get ${keys.length}`, () => keys.map((key) => kept.get(key))),
    setMany: (entries) =>
      trip(`set ${entries.length}`, () => {
        for (const [key, entry] of entries) kept.set(key, entry);
      }),
    deleteMany: (keys) =>
      trip(`delete ${keys.length}`, () => {
        for (const key of keys) kept.delete(key);
      }),
    clear: () => trip("clear", () => kept.clear()),
    close: () => {},
  };
  return far;
}

export interface LibraryRig extends AsyncDisposable {
  readonly cache: Cache;
  readonly clock: ManualClock;
  /** What no call was told of. */
  readonly failures: string[];
}

/** A cache on a clock that stands still, with further tiers behind its memory. */
export function openLibrary(
  config: LibraryConfig = {},
  far: readonly NamedTier[] = [],
  clock = new ManualClock(),
): LibraryRig {
  const { settings, tiers } = readSettings(config);
  const random = (): number => 0.5;
  const store = createStore(tiers, { clock, random, bus: createEventBus("library") });
  const failures: string[] = [];
  const cache = createCache(settings, {
    clock,
    random,
    store: { ...store, tiers: [...store.tiers, ...far] },
    failed: (error) => failures.push(error.message),
  });
  return {
    cache,
    clock,
    failures,
    async [Symbol.asyncDispose]() {
      await cache.close().catch(() => {});
    },
  };
}
