import { ClassLine } from "./class-line.ts";
import { CLASSES } from "./classes.ts";
import type { Waiting } from "./tenant-line.ts";

/** One seat in so many goes to a lower class that has waited for more than half its cap. */
const GUARD = 20;

/** Whether who came may wait, and who gives way to it. */
export type Room<T> =
  | { readonly kind: "room" }
  | { readonly kind: "instead"; readonly of: T }
  | { readonly kind: "none" };

const ROOM: Room<never> = { kind: "room" };
const NONE: Room<never> = { kind: "none" };

/**
 * Who waits for a seat of one dependency, and who gets the next: a pure structure, fed with times. Strict priority
 * between classes, with a guard against starving; inside a class tenants in turn, and of each the earliest deadline first,
 * or the newest first while the oldest has waited for more than half of its cap and nobody's deadline is known. All of it takes O(1) a
 * call, or O(log n) for who has a deadline.
 */
export class Queue<T extends Waiting> {
  readonly #lines = CLASSES.map(() => new ClassLine<T>());
  /** Longest wait of each class, milliseconds. */
  #caps: readonly number[];
  #sinceGuard = 0;
  #arrivals = 0;
  #size = 0;

  /** `caps`: the longest wait of each class in milliseconds, by rank. */
  constructor(caps: readonly number[]) {
    this.#caps = caps;
  }

  get size(): number {
    return this.#size;
  }

  /** Slots in use, those of items that are gone included. */
  get held(): number {
    return this.#lines.reduce((sum, { held }) => sum + held, 0);
  }

  setCaps(caps: readonly number[]): void {
    this.#caps = caps;
  }

  /** How many of a class wait. */
  waiting(rank: number): number {
    return this.#lines[rank]!.live;
  }

  /** How many go before one of this class and sub-queue that comes now, if nobody comes after it. */
  ahead(rank: number, slot: number): number {
    let ahead = this.#lines[rank]!.ahead(slot);
    for (let above = 0; above < rank; above++) ahead += this.#lines[above]!.live;
    return ahead;
  }

  /** Milliseconds until the turn of one that comes now, by what was seen of its sub-queue; 0 when nobody waits there. */
  wait(rank: number, slot: number, now: number): number {
    return this.#lines[rank]!.wait(slot, now);
  }

  /** How many wait in a sub-queue of a class. */
  inSlot(rank: number, slot: number): number {
    return this.#lines[rank]!.inSlot(slot);
  }

  /** Of two sub-queues of a class the shorter. */
  shorter(rank: number, one: number, other: number): number {
    const line = this.#lines[rank]!;
    return line.inSlot(other) < line.inSlot(one) ? other : one;
  }

  /**
   * Whether one more may wait where `depth` may in all. Who gives way: the newest of the lowest cohort of the lowest class.
   * Where that is its own class: the newest of a tenant that has more than it, else one of a lower cohort, else itself.
   */
  room({ rank, slot, cohort }: Pick<T, "rank" | "slot" | "cohort">, depth: number): Room<T> {
    if (this.#size < depth) return ROOM;
    let lowest = CLASSES.length - 1;
    while (lowest > rank && this.#lines[lowest]!.live === 0) lowest--;
    const line = this.#lines[lowest]!;
    const candidate = line.lowest();
    if (!candidate) return NONE;
    if (lowest > rank) return { kind: "instead", of: candidate };
    const greedy = line.longest(line.inSlot(slot) + 1);
    if (greedy) return { kind: "instead", of: greedy };
    return candidate.cohort < cohort ? { kind: "instead", of: candidate } : NONE;
  }

  add(one: T): void {
    one.order = this.#arrivals++;
    this.#lines[one.rank]!.add(one);
    this.#size++;
  }

  /** Who has waited in vain, or does not wait any more. Does nothing if it was taken or removed before. */
  remove(one: T): void {
    if (!one.gone) this.#drop(one, false);
  }

  /** Whose turn it is, taken out; undefined when nobody waits. */
  take(now: number): T | undefined {
    if (this.#size === 0) return undefined;
    let rank = 0;
    while (this.#lines[rank]!.live === 0) rank++;
    const aged = this.#isPressed(rank, now) ? undefined : this.#aged(rank + 1, now);
    if (this.#sinceGuard < GUARD - 1) this.#sinceGuard++;
    else if (aged !== undefined) {
      rank = aged;
      this.#sinceGuard = 0;
    }
    const line = this.#lines[rank]!;
    const one = line.next(now - this.#caps[rank]! / 2)!;
    this.#drop(one, true);
    return one;
  }

  /** One who has waited as long as it may, taken out; undefined when there is none at `now`. */
  takeLate(now: number): T | undefined {
    for (const line of this.#lines) {
      const late = line.live > 0 ? line.late(now) : undefined;
      if (!late) continue;
      this.#drop(late, false);
      return late;
    }
    return undefined;
  }

  /** The highest class from `rank` on in which somebody has waited for more than half the cap. */
  #aged(rank: number, now: number): number | undefined {
    for (let at = rank; at < CLASSES.length; at++) if (this.#isOld(at, now)) return at;
    return undefined;
  }

  /** Whether nothing can be spared: a guard against starving must not starve who goes first. */
  #isPressed(rank: number, now: number): boolean {
    return now - this.#lines[rank]!.oldest()!.since > this.#caps[rank]! / 10;
  }

  #isOld(rank: number, now: number): boolean {
    const line = this.#lines[rank]!;
    const oldest = line.live > 0 ? line.oldest() : undefined;
    return oldest !== undefined && now - oldest.since > this.#caps[rank]! / 2;
  }

  #drop(one: T, served: boolean): void {
    one.gone = true;
    this.#size--;
    this.#lines[one.rank]!.remove(one, served);
  }
}
