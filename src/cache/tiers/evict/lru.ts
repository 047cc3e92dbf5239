import { LRUCache } from "lru-cache";
import type { Eviction, EvictionParts, Held, OnLost } from "./eviction.ts";

interface Kept<V> extends Held<V> {
  hits: number;
}

/** What was not used for longest gives way. */
export class LeastRecentlyUsed<V> implements Eviction<V> {
  // Sized in octets; both limits are held here, because its own can not be changed and take memory ahead.
  readonly #kept = new LRUCache<string, Kept<V>>({ maxSize: Number.MAX_SAFE_INTEGER });
  readonly #lost: OnLost<V>;
  readonly #mostEntries: number;
  #limit: number;

  constructor({ limits, lost }: EvictionParts<V>) {
    this.#limit = limits.bytes;
    this.#mostEntries = limits.entries;
    this.#lost = lost;
  }

  get(key: string, now: number): V | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.until <= now) {
      this.#kept.delete(key);
      this.#lost(kept, "expired");
      return undefined;
    }
    kept.hits++;
    return kept.value;
  }

  peek(key: string): Held<V> | undefined {
    return this.#kept.peek(key);
  }

  set(key: string, value: V, bytes: number, until: number, now: number): boolean {
    if (bytes > this.#limit) {
      this.#kept.delete(key);
      return false;
    }
    this.#kept.set(key, { key, value, bytes, until, hits: 0 }, { size: bytes });
    this.#makeRoom(now);
    return true;
  }

  delete(key: string): boolean {
    return this.#kept.delete(key);
  }

  clear(): void {
    this.#kept.clear();
  }

  resize(bytes: number, now: number): void {
    this.#limit = bytes;
    this.#makeRoom(now);
  }

  all(): Iterable<Held<V>> {
    return this.#kept.values();
  }

  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  get entries(): number {
    return this.#kept.size;
  }

  get limit(): number {
    return this.#limit;
  }

  #makeRoom(now: number): void {
    if (this.#kept.calculatedSize <= this.#limit && this.#kept.size <= this.#mostEntries) return;
    while (this.#kept.calculatedSize > this.#limit || this.#kept.size > this.#mostEntries) {
      const least = this.#kept.pop();
      if (!least) return;
      this.#lost(least, least.until <= now ? "expired" : "capacity");
    }
  }
}
