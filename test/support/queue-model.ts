import type { Room } from "../../src/admission/queue.ts";
import type { Waiting } from "../../src/admission/tenant-line.ts";

/** What a queue of `src/admission/queue.ts` has to do, in lists that are searched from end to end. */
export class QueueModel<T extends Waiting> {
  readonly items: T[] = [];
  readonly #caps: readonly number[];
  /** Sub-queues in the order of their turns, by rank. */
  readonly #turns: number[][] = [[], [], [], [], []];
  #sinceGuard = 0;

  constructor(caps: readonly number[]) {
    this.#caps = caps;
  }

  in(rank: number, slot?: number): T[] {
    return this.items.filter((one) => one.rank === rank && (slot === undefined || one.slot === slot));
  }

  add(one: T): void {
    if (this.in(one.rank, one.slot).length === 0) this.#turns[one.rank]!.push(one.slot);
    this.items.push(one);
  }

  remove(one: T, served = false): void {
    const at = this.items.indexOf(one);
    if (at < 0) return;
    this.items.splice(at, 1);
    const turns = this.#turns[one.rank]!;
    const isEmpty = this.in(one.rank, one.slot).length === 0;
    if (!isEmpty && !served) return;
    turns.splice(turns.indexOf(one.slot), 1);
    if (!isEmpty) turns.push(one.slot);
  }

  take(now: number): T | undefined {
    const ranks = [0, 1, 2, 3, 4].filter((rank) => this.in(rank).length > 0);
    if (ranks.length === 0) return undefined;
    let rank = ranks[0]!;
    const isPressed = now - this.in(rank)[0]!.since > this.#caps[rank]! / 10;
    const aged = isPressed ? undefined : ranks.slice(1).find((lower) => this.#isOld(lower, now));
    if (this.#sinceGuard < 19) this.#sinceGuard++;
    else if (aged !== undefined) {
      rank = aged;
      this.#sinceGuard = 0;
    }
    const waiting = this.in(rank, this.#turns[rank]![0]);
    const dated = waiting.filter(isDated).toSorted((a, b) => a.deadline - b.deadline)[0];
    const undated = waiting.filter((one) => !isDated(one));
    const oldest = undated[0];
    const isAged = oldest !== undefined && now - oldest.since > this.#caps[rank]! / 2;
    let next = dated ?? (isAged ? undated.at(-1) : oldest);
    if (dated && oldest && oldest.until < dated.until) next = oldest;
    this.remove(next!, true);
    return next;
  }

  ahead(rank: number, slot: number): number {
    const own = this.in(rank, slot).length;
    const others = this.#turns[rank]!.filter((other) => other !== slot);
    const above = this.items.filter((one) => one.rank < rank).length;
    return above + own + others.reduce((sum, other) => sum + Math.min(this.in(rank, other).length, own + 1), 0);
  }

  room(asked: Pick<T, "rank" | "slot" | "cohort">, depth: number): Room<T> {
    if (this.items.length < depth) return { kind: "room" };
    const lowest = Math.max(asked.rank, ...this.items.map(({ rank }) => rank));
    const line = this.in(lowest);
    if (line.length === 0) return { kind: "none" };
    const cohort = Math.min(...line.map((one) => one.cohort));
    const candidate = line.findLast((one) => one.cohort === cohort)!;
    if (lowest > asked.rank) return { kind: "instead", of: candidate };
    const own = this.in(lowest, asked.slot).length;
    const lengths = this.#turns[lowest]!.map((slot) => this.in(lowest, slot).length);
    const most = Math.max(...lengths);
    if (most > own + 1) {
      const greedy = this.in(lowest, this.#turns[lowest]![lengths.indexOf(most)]);
      return { kind: "instead", of: greedy.findLast((one) => !isDated(one)) ?? greedy[0]! };
    }
    return cohort < asked.cohort ? { kind: "instead", of: candidate } : { kind: "none" };
  }

  #isOld(rank: number, now: number): boolean {
    const oldest = this.in(rank)[0];
    return oldest !== undefined && now - oldest.since > this.#caps[rank]! / 2;
  }
}

export const isDated = ({ deadline }: Waiting): boolean => deadline !== Number.POSITIVE_INFINITY;
