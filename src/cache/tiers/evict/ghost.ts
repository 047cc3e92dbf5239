const WAYS = 4;

/**
 * Hashes of what went last: a table of buckets with four places each, where the oldest of a bucket gives way. Bounded by
 * what its owner keeps; two keys of one hash are taken for the same.
 */
export class Ghost {
  #hashes = new Int32Array(0);
  /** When, counted in additions; 0: free. */
  #stamps = new Uint32Array(0);
  #additions = 0;

  add(hash: number, capacity: number): void {
    if (this.#hashes.length < 2 * capacity) this.#grow(capacity);
    this.#put(hash, ++this.#additions);
  }

  /** Whether it is among the last `capacity` that were added, and not taken since. Takes it. */
  take(hash: number, capacity: number): boolean {
    const first = this.#bucket(hash);
    for (let at = first; at < first + WAYS && at < this.#stamps.length; at++) {
      const stamp = this.#stamps[at]!;
      if (stamp === 0 || this.#hashes[at] !== hash) continue;
      this.#stamps[at] = 0;
      return this.#additions - stamp < capacity;
    }
    return false;
  }

  clear(): void {
    this.#stamps.fill(0);
  }

  /** Slots of the table: for the test that it is bounded. */
  get slots(): number {
    return this.#hashes.length;
  }

  #bucket(hash: number): number {
    return (hash & (this.#hashes.length / WAYS - 1)) * WAYS;
  }

  #put(hash: number, stamp: number): void {
    const first = this.#bucket(hash);
    let place = first;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#hashes[at] === hash) {
        place = at;
        break;
      }
      if (this.#stamps[at]! < this.#stamps[place]!) place = at;
    }
    this.#hashes[place] = hash;
    this.#stamps[place] = stamp;
  }

  #grow(capacity: number): void {
    const [hashes, stamps] = [this.#hashes, this.#stamps];
    let slots = 1024;
    while (slots < 2 * capacity) slots *= 2;
    this.#hashes = new Int32Array(slots);
    this.#stamps = new Uint32Array(slots);
    stamps.forEach((stamp, at) => {
      if (stamp > 0) this.#put(hashes[at]!, stamp);
    });
  }
}
