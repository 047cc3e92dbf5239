import type { Clock } from "../core/clock.ts";
import type { CounterReading, LocalCounter, Quantity, Taken } from "./counter.ts";
import type { KeyHash } from "./key-hash.ts";
import { KeyTable } from "./key-table.ts";
import { takeOne, tokensLeft, waitFor, type Bucket } from "./token-bucket.ts";

export interface MemoryParts {
  readonly clock: Clock;
  readonly hash: KeyHash;
  /** Keys there is room for. */
  readonly keys: number;
  /** Processes that share what the quantity says: each lets its part of it through. */
  readonly share: () => number;
}

/** Counts in this process alone, at once and in memory that does not grow. */
export function createMemoryCounter(quantity: Quantity, parts: MemoryParts): LocalCounter {
  return quantity.burst === undefined
    ? new FixedWindow(quantity, parts)
    : new TokenBucket({ ...quantity, burst: quantity.burst }, parts);
}

/** In a slot: requests of the window, and when it ends. */
class FixedWindow implements LocalCounter {
  readonly #quantity: Quantity;
  readonly #parts: MemoryParts;
  readonly #table: KeyTable;

  constructor(quantity: Quantity, parts: MemoryParts) {
    this.#quantity = quantity;
    this.#parts = parts;
    this.#table = new KeyTable(parts.keys, parts.hash, ({ first, second }) => (slot, now) => {
      return second[slot]! <= now ? -1 : first[slot]! / quantity.limit;
    });
  }

  take(key: string): Taken {
    const now = this.#parts.clock.now();
    const limit = Math.ceil(this.#quantity.limit / this.#parts.share());
    const { first, second } = this.#table;
    const slot = this.#slotOf(key, now);
    const used = first[slot]!;
    const resetMs = second[slot]! - now;
    if (used >= limit) return { ok: false, remaining: 0, resetMs, retryMs: resetMs };
    first[slot] = used + 1;
    return { ok: true, remaining: limit - used - 1, resetMs, retryMs: 0 };
  }

  note(key: string): void {
    this.#table.first[this.#slotOf(key, this.#parts.clock.now())]! += 1;
  }

  /** With a window that has not ended. */
  #slotOf(key: string, now: number): number {
    const { first, second } = this.#table;
    const slot = this.#table.claim(key, now);
    if (second[slot]! <= now) {
      first[slot] = 0;
      second[slot] = now + this.#quantity.window;
    }
    return slot;
  }

  reading(): CounterReading {
    return readingOf(this.#table, this.#parts.clock);
  }
}

/** In a slot: the arrival time. */
class TokenBucket implements LocalCounter {
  readonly #quantity: Quantity & { readonly burst: number };
  readonly #parts: MemoryParts;
  readonly #table: KeyTable;
  #share = 0;
  #bucket: Bucket = { interval: 1, burst: 1 };

  constructor(quantity: Quantity & { readonly burst: number }, parts: MemoryParts) {
    this.#quantity = quantity;
    this.#parts = parts;
    const full = (quantity.window / quantity.limit) * quantity.burst;
    this.#table = new KeyTable(parts.keys, parts.hash, ({ first }) => (slot, now) => {
      return first[slot]! <= now ? -1 : (first[slot]! - now) / full;
    });
  }

  take(key: string): Taken {
    const now = this.#parts.clock.now();
    const bucket = this.#bucketOf(this.#parts.share());
    const slot = this.#table.claim(key, now);
    const { first } = this.#table;
    const arrival = first[slot]!;
    const retryMs = waitFor(arrival, now, bucket);
    if (retryMs > 0) return { ok: false, remaining: 0, resetMs: arrival - now, retryMs };
    const next = takeOne(arrival, now, bucket);
    first[slot] = next;
    return { ok: true, remaining: tokensLeft(next, now, bucket), resetMs: next - now, retryMs: 0 };
  }

  /** The bucket of this process's share is empty at most. */
  note(key: string): void {
    const now = this.#parts.clock.now();
    const bucket = this.#bucketOf(this.#parts.share());
    const { first } = this.#table;
    const slot = this.#table.claim(key, now);
    first[slot] = Math.min(takeOne(first[slot]!, now, bucket), now + bucket.interval * bucket.burst);
  }

  reading(): CounterReading {
    return readingOf(this.#table, this.#parts.clock);
  }

  #bucketOf(share: number): Bucket {
    if (share !== this.#share) {
      const { limit, window, burst } = this.#quantity;
      this.#share = share;
      this.#bucket = { interval: (window * share) / limit, burst: Math.ceil(burst / share) };
    }
    return this.#bucket;
  }
}

const readingOf = (table: KeyTable, clock: Clock): CounterReading => ({
  keys: table.inUse(clock.now()),
  slots: table.slots,
  bytes: table.bytes,
});
