import type { Order } from "./ordered.ts";
import type { Link } from "./queue.ts";

/** What ends soonest gives way first, whether it is used or not: a binary heap. */
export class SoonestEnd<V> implements Order<V> {
  readonly #heap: Link<V>[] = [];

  add(link: Link<V>): void {
    this.#heap.push(link);
    this.#up(link, this.#heap.length - 1);
  }

  use(): void {}

  replace(link: Link<V>): void {
    this.#up(link, link.place);
    this.#down(link, link.place);
  }

  remove(link: Link<V>): void {
    const last = this.#heap.pop()!;
    if (last === link) return;
    this.#up(last, link.place);
    this.#down(last, last.place);
  }

  victim(): Link<V> | undefined {
    return this.#heap[0];
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #up(link: Link<V>, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#heap[above]!.until <= link.until) break;
      this.#put(this.#heap[above]!, at);
      at = above;
    }
    this.#put(link, at);
  }

  #down(link: Link<V>, from: number): void {
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#heap.length) break;
      if (below + 1 < this.#heap.length && this.#heap[below + 1]!.until < this.#heap[below]!.until) below++;
      if (this.#heap[below]!.until >= link.until) break;
      this.#put(this.#heap[below]!, at);
      at = below;
    }
    this.#put(link, at);
  }

  #put(link: Link<V>, at: number): void {
    this.#heap[at] = link;
    link.place = at;
  }
}
