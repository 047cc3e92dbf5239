import type { KeyHash } from "./key-hash.ts";

/** Slots that a key may be in. */
const WAYS = 8;
/** Octets of a slot: two words of hash, two numbers, one whole number. */
export const SLOT_BYTES = 28;

/**
 * How much is lost when a slot is given to another key: 0 to 1, the share that its key has used. Below 0: nothing, it is
 * as if the key had never come.
 */
export type Weigh = (slot: number, now: number) => number;

/**
 * Three numbers for each of many keys, in memory that never grows. A key is known by 64 bits of a secret hash, which also
 * say in which eight slots it may be. When all of them are taken the one that has used the least gives way, the newest of
 * those that are equal: a million addresses that ask once each push out one another, and nobody who is close to a limit.
 */
export class KeyTable {
  readonly #hash: KeyHash;
  readonly #weigh: Weigh;
  readonly #sets: number;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly third: Int32Array;

  /** `slots` are rounded up to a power of two. `weigh` is given by who keeps numbers in it. */
  constructor(slots: number, hash: KeyHash, weigh: (table: KeyTable) => Weigh) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(slots, WAYS)));
    this.#hash = hash;
    this.#sets = size / WAYS;
    this.#low = new Uint32Array(size);
    this.#high = new Uint32Array(size);
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
    this.third = new Int32Array(size);
    this.#weigh = weigh(this);
  }

  get slots(): number {
    return this.#low.length;
  }

  get bytes(): number {
    return this.slots * SLOT_BYTES;
  }

  /** The slot of a key; -1 when it has none. */
  find(key: string): number {
    this.#hash.of(key);
    const { low, high } = this.#hash;
    const from = (low & (this.#sets - 1)) * WAYS;
    for (let slot = from; slot < from + WAYS; slot++) {
      if (this.#low[slot] === low && this.#high[slot] === high) return slot;
    }
    return -1;
  }

  /** The slot of a key, with zeros in it when it has just got it. Holds until the next claim. */
  claim(key: string, now: number): number {
    const found = this.find(key);
    if (found >= 0) return found;
    const { low, high } = this.#hash;
    const from = (low & (this.#sets - 1)) * WAYS;
    let least = Number.POSITIVE_INFINITY;
    let slot = from;
    for (let at = from; at < from + WAYS; at++) {
      const weight = this.#weigh(at, now);
      if (weight < least) {
        least = weight;
        slot = at;
        if (weight < 0) break;
      }
    }
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.first[slot] = 0;
    this.second[slot] = 0;
    this.third[slot] = 0;
    return slot;
  }

  /** Keys that would be missed. Looks at every slot: for people, not for requests. */
  inUse(now: number): number {
    let count = 0;
    for (let slot = 0; slot < this.slots; slot++) if (this.#weigh(slot, now) >= 0) count++;
    return count;
  }
}
