import type { HeaderList } from "../core/headers.ts";
import { aged } from "./answer.ts";
import type { Entry } from "./entry.ts";
import type { Dress } from "./presets.ts";
import { cacheStatus } from "./rules/status.ts";
import type { CachePolicy, StoredHead } from "./rules.ts";

/** What an answer is made ready for, beside the entry: when one of these is another, it is made anew. */
export interface ReadyFor {
  /** Milliseconds. */
  readonly age: number;
  readonly lifetime: number;
  readonly policy: CachePolicy;
  readonly dress: Dress | undefined;
}

/** A fresh hit as it goes out whole. Given to many: never changed. */
export interface Ready {
  readonly headers: HeaderList;
  /** The body as Latin-1; undefined for one that is not short. */
  readonly text: string | undefined;
}

interface Slot extends Ready {
  /** Of the entry it is of; a head belongs to one body. */
  readonly head: StoredHead;
  /** Seconds. */
  readonly age: number;
  readonly ttl: number;
  readonly policy: CachePolicy;
  readonly dress: Dress | undefined;
}

/** Answers that are ready at a time. With their short bodies they take some MiB at most, beside what entries take. */
const MOST = 1024;
/** Octets. Above it a write of its own is cheaper than text in one with the head. */
const SHORT = 4096;

/**
 * The answers that went out last, ready to go out again: what a hit says of itself (`Age`, `Cache-Status`) changes once a
 * second, the rest not at all. In a ring, where the one made first gives way; an entry knows its place in it.
 */
export class ReadyAnswers {
  readonly #ring: (Slot | undefined)[] = Array.from({ length: MOST }, () => undefined);
  #next = 0;

  of(entry: Entry, { age, lifetime, policy, dress }: ReadyFor): Ready {
    const { head, body, readyAt } = entry;
    const seconds = Math.max(0, Math.floor(age / 1000));
    const ttl = Math.floor((lifetime - age) / 1000);
    const found = readyAt === undefined ? undefined : this.#ring[readyAt];
    const own = found?.head === head ? found : undefined;
    if (own && own.age === seconds && own.ttl === ttl && own.policy === policy && own.dress === dress) return own;
    const detail = policy.by === "operator" ? { detail: "operator-ttl" } : {};
    const status = cacheStatus({ hit: true, ttl: lifetime - age, ...detail });
    const headers = [...aged(head, age, dress).headers, "Cache-Status", status];
    const text = own ? own.text : shortText(body);
    const at = own ? readyAt! : this.#place(entry);
    const slot: Slot = { headers, text, head, age: seconds, ttl, policy, dress };
    this.#ring[at] = slot;
    return slot;
  }

  #place(entry: Entry): number {
    const at = this.#next;
    this.#next = (at + 1) % MOST;
    entry.readyAt = at;
    return at;
  }
}

const shortText = (body: Buffer): string | undefined => (body.length <= SHORT ? body.toString("latin1") : undefined);
