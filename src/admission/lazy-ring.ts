/** Something that stands in several lists at once. Once it is `gone` they drop it when they meet it. */
export interface Listed {
  readonly gone: boolean;
}

/** Items that are gone may stay in a list as long as they are no more than these, or than the ones that are not. */
export const GARBAGE = 16;

const SMALLEST = 8;

/**
 * A ring buffer in order of arrival: joining and both ends in O(1) amortised. What leaves out of the middle is only
 * counted (`bury`) and dropped at an end, or by a compaction once there is more of it than of the rest.
 */
export class LazyRing<T extends Listed> {
  #slots: (T | undefined)[] = Array.from({ length: SMALLEST });
  #from = 0;
  #length = 0;
  #gone = 0;

  /** Slots in use, those of items that are gone included. */
  get held(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#rebuild(this.#slots.length * 2);
    this.#slots[(this.#from + this.#length) & (this.#slots.length - 1)] = item;
    this.#length++;
  }

  /** The oldest, left where it is. */
  first(): T | undefined {
    while (this.#length > 0) {
      const item = this.#slots[this.#from]!;
      if (!item.gone) return item;
      this.#slots[this.#from] = undefined;
      this.#from = (this.#from + 1) & (this.#slots.length - 1);
      this.#length--;
      this.#gone--;
    }
    return undefined;
  }

  /** The newest, left where it is. */
  last(): T | undefined {
    while (this.#length > 0) {
      const at = (this.#from + this.#length - 1) & (this.#slots.length - 1);
      const item = this.#slots[at]!;
      if (!item.gone) return item;
      this.#slots[at] = undefined;
      this.#length--;
      this.#gone--;
    }
    return undefined;
  }

  /** One of the items is gone since a moment ago. */
  bury(): void {
    this.#gone++;
    if (this.#gone > GARBAGE && this.#gone * 2 > this.#length) this.#rebuild(this.#slots.length);
  }

  /** Drops everything. */
  clear(): void {
    if (this.#length > 0) this.#slots = Array.from({ length: SMALLEST });
    this.#from = this.#length = this.#gone = 0;
  }

  #rebuild(room: number): void {
    const kept: (T | undefined)[] = [];
    for (let i = 0; i < this.#length; i++) {
      const item = this.#slots[(this.#from + i) & (this.#slots.length - 1)]!;
      if (!item.gone) kept.push(item);
    }
    this.#from = this.#gone = 0;
    this.#length = kept.length;
    while (room > SMALLEST && kept.length * 4 <= room) room /= 2;
    kept.length = room;
    this.#slots = kept;
  }
}
