import { LazyRing } from "./lazy-ring.ts";
import { COHORTS, SLOTS, TenantLine, type Waiting } from "./tenant-line.ts";

/** End of the circle of sub-queues. */
const END = SLOTS;
/** All lists are looked through for what is gone once nobody waits, after so many have left. */
const CLEARED_AFTER = 64;

/**
 * Those of one class that wait: sub-queues of tenants, served in turn, one request each. That is deficit round robin
 * (Shreedhar and Varghese 1996) with every request at the same cost.
 */
export class ClassLine<T extends Waiting> {
  readonly #tenants: (TenantLine<T> | undefined)[] = Array.from({ length: SLOTS });
  readonly #cohorts: (LazyRing<T> | undefined)[] = Array.from({ length: COHORTS });
  readonly #arrivals = new LazyRing<T>();
  /** Of each cohort, how many wait. */
  readonly #inCohort = new Uint16Array(COHORTS);
  /** A bit for each cohort in which somebody waits. */
  readonly #someIn = new Uint32Array(COHORTS / 32);
  /** The sub-queues in which somebody waits, as a circle of places. */
  readonly #after = new Uint8Array(SLOTS + 1).fill(END);
  readonly #before = new Uint8Array(SLOTS + 1).fill(END);
  #removed = 0;
  live = 0;

  /** Slots in use in all lists, those of items that are gone included. */
  get held(): number {
    let held = this.#arrivals.held;
    for (const list of [...this.#tenants, ...this.#cohorts]) held += list?.held ?? 0;
    return held;
  }

  /** How many wait in a sub-queue. */
  inSlot(slot: number): number {
    return this.#tenants[slot]?.live ?? 0;
  }

  add(one: T): void {
    const tenant = (this.#tenants[one.slot] ??= new TenantLine());
    if (tenant.live === 0) this.#join(one.slot);
    tenant.add(one);
    this.#arrivals.push(one);
    (this.#cohorts[one.cohort] ??= new LazyRing()).push(one);
    if (this.#inCohort[one.cohort]!++ === 0) this.#someIn[one.cohort >> 5]! |= 1 << (one.cohort & 31);
    this.live++;
  }

  /** Takes one out that is marked as gone. `served`: its sub-queue has had its turn. */
  remove(one: T, served: boolean): void {
    this.live--;
    this.#removed++;
    if (this.live === 0 && this.#removed >= CLEARED_AFTER) {
      this.#clear();
      return;
    }
    const tenant = this.#tenants[one.slot]!;
    tenant.bury(one);
    if (tenant.live === 0) this.#leave(one.slot);
    else if (served) {
      tenant.turned();
      this.#leave(one.slot);
      this.#join(one.slot);
    }
    this.#arrivals.bury();
    this.#cohorts[one.cohort]!.bury();
    if (--this.#inCohort[one.cohort]! === 0) this.#someIn[one.cohort >> 5]! &= ~(1 << (one.cohort & 31));
  }

  /** Who has waited longest. */
  oldest(): T | undefined {
    return this.#arrivals.first();
  }

  /** Whose turn it is. Those without a deadline go newest first while the oldest has come before `aged`. */
  next(aged: number): T | undefined {
    return this.#tenants[this.#after[END]!]?.next(aged);
  }

  /**
   * Milliseconds until one that joins this sub-queue has its turn, by what was seen of those before it: the pace of the last
   * turns, and how long the oldest has waited so far, for it will hardly be less. 0 when nobody waits there.
   */
  wait(slot: number, now: number): number {
    const tenant = this.#tenants[slot];
    if (!tenant || tenant.live === 0) return 0;
    return Math.max((tenant.live + 1) * tenant.turnMs(now), now - tenant.oldest()!.since);
  }

  /** How many of the class go before one that joins this sub-queue now, if nobody comes after it. */
  ahead(slot: number): number {
    const own = this.inSlot(slot);
    let ahead = own;
    for (let at = this.#after[END]!; at !== END; at = this.#after[at]!) {
      if (at !== slot) ahead += Math.min(this.#tenants[at]!.live, own + 1);
    }
    return ahead;
  }

  /** The newest of the lowest cohort. */
  lowest(): T | undefined {
    for (let word = 0; word < this.#someIn.length; word++) {
      const bits = this.#someIn[word]!;
      if (bits !== 0) return this.#cohorts[word * 32 + 31 - Math.clz32(bits & -bits)]!.last();
    }
    return undefined;
  }

  /** The newest of the longest sub-queue, if that is longer than `than`. */
  longest(than: number): T | undefined {
    let longest = END;
    let most = than;
    for (let at = this.#after[END]!; at !== END; at = this.#after[at]!) {
      if (this.#tenants[at]!.live > most) most = this.#tenants[(longest = at)]!.live;
    }
    return this.#tenants[longest]?.newest();
  }

  /** Somebody who cannot be of use any more at `now`, if there is anybody that is easily found. */
  late(now: number): T | undefined {
    const oldest = this.oldest();
    if (oldest && oldest.until <= now) return oldest;
    for (let at = this.#after[END]!; at !== END; at = this.#after[at]!) {
      const earliest = this.#tenants[at]!.earliest();
      if (earliest && earliest.until <= now) return earliest;
    }
    return undefined;
  }

  #join(slot: number): void {
    const last = this.#before[END]!;
    this.#after[last] = slot;
    this.#before[slot] = last;
    this.#after[slot] = END;
    this.#before[END] = slot;
  }

  #leave(slot: number): void {
    const before = this.#before[slot]!;
    const after = this.#after[slot]!;
    this.#after[before] = after;
    this.#before[after] = before;
  }

  /** Nobody waits: what is left in the lists is gone. */
  #clear(): void {
    for (const list of this.#cohorts) list?.clear();
    for (const list of this.#tenants) list?.clear();
    this.#arrivals.clear();
    this.#removed = 0;
    this.#inCohort.fill(0);
    this.#someIn.fill(0);
    this.#after.fill(END);
    this.#before.fill(END);
  }
}
