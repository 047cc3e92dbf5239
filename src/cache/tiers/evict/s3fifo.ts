import type { Lost } from "./eviction.ts";
import { Ghost } from "./ghost.ts";
import type { Order } from "./ordered.ts";
import { Queue, type Link } from "./queue.ts";

const SMALL = 0;
const MAIN = 1;
/** The small queue's part of what is kept. */
const SMALL_PART = 0.1;
/** Uses that are counted, at most: two bits. */
const MOST_USES = 3;
/**
 * Uses in the small queue from which on it moves to the main one instead of going. With two, as in the paper, it loses 1.3
 * points to LRU on one recorded trace (orm-busy at 1 %).
 */
const TO_MAIN = 1;

/**
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) by octets: what is new goes
 * through a small queue and on to the main one only if it was used meanwhile, so that what is asked for once does not
 * wash out the rest; what went too early is known by its ghost when it comes back. A use moves nothing.
 */
export class S3Fifo<V> implements Order<V> {
  readonly #small = new Queue<V>();
  readonly #main = new Queue<V>();
  readonly #ghost = new Ghost();
  #entries = 0;

  add(link: Link<V>): void {
    const known = this.#ghost.take(link.hash, this.#entries);
    link.place = known ? MAIN : SMALL;
    link.frequency = 0;
    this.#queueOf(link).push(link);
    this.#entries++;
  }

  use(link: Link<V>): void {
    if (link.frequency < MOST_USES) link.frequency++;
  }

  replace(link: Link<V>, bytesBefore: number): void {
    this.#queueOf(link).bytes += link.bytes - bytesBefore;
  }

  remove(link: Link<V>, lost: Lost | undefined): void {
    this.#queueOf(link).remove(link);
    if (lost === "capacity" && link.place === SMALL) this.#ghost.add(link.hash, this.#entries);
    this.#entries--;
  }

  victim(_incoming: number, now: number): Link<V> | undefined {
    for (;;) {
      const { oldest } = this.#small;
      const kept = this.#small.bytes + this.#main.bytes;
      const found =
        oldest && this.#small.bytes >= kept * SMALL_PART ? this.#fromSmall(oldest, now) : this.#fromMain(now);
      if (found) return found;
      if (!this.#main.oldest && !this.#small.oldest) return undefined;
    }
  }

  clear(): void {
    for (const queue of [this.#small, this.#main]) queue.clear();
    this.#ghost.clear();
    this.#entries = 0;
  }

  #fromSmall(link: Link<V>, now: number): Link<V> | undefined {
    if (link.until <= now || link.frequency < TO_MAIN) return link;
    this.#small.remove(link);
    link.frequency = 0;
    link.place = MAIN;
    this.#main.push(link);
    return undefined;
  }

  #fromMain(now: number): Link<V> | undefined {
    const link = this.#main.oldest;
    if (!link) return this.#small.oldest && this.#fromSmall(this.#small.oldest, now);
    if (link.until <= now || link.frequency === 0) return link;
    link.frequency--;
    this.#main.renew(link);
    return undefined;
  }

  #queueOf(link: Link<V>): Queue<V> {
    return link.place === MAIN ? this.#main : this.#small;
  }
}
