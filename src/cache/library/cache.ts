/** The cache as a library: the words of its callers. Types only. */
import type { CacheTier } from "../../core/outcome.ts";

/** A time with its unit: `250ms`, `60s`, `5m`, `1h`, `7d`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** `aside`: the caller's own affair. `through`: written before it is kept. `back`: kept, and written a little later. */
export type WriteStrategy = "aside" | "through" | "back";

/** How long a value may be used. What is absent is as the cache's own settings say. */
export interface LifetimePolicy {
  /** Fresh so long. */
  readonly ttl?: Duration;
  /** Past `ttl`: given at once so long, while a newer one is loaded behind it. */
  readonly staleWhileRevalidate?: Duration;
  /** Past `ttl`: given so long when a load fails or is slow. */
  readonly staleIfError?: Duration;
}

/** Which tiers a call is about. Default: all there are. */
export interface LevelsPolicy {
  readonly levels?: readonly CacheTier[];
}

export interface SetPolicy extends LifetimePolicy, LevelsPolicy {
  readonly tags?: readonly string[];
  /** What becomes of the value beside being kept. Default: the cache's `write`. */
  readonly write?: WriteStrategy;
}

export interface LoadPolicy<T> extends LifetimePolicy, LevelsPolicy {
  /** What the value may be purged by; a function when the value itself tells. */
  readonly tags?: readonly string[] | ((value: T) => readonly string[]);
  /** With a stale value in hand, a load is waited for no longer than this. Default: the cache's `softTimeout`. */
  readonly softTimeout?: Duration;
  /** A load that takes longer has failed. Default: the cache's `loadTimeout`. */
  readonly loadTimeout?: Duration;
  /** A failure is given to later callers, too, for so long, instead of another try. Default: to none. */
  readonly errorTtl?: Duration;
}

/** Where a value comes from. `signal`: nobody waits any more. */
export type Loader<T> = (key: string, signal: AbortSignal) => T | Promise<T>;

/** Where a value goes to. */
export type Writer = (key: string, value: unknown) => void | Promise<void>;

/** What is to be purged: all that has one of the tags, all of the keys, all keys that begin so, or everything. */
export interface CachePurge {
  readonly tags?: readonly string[];
  readonly keys?: readonly string[];
  readonly prefix?: string;
  readonly all?: boolean;
  /** It stays for {@link LifetimePolicy.staleIfError} and counts as past its `ttl`. Default: it is gone. */
  readonly soft?: boolean;
}

/**
 * A map of texts to values in tiers. Values are kept as octets: what a caller does with one afterwards reaches nobody
 * else. A tier that is away, slow or damaged is a miss and never an error. The methods need no `this`.
 */
export interface Cache {
  /** The value, fresh; with a `loader` in the settings as {@link Cache.getOrLoad}; otherwise undefined. */
  get<T>(key: string, policy?: LevelsPolicy): Promise<T | undefined>;
  /** Those that {@link Cache.get} has, in one round trip to each tier; loads none. */
  getMany<T>(keys: readonly string[], policy?: LevelsPolicy): Promise<Map<string, T>>;
  /**
   * The value, or what `loader` gives. Callers that come while it loads wait for the same load; a failure is theirs, too,
   * and is not kept. A load that began before a purge, a `set` or a `delete` is kept by nobody who comes after it.
   */
  getOrLoad<T>(key: string, loader: Loader<T>, policy?: LoadPolicy<T>): Promise<T>;
  /**
   * Resolves when every tier has it, or has not taken it within its deadline, and the writer has it, too, where it is
   * written through. For a Redis that hangs it waits 500 ms, once: then calls cost nothing until that is back.
   */
  set(key: string, value: unknown, policy?: SetPolicy): Promise<void>;
  setMany(values: Iterable<readonly [key: string, value: unknown]>, policy?: SetPolicy): Promise<void>;
  /** A write of the key that waits for the writer is written first. */
  delete(key: string, policy?: LevelsPolicy): Promise<void>;
  deleteMany(keys: readonly string[], policy?: LevelsPolicy): Promise<void>;
  /**
   * From its return on nothing is given that was loaded before, in this process and, with Redis, in all. Costs the same
   * whatever it is about. Where others share PostgreSQL alone, what they load within 3 s after it may be a miss here.
   */
  purge(purge: CachePurge): Promise<void>;
  /**
   * Takes everything under this cache's `prefix` out of all tiers, in the shared ones also what other processes keep under it.
   * What gateways, and caches of another `prefix`, keep there stays.
   */
  clear(): Promise<void>;
  /** Hands everything that waits to the writer. Rejects when some of it could not be written. */
  flush(): Promise<void>;
  /** Flushes and frees all it holds; nothing may be called after it. */
  close(): Promise<void>;
}
