import type { LocalJWKSet } from "jose";
import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import { readKeySet } from "../core/key-set.ts";
import type { Soon } from "../core/soon.ts";

/** Milliseconds for which keys that cannot be renewed are still used. */
const LONGEST_USE = 86_400_000;
/** Milliseconds between two looks for a key that a token names and the set lacks. */
const LOOK_AGAIN = 30_000;
/** Milliseconds after the first failure, doubled with each further one, and the longest. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

/** Where the keys are that tokens name. */
export interface KeySets {
  /** The keys; undefined: there are none now. A promise only while they are loaded for the first time. */
  current(): Soon<LocalJWKSet | undefined>;
  /** A token names a key that is not among them. */
  lacksOne(): void;
}

/** Keys that do not change, as of a file. Throws when they are none. */
export function fixedKeys(text: string): KeySets {
  const set = readKeySet(text);
  const keys = { current: undefined as Soon<LocalJWKSet> | undefined };
  const make = async (): Promise<LocalJWKSet> => (keys.current = (await import("jose")).createLocalJWKSet(set));
  return { current: () => (keys.current ??= make()), lacksOne: () => {} };
}

interface RemoteParts {
  readonly clock: Clock;
  /** Milliseconds after which they are loaded anew. */
  readonly refresh: number;
  /** Text of a JWK Set, bounded in time and length; rejects when there is none. */
  readonly load: () => Promise<string>;
  readonly failed: (error: Error) => void;
}

/**
 * Keys that somebody else may change. Nothing is loaded before the first token comes, which waits for them, as do those
 * beside it; from then on they are renewed beside the requests, and after a failure nobody waits.
 */
export class RemoteKeys implements KeySets {
  readonly #parts: RemoteParts;
  #keys: LocalJWKSet | undefined;
  #loading: Promise<LocalJWKSet | undefined> | undefined;
  #failures = 0;
  /** Monotonic milliseconds. */
  #loadedAt = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  current(): Soon<LocalJWKSet | undefined> {
    const now = this.#parts.clock.now();
    if (this.#keys && now - this.#loadedAt < LONGEST_USE) {
      if (now - this.#loadedAt >= this.#parts.refresh) void this.#renew(now);
      return this.#keys;
    }
    const first = this.#failures === 0;
    const loading = this.#renew(now);
    return first ? loading : undefined;
  }

  lacksOne(): void {
    const now = this.#parts.clock.now();
    if (now - this.#loadedAt >= LOOK_AGAIN) void this.#renew(now);
  }

  #renew(now: number): Promise<LocalJWKSet | undefined> | undefined {
    if (this.#loading) return this.#loading;
    if (now < this.#notBefore) return undefined;
    return (this.#loading = this.#load().finally(() => (this.#loading = undefined)));
  }

  async #load(): Promise<LocalJWKSet | undefined> {
    const { clock, load, failed } = this.#parts;
    try {
      const set = readKeySet(await load());
      this.#keys = (await import("jose")).createLocalJWKSet(set);
      this.#loadedAt = clock.now();
      this.#failures = 0;
    } catch (thrown) {
      const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE);
      this.#notBefore = clock.now() + pause;
      failed(toError(thrown));
    }
    return this.#keys;
  }
}
