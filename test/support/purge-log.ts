import type { Purge } from "../../src/cache/tags/ledger.ts";
import type { Logged, PurgeLog, Reading } from "../../src/cache/tags/log.ts";
import { SLOT } from "../../src/cache/tags/log-position.ts";
import { marksOfPurge } from "../../src/cache/tags/purge-text.ts";

/** What a way to the log does with the next calls. `unheard`: they take effect and the reply is lost. */
export type Way = "open" | "cut" | "unheard";

/** A {@link PurgeLog} whose calls wait until a test lets them pass. */
export interface SimulatedLog extends PurgeLog {
  way: Way;
  /** Calls that wait. */
  readonly waiting: number;
  /** Lets the oldest call take effect and answers it; false when none waits. */
  pass(): boolean;
  /** Calls so far, by name. */
  readonly calls: Record<"append" | "read" | "remembered", number>;
  /** Tells of news, as a nudge would. */
  nudge(): void;
}

/** The log of a fleet in memory, with the meaning of the Redis one. `wall`: of the machine that has the log. */
export class SimulatedLogs {
  readonly #wall: () => number;
  #entries: Logged[] = [];
  #last = -1;
  #marks = new Map<string, number>();
  #since = Infinity;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  /** Everything is gone. */
  flush(): void {
    this.#entries = [];
    this.#last = -1;
    this.#marks = new Map();
    this.#since = Infinity;
  }

  /** Only so many of the newest stay. */
  trim(most: number): void {
    this.#entries = most === 0 ? [] : this.#entries.slice(-most);
  }

  /** A failover: the newest `count` never were. Marks are what they were before them, as far as they are not newer. */
  forget(count: number): void {
    const lost = count === 0 ? [] : this.#entries.splice(Math.max(0, this.#entries.length - count));
    const first = lost[0];
    if (!first) return;
    this.#last = first.before > 0 ? first.before : -1;
    for (const [name, position] of this.#marks) if (position >= first.position) this.#marks.delete(name);
  }

  get size(): number {
    return this.#entries.length;
  }

  /** One instance's way to it. `instant`: calls do not wait. */
  way(instant = false): SimulatedLog {
    const queue: (() => void)[] = [];
    const listeners: (() => void)[] = [];
    const calls = { append: 0, read: 0, remembered: 0 };
    const call = <T>(name: keyof typeof calls, act: () => T): Promise<T> => {
      calls[name] += 1;
      return new Promise<T>((resolve, reject) => {
        const pass = (): void => {
          if (log.way === "cut") return reject(new Error("cut off"));
          const result = act();
          if (log.way === "unheard") reject(new Error("no reply"));
          else resolve(result);
        };
        if (instant) pass();
        else queue.push(pass);
      });
    };
    const log: SimulatedLog = {
      way: "open",
      calls,
      get waiting() {
        return queue.length;
      },
      pass() {
        const next = queue.shift();
        next?.();
        return next !== undefined;
      },
      nudge() {
        for (const listener of listeners) listener();
      },
      append: (purges, above) => call("append", () => this.#append(purges, above)),
      read: (after) => call("read", () => this.#read(after)),
      remembered: (marks) => call("remembered", () => this.#remembered(marks)),
      onNews: (listener) => void listeners.push(listener),
      close: async () => {},
    };
    return log;
  }

  #advance(above: number): number {
    const least = (Math.floor(Math.max(this.#last, above, 0) / SLOT) + 1) * SLOT;
    return Math.max(this.#wall() * SLOT, least);
  }

  #add(position: number, purge: Purge | undefined): void {
    this.#entries.push({ position, before: Math.max(0, this.#last), purge });
    this.#last = position;
    if (this.#since === Infinity) this.#since = position;
  }

  #append(purges: readonly Purge[], above: number): number {
    for (const purge of purges) {
      this.#add(this.#advance(above), purge);
      for (const mark of marksOfPurge(purge)) this.#marks.set(mark, this.#last);
    }
    return this.#last;
  }

  #read(after: number): Reading {
    const facts = { now: this.#wall() * SLOT };
    if (this.#last < 0 || this.#last < after) {
      const lostFrom = this.#last;
      const entries = after >= 0 && lostFrom >= 0 ? this.#entries.slice() : [];
      this.#add(this.#advance(after), undefined);
      return { ...facts, last: this.#last, lostFrom, entries, more: false };
    }
    const all = after < 0 ? [] : this.#entries.filter(({ position }) => position > after);
    const entries = all.slice(0, 3);
    return { ...facts, last: this.#last, lostFrom: undefined, entries, more: all.length > 3 };
  }

  #remembered(marks: readonly string[]): { since: number; soft: number; hard: number } {
    const newest = (letter: string): number =>
      marks.reduce((most, mark) => Math.max(most, this.#marks.get(letter + mark) ?? 0), 0);
    return { since: this.#since, soft: newest("s"), hard: newest("h") };
  }
}
