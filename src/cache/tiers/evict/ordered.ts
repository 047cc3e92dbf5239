import { hashOf } from "../sketch.ts";
import type { Eviction, EvictionLimits, EvictionParts, Held, Lost, OnLost } from "./eviction.ts";
import type { Link } from "./queue.ts";

/** The order in which things give way. */
export interface Order<V> {
  add(link: Link<V>): void;
  use(link: Link<V>): void;
  /** It was put in anew; its octets and its end may be others. */
  replace(link: Link<V>, bytesBefore: number): void;
  /** `lost`: why it gave way; undefined: it was taken away. */
  remove(link: Link<V>, lost: Lost | undefined): void;
  /** What gives way next, for `incoming` octets that are about to be added; undefined only when nothing is left. */
  victim(incoming: number, now: number): Link<V> | undefined;
  clear(): void;
}

/** An eviction that leaves it to an order what goes. */
export class OrderedEviction<V> implements Eviction<V> {
  readonly #links = new Map<string, Link<V>>();
  readonly #order: Order<V>;
  readonly #lost: OnLost<V>;
  readonly #limits: { -readonly [Name in keyof EvictionLimits]: number };
  #bytes = 0;

  constructor(order: Order<V>, { limits, lost }: EvictionParts<V>) {
    this.#order = order;
    this.#limits = { ...limits };
    this.#lost = lost;
  }

  get(key: string, now: number): V | undefined {
    const link = this.#links.get(key);
    if (link === undefined) return undefined;
    if (link.until <= now) {
      this.#lose(link, "expired");
      return undefined;
    }
    link.hits++;
    this.#order.use(link);
    return link.value;
  }

  peek(key: string): Held<V> | undefined {
    return this.#links.get(key);
  }

  set(key: string, value: V, bytes: number, until: number, now: number): boolean {
    const link = this.#links.get(key);
    if (bytes > this.#limits.bytes) {
      if (link) this.#take(link, undefined);
      return false;
    }
    if (link) {
      this.#replace(link, value, bytes, until, now);
      return true;
    }
    this.#makeRoom(bytes, 1, now);
    const added: Link<V> = {
      key,
      value,
      bytes,
      until,
      hits: 0,
      hash: hashOf(key),
      frequency: 0,
      place: 0,
      newer: undefined,
      older: undefined,
    };
    this.#links.set(key, added);
    this.#bytes += bytes;
    this.#order.add(added);
    return true;
  }

  #replace(link: Link<V>, value: V, bytes: number, until: number, now: number): void {
    const before = link.bytes;
    link.value = value;
    link.bytes = bytes;
    link.until = until;
    link.hits = 0;
    this.#bytes += bytes - before;
    this.#order.replace(link, before);
    if (bytes > before) this.#makeRoom(0, 0, now, link);
  }

  delete(key: string): boolean {
    const link = this.#links.get(key);
    if (link) this.#take(link, undefined);
    return link !== undefined;
  }

  clear(): void {
    this.#links.clear();
    this.#order.clear();
    this.#bytes = 0;
  }

  resize(bytes: number, now: number): void {
    this.#limits.bytes = bytes;
    this.#makeRoom(0, 0, now);
  }

  all(): Iterable<Held<V>> {
    return this.#links.values();
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#links.size;
  }

  get limit(): number {
    return this.#limits.bytes;
  }

  /** `spared` does not give way itself: when its turn comes it begins anew. */
  #makeRoom(bytes: number, entries: number, now: number, spared?: Link<V>): void {
    const { bytes: most, entries: mostEntries } = this.#limits;
    if (this.#bytes + bytes <= most && this.#links.size + entries <= mostEntries) return;
    let turned = false;
    while (this.#bytes + bytes > most || this.#links.size + entries > mostEntries) {
      const victim = this.#order.victim(bytes, now);
      if (!victim) break;
      if (victim === spared) {
        turned = true;
        this.#order.remove(victim, undefined);
      } else this.#lose(victim, victim.until <= now ? "expired" : "capacity");
    }
    if (spared && turned) this.#order.add(spared);
  }

  #lose(link: Link<V>, why: Lost): void {
    this.#take(link, why);
    this.#lost(link, why);
  }

  #take(link: Link<V>, why: Lost | undefined): void {
    this.#links.delete(link.key);
    this.#bytes -= link.bytes;
    this.#order.remove(link, why);
  }
}
