import { LazyHeap, type Dated } from "./lazy-heap.ts";
import { LazyRing } from "./lazy-ring.ts";

/** One that waits in a {@link Queue}. Times are monotonic milliseconds. */
export interface Waiting extends Dated {
  /** Of its class; 0 goes first. */
  readonly rank: number;
  /** Its tenant's sub-queue, 0 to {@link SLOTS} - 1. */
  readonly slot: number;
  /** 0 to {@link COHORTS} - 1: within a class the lowest gives way first. */
  readonly cohort: number;
  readonly since: number;
  /** Until then it can be of use to begin. */
  readonly until: number;
  /** At which nobody waits for the answer any more; Infinity where none is known. */
  readonly deadline: number;
  /** Set by the queue when it takes it in: arrivals are numbered. */
  order: number;
  /** Set by the queue when it lets go of it. */
  gone: boolean;
}

/** Sub-queues of a class, over which tenants are hashed. */
export const SLOTS = 64;
export const COHORTS = 128;
/** Milliseconds over which turns are counted at least: seats come free in bursts. */
const MEASURED_OVER = 100;
/** Turns that make a pace. */
const LEAST_TURNS = 8;

/** Those of one class whose tenants share a sub-queue: with deadlines in a heap, without in order of arrival. */
export class TenantLine<T extends Waiting> {
  readonly #undated = new LazyRing<T>();
  readonly #dated = new LazyHeap<T>();
  live = 0;
  /** Since when its turns are counted, and how many there were. */
  #from = 0;
  #turns = 0;
  #turnMs = 0;

  /** Slots in use, those of items that are gone included. */
  get held(): number {
    return this.#undated.held + this.#dated.held;
  }

  add(one: T): void {
    if (this.live === 0) {
      this.#from = one.since;
      this.#turns = this.#turnMs = 0;
    }
    if (one.deadline === Number.POSITIVE_INFINITY) this.#undated.push(one);
    else this.#dated.push(one);
    this.live++;
  }

  bury(one: T): void {
    if (one.deadline === Number.POSITIVE_INFINITY) this.#undated.bury();
    else this.#dated.bury();
    this.live--;
  }

  /**
   * Who goes first: the earliest deadline; of one with and one without, whoever may wait less longer; without any, the
   * oldest, or the newest if the oldest has come before `aged`.
   */
  next(aged: number): T | undefined {
    const dated = this.#dated.first();
    const undated = this.#undated.first();
    if (!dated) return undated && undated.since < aged ? this.#undated.last() : undated;
    return undated && undated.until < dated.until ? undated : dated;
  }

  /** Who has waited longest of those without a deadline, else who has the earliest. */
  oldest(): T | undefined {
    return this.#undated.first() ?? this.#dated.first();
  }

  /** It has had its turn. */
  turned(): void {
    this.#turns++;
  }

  /** Milliseconds from turn to turn, as measured since somebody waits; 0 while that is not known. */
  turnMs(now: number): number {
    const passed = now - this.#from;
    if (this.#turns >= LEAST_TURNS && passed >= MEASURED_OVER) {
      this.#turnMs = passed / this.#turns;
      this.#from = now;
      this.#turns = 0;
    }
    return this.#turnMs;
  }

  /** The one with the earliest deadline. */
  earliest(): T | undefined {
    return this.#dated.first();
  }

  /** Who came last, or has one of the latest deadlines. */
  newest(): T | undefined {
    return this.#undated.last() ?? this.#dated.late();
  }

  clear(): void {
    this.#undated.clear();
    this.#dated.clear();
    this.live = 0;
  }
}
