import { GARBAGE, type Listed } from "./lazy-ring.ts";

/** What a {@link LazyHeap} sorts by: the deadline, and among equals the order of arrival. */
export interface Dated extends Listed {
  readonly deadline: number;
  readonly order: number;
}

/** A binary heap, earliest deadline first. What is gone stays, within bounds, until it comes to the top. */
export class LazyHeap<T extends Dated> {
  #items: T[] = [];
  #gone = 0;

  /** Slots in use, those of items that are gone included. */
  get held(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** The one with the earliest deadline, left where it is. */
  first(): T | undefined {
    while (this.#items[0]?.gone) {
      this.#gone--;
      const last = this.#items.pop()!;
      if (this.#items.length === 0) break;
      this.#items[0] = last;
      this.#sink(0);
    }
    return this.#items[0];
  }

  /** One of the latest in O(1): a leaf, not always the very last. */
  late(): T | undefined {
    while (this.#items.at(-1)?.gone) {
      this.#gone--;
      this.#items.pop();
    }
    return this.#items.at(-1);
  }

  /** One of the items is gone since a moment ago. */
  bury(): void {
    this.#gone++;
    if (this.#gone <= GARBAGE || this.#gone * 2 <= this.#items.length) return;
    this.#items = this.#items.filter(({ gone }) => !gone);
    this.#gone = 0;
    for (let i = (this.#items.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Drops everything. */
  clear(): void {
    this.#items = [];
    this.#gone = 0;
  }

  #rise(at: number): void {
    const items = this.#items;
    const item = items[at]!;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isEarlier(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  #sink(at: number): void {
    const items = this.#items;
    const item = items[at]!;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && isEarlier(items[below + 1]!, items[below]!)) below++;
      if (!isEarlier(items[below]!, item)) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = item;
  }
}

const isEarlier = (a: Dated, b: Dated): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
