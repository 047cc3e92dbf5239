import type { Cancel, Clock } from "./clock.ts";

/** One wait in a {@link Timeouts} queue. */
export interface Wait {
  /** Ends the wait without running its callback. Calling it again does nothing. */
  cancel(): void;
  /** Starts the full duration anew from now. Does nothing once fired or cancelled. */
  restart(): void;
}

class Entry implements Wait {
  due: number;
  queue: Timeouts | undefined;
  previous: Entry | undefined;
  next: Entry | undefined;
  readonly callback: (owner: unknown) => void;
  readonly owner: unknown;

  constructor(queue: Timeouts, due: number, callback: (owner: unknown) => void, owner: unknown) {
    this.queue = queue;
    this.due = due;
    this.callback = callback;
    this.owner = owner;
  }

  cancel(): void {
    this.queue?.unlink(this);
  }

  restart(): void {
    this.queue?.relink(this);
  }
}

/**
 * Many waits of one and the same duration behind one timer: entries end in the order in which they
 * began, so starting and cancelling are O(1) list operations instead of a timer object each.
 * Fires at most `slack` late (a tenth of the duration, 1 s at most), because one timer serves a batch.
 */
export class Timeouts {
  readonly ms: number;
  readonly #clock: Clock;
  readonly #slack: number;
  #head: Entry | undefined;
  #tail: Entry | undefined;
  #timer: Cancel | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.ms = ms;
    this.#slack = Math.min(ms / 10, 1000);
  }

  /** `now`: the clock's, from a caller that has just read it. `owner` is what the callback gets, so that it need be no closure. */
  start(callback: () => void, now?: number): Wait;
  start<T>(callback: (owner: T) => void, now: number, owner: T): Wait;
  start(callback: (owner: unknown) => void, now = this.#clock.now(), owner?: unknown): Wait {
    const entry = new Entry(this, now + this.ms, callback, owner);
    this.#append(entry);
    if (!this.#timer) this.#arm();
    return entry;
  }

  /** Cancels every wait; the queue can be used again. */
  clear(): void {
    for (let entry = this.#head; entry; entry = entry.next) entry.queue = undefined;
    this.#head = this.#tail = undefined;
    this.#timer?.();
    this.#timer = undefined;
  }

  unlink(entry: Entry): void {
    entry.queue = undefined;
    this.#detach(entry);
  }

  relink(entry: Entry): void {
    this.#detach(entry);
    entry.due = this.#clock.now() + this.ms;
    this.#append(entry);
  }

  #detach(entry: Entry): void {
    if (entry.previous) entry.previous.next = entry.next;
    else this.#head = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#tail = entry.previous;
    entry.previous = entry.next = undefined;
  }

  #append(entry: Entry): void {
    entry.previous = this.#tail;
    if (this.#tail) this.#tail.next = entry;
    else this.#head = entry;
    this.#tail = entry;
  }

  /** Waits for the head, which is always the first to be due: also when a callback of a sweep starts a wait. */
  #arm(): void {
    const head = this.#head;
    if (!head) return;
    const ms = Math.max(head.due - this.#clock.now(), 0);
    this.#timer = this.#clock.after(ms + this.#slack, () => this.#sweep(), "background");
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    while (this.#head && this.#head.due <= now) {
      const entry = this.#head;
      this.unlink(entry);
      entry.callback(entry.owner);
    }
    if (!this.#timer) this.#arm();
  }
}
