import type { KeyHash } from "./key-hash.ts";

/** Slots at first: a power of two. */
const FEWEST = 64;

/**
 * How many of each key are under way: a count may not be lost, so the room grows with the keys that have one, of which
 * there are no more than open exchanges. Linear probing; who leaves is followed up (Knuth, The Art of Computer
 * Programming 3, section 6.4, algorithm R).
 */
export class InFlight {
  readonly #hash: KeyHash;
  #low = new Uint32Array(FEWEST);
  #high = new Uint32Array(FEWEST);
  #counts = new Uint32Array(FEWEST);
  #keys = 0;

  constructor(hash: KeyHash) {
    this.#hash = hash;
  }

  /** Keys that have one or more under way. */
  get keys(): number {
    return this.#keys;
  }

  /** One more of a key, unless it has `most` already. */
  enter(key: string, most: number): boolean {
    this.#hash.of(key);
    const { low, high } = this.#hash;
    const slot = this.#slotOf(low, high);
    const count = this.#counts[slot]!;
    if (count >= most) return false;
    this.#counts[slot] = count + 1;
    if (count === 0) {
      this.#low[slot] = low;
      this.#high[slot] = high;
      this.#keys++;
      if (this.#keys * 2 > this.#counts.length) this.#resize(this.#counts.length * 2);
    }
    return true;
  }

  /** One less. Once for each that entered. */
  leave(key: string): void {
    this.#hash.of(key);
    const slot = this.#slotOf(this.#hash.low, this.#hash.high);
    const count = this.#counts[slot]!;
    if (count === 0) return;
    this.#counts[slot] = count - 1;
    if (count > 1) return;
    this.#keys--;
    this.#close(slot);
    if (this.#counts.length > FEWEST && this.#keys * 16 < this.#counts.length) this.#resize(this.#counts.length / 2);
  }

  /** Where a key is, or would be. */
  #slotOf(low: number, high: number): number {
    const mask = this.#counts.length - 1;
    let slot = low & mask;
    while (this.#counts[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  /** Moves up what would not be found behind an empty slot. */
  #close(hole: number): void {
    const mask = this.#counts.length - 1;
    for (let slot = (hole + 1) & mask; this.#counts[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#low[slot]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#low[hole] = this.#low[slot]!;
      this.#high[hole] = this.#high[slot]!;
      this.#counts[hole] = this.#counts[slot]!;
      this.#counts[slot] = 0;
      hole = slot;
    }
  }

  #resize(size: number): void {
    const [low, high, counts] = [this.#low, this.#high, this.#counts];
    this.#low = new Uint32Array(size);
    this.#high = new Uint32Array(size);
    this.#counts = new Uint32Array(size);
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      const slot = this.#slotOf(low[at]!, high[at]!);
      this.#low[slot] = low[at]!;
      this.#high[slot] = high[at]!;
      this.#counts[slot] = counts[at]!;
    }
  }
}
