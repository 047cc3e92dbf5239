import type { Cancel, Clock, Random } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import { pauseAfter } from "../flight/notes.ts";
import type { Writer } from "./cache.ts";
import { decodeValue } from "./value.ts";

export interface WriteBehindParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly writer: Writer;
  /** Milliseconds for which a write waits for others of its key. */
  readonly flushEvery: number;
  /** Keys that may wait. */
  readonly most: number;
  /** A write failed; it is tried again. */
  readonly failed: (error: Error) => void;
}

/** A place in the queue. */
interface Ticket {
  readonly slot: Slot;
  /** Monotonic milliseconds from which on it is to be written. */
  readonly due: number;
}

/** The latest value of a key that the writer has not got yet. */
interface Slot {
  readonly key: string;
  bytes: Buffer;
  /** Of `bytes`; of what the writer was last handed; of what it has done. */
  version: number;
  taken: number;
  written: number;
  /** Monotonic milliseconds when the oldest value that is not written came. */
  since: number;
  /** Its place; undefined while it is written. */
  ticket: Ticket | undefined;
  /** While the writer has it. Resolves to what went wrong. */
  writing: Promise<Error | undefined> | undefined;
}

/** A value that there is no room for yet. */
interface Waiting {
  bytes: Buffer;
  readonly room: PromiseWithResolvers<void>;
}

const isClosed = (key: string): Error => new Error(`the cache is closed: the value of ${key} was not written`);

/** Writes at a time: they run behind what answers requests. */
const LANES = 4;
/** Places of the queue that were served and are not given back yet. */
const MOST_SERVED = 1024;

/**
 * Hands each value to the writer `flushEvery` after it came, of several for one key only the last, and never two of one
 * key at a time. A crash loses what came in the last `flushEvery`, and what the writer was behind with. A writer that
 * fails is tried again, all keys in turn, after 1 s, 2 s, 4 s, up to 30 s; nothing is given up before {@link close}.
 */
export class WriteBehind {
  readonly #parts: WriteBehindParts;
  readonly #slots = new Map<string, Slot>();
  #queue: Ticket[] = [];
  /** Places before it were served. */
  #head = 0;
  #busy = 0;
  /** Failures in a row, and when the writer is tried again. */
  #failures = 0;
  #quietUntil = 0;
  #timer: Cancel | undefined;
  /** What there is no room for, by key. */
  readonly #waiting = new Map<string, Waiting>();
  #closed = false;

  constructor(parts: WriteBehindParts) {
    this.#parts = parts;
  }

  /** Keys that wait or are being written. */
  get size(): number {
    return this.#slots.size;
  }

  /** Takes effect at once, or, where there is no room for one key more, when there is: resolves then. */
  async add(key: string, bytes: Buffer): Promise<void> {
    if (this.#closed) throw isClosed(key);
    const known = this.#slots.get(key);
    if (known) {
      if (known.taken === known.version) known.since = this.#parts.clock.now();
      known.bytes = bytes;
      known.version += 1;
      return;
    }
    const before = this.#waiting.get(key);
    if (before) {
      before.bytes = bytes;
      return before.room.promise;
    }
    if (this.#slots.size >= this.#parts.most) {
      const waiting = { bytes, room: Promise.withResolvers<void>() };
      this.#waiting.set(key, waiting);
      this.#pump();
      return waiting.room.promise;
    }
    this.#accept(key, bytes);
  }

  /** Writes what waits of one key now. Rejects when the writer does; it is tried again all the same. */
  async flushKey(key: string): Promise<void> {
    const slot = this.#slots.get(key);
    if (!slot) return;
    const { version } = slot;
    while (slot.written < version) {
      const error = await (slot.writing ?? this.#write(slot));
      if (error) throw error;
    }
  }

  /** Writes all that waits now. Rejects when some of it could not be written; that is tried again all the same. */
  async flush(): Promise<void> {
    const keys = this.#slots.keys();
    const errors: Error[] = [];
    const lane = async (): Promise<void> => {
      for (const key of keys) await this.flushKey(key).catch((thrown: unknown) => errors.push(toError(thrown)));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} values could not be written`);
  }

  /** Flushes, then gives up what could not be written, and rejects if there was any. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.();
    for (const [key, { room }] of this.#waiting) room.reject(isClosed(key));
    this.#waiting.clear();
    await this.flush().finally(() => this.#slots.clear());
  }

  #accept(key: string, bytes: Buffer): void {
    const since = this.#parts.clock.now();
    const slot: Slot = { key, bytes, version: 1, taken: 0, written: 0, since, ticket: undefined, writing: undefined };
    this.#slots.set(key, slot);
    this.#enqueue(slot, since + this.#parts.flushEvery);
    this.#pump();
  }

  /** There is room for one. */
  #admit(): void {
    const [next] = this.#waiting;
    if (!next) return;
    const [key, { bytes, room }] = next;
    this.#waiting.delete(key);
    this.#accept(key, bytes);
    room.resolve();
  }

  #enqueue(slot: Slot, due: number): void {
    slot.ticket = { slot, due };
    this.#queue.push(slot.ticket);
  }

  /** Starts what is due, as far as lanes are free, and comes again when the next one is. */
  #pump(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#closed) return;
    const now = this.#parts.clock.now();
    while (this.#busy < LANES && this.#head < this.#queue.length) {
      const { slot, due } = this.#queue[this.#head]!;
      const isStale = slot.ticket !== this.#queue[this.#head];
      const at = Math.max(this.#waiting.size > 0 ? 0 : due, this.#quietUntil);
      if (!isStale && at > now) {
        this.#timer = this.#parts.clock.after(at - now, () => this.#pump());
        return;
      }
      this.#head++;
      if (!isStale) void this.#write(slot);
    }
    if (this.#head > MOST_SERVED) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  #write(slot: Slot): Promise<Error | undefined> {
    slot.ticket = undefined;
    this.#busy++;
    const { bytes, version } = slot;
    slot.taken = version;
    slot.writing = this.#attempt(slot.key, bytes).then((error) => {
      slot.writing = undefined;
      this.#busy--;
      this.#settle(slot, version, error);
      return error;
    });
    return slot.writing;
  }

  async #attempt(key: string, bytes: Buffer): Promise<Error | undefined> {
    try {
      await this.#parts.writer(key, decodeValue(bytes));
      return undefined;
    } catch (thrown) {
      return toError(thrown);
    }
  }

  #settle(slot: Slot, version: number, error: Error | undefined): void {
    const { clock, random, flushEvery, failed } = this.#parts;
    const now = clock.now();
    if (error) {
      // Lanes that fail together are one failure.
      if (now >= this.#quietUntil) this.#quietUntil = now + pauseAfter(++this.#failures, random());
      this.#enqueue(slot, now);
      failed(error);
    } else {
      slot.written = version;
      this.#failures = this.#quietUntil = 0;
      if (slot.version > version) {
        this.#enqueue(slot, slot.since + flushEvery);
      } else if (this.#slots.get(slot.key) === slot) {
        this.#slots.delete(slot.key);
        this.#admit();
      }
    }
    this.#pump();
  }
}
