import type { Held } from "./eviction.ts";

/** Something kept, with what an order notes on it: a link in one queue at a time. */
export interface Link<V> extends Held<V> {
  value: V;
  bytes: number;
  until: number;
  hits: number;
  readonly hash: number;
  /** How often it was used, as far as the order counts. */
  frequency: number;
  /** Which queue it is in, or where in the heap. */
  place: number;
  newer: Link<V> | undefined;
  older: Link<V> | undefined;
}

/** First in, first out; links in it are moved without a search. */
export class Queue<V> {
  /** Sum over its links. Who changes a link's octets sets this right. */
  bytes = 0;
  oldest: Link<V> | undefined;
  #newest: Link<V> | undefined;

  push(link: Link<V>): void {
    link.older = this.#newest;
    if (this.#newest) this.#newest.newer = link;
    else this.oldest = link;
    this.#newest = link;
    this.bytes += link.bytes;
  }

  remove(link: Link<V>): void {
    const { older, newer } = link;
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    link.older = link.newer = undefined;
    this.bytes -= link.bytes;
  }

  /** To the newest end. */
  renew(link: Link<V>): void {
    if (this.#newest === link) return;
    this.remove(link);
    this.push(link);
  }

  clear(): void {
    this.oldest = this.#newest = undefined;
    this.bytes = 0;
  }
}
