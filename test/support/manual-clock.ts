import { setImmediate as nextTurn } from "node:timers/promises";
import type { Cancel, Clock } from "../../src/core/clock.ts";

interface Timer {
  due: number;
  /** Tells timers of the same instant apart: the one started first runs first. */
  order: number;
  readonly every: number | undefined;
  readonly background: boolean;
  readonly callback: () => void;
}

/** Callbacks one `advance` may run: more is a timer that starts itself anew without letting time pass. */
const CALLBACKS_AT_MOST = 100_000;

/** A {@link Clock} that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number;
  #wall: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Defaults: `now` 0, `wall` 2026-01-01T00:00:00Z. */
  constructor(start: { readonly now?: number; readonly wall?: number } = {}) {
    this.#now = start.now ?? 0;
    this.#wall = start.wall ?? Date.UTC(2026, 0, 1);
  }

  /** Timers that wait, repeating ones counted once. Zero after a clean stop. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Those of `pending` that would keep a process alive. */
  get pendingForeground(): number {
    let count = 0;
    for (const timer of this.#timers) if (!timer.background) count += 1;
    return count;
  }

  /** Milliseconds until the next timer is due; undefined when none waits. Negative after `setNow`. */
  get nextIn(): number | undefined {
    const next = this.#next();
    return next && next.due - this.#now;
  }

  readonly now = (): number => this.#now;
  readonly wall = (): number => this.#wall;

  readonly after = (ms: number, callback: () => void, background?: "background"): Cancel =>
    this.#start({ due: 0, order: 0, every: undefined, background: background !== undefined, callback }, ms);

  readonly every = (ms: number, callback: () => void): Cancel =>
    this.#start({ due: 0, order: 0, every: ms, background: true, callback }, ms);

  /** Lets `ms` pass on both clocks and runs what falls due, in order, each timer at its own instant. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (let ran = 0; this.#runNext(target); ran++) guard(ran);
    this.#moveTo(target);
  }

  /** Like `advance`, but lets promises and I/O that are ready go on before the first and after every timer. */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#now + ms;
    await nextTurn();
    for (let ran = 0; this.#runNext(target); ran++) {
      guard(ran);
      await nextTurn();
    }
    this.#moveTo(target);
  }

  /** Sets the monotonic clock without running timers: a blocked event loop. They run at the next `advance`. */
  setNow(ms: number): void {
    if (ms < this.#now) throw new Error(`a monotonic clock does not go back from ${this.#now} to ${ms}`);
    this.#now = ms;
  }

  /** Sets the wall clock, back too. Timers do not care. */
  setWall(ms: number): void {
    this.#wall = ms;
  }

  #start(timer: Timer, ms: number): Cancel {
    timer.due = this.#now + Math.max(ms, 0);
    timer.order = this.#order++;
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #runNext(target: number): boolean {
    const timer = this.#next();
    if (!timer || timer.due > target) return false;
    this.#moveTo(timer.due);
    if (timer.every === undefined) {
      this.#timers.delete(timer);
    } else {
      timer.due = this.#now + timer.every;
      timer.order = this.#order++;
    }
    timer.callback();
    return true;
  }

  #moveTo(instant: number): void {
    if (instant <= this.#now) return;
    this.#wall += instant - this.#now;
    this.#now = instant;
  }
}

function guard(ran: number): void {
  if (ran >= CALLBACKS_AT_MOST) throw new Error(`${ran} timers ran in one advance: one restarts itself without delay`);
}
