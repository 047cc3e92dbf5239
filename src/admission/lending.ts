/** One process' part of the seats of a dependency, at one moment. */
export interface Desk {
  /** Seats that its own limit gives it. */
  readonly own: number;
  /** Requests that have a seat or wait for one, by rank: the most important class first. */
  readonly wants: readonly number[];
}

/** Who lends each other seats: the workers of one machine, or the processes of a fleet. */
export type Lenders = "workers" | "fleet";

/** Share of its own seats that a process keeps for whoever comes to it next; one at least. */
const KEPT = 0.2;

/**
 * Seats that each process gets from the others until the next round, or gives to them (negative): all together 0, so that
 * a dependency never has more than the limits say. All seats are dealt out anew, class by class, so that nothing less
 * important has a seat in one process while something more important waits in another; where every process has enough,
 * each keeps its own.
 */
export function lend(desks: readonly Desk[]): readonly number[] {
  const own = desks.map((desk) => desk.own);
  if (desks.every((desk) => sum(desk.wants) <= desk.own)) return own.map(() => 0);
  const dealt = own.map((seats) => Math.min(seats, Math.max(1, Math.ceil(seats * KEPT))));
  const free = [...dealt];
  let left = sum(own) - sum(dealt);
  for (let rank = 0; rank < RANKS; rank++) {
    const short = desks.map(({ wants }, i) => Math.max(0, (wants[rank] ?? 0) - free[i]!));
    const given = dealOut(Math.min(left, sum(short)), short);
    for (const [i, seats] of given.entries()) {
      free[i] = Math.max(0, free[i]! + seats - (desks[i]!.wants[rank] ?? 0));
      dealt[i]! += seats;
      left -= seats;
    }
  }
  const idle = own.map((seats, i) => Math.max(0, seats - dealt[i]!));
  return dealOut(left, idle).map((seats, i) => dealt[i]! + seats - own[i]!);
}

/** Classes. */
const RANKS = 5;

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** `count` whole things in proportion to `weights`, to nobody more than its weight. `count` is their sum at most. */
function dealOut(count: number, weights: readonly number[]): number[] {
  const all = sum(weights);
  if (all === 0) return weights.map(() => 0);
  const shares = weights.map((weight) => Math.floor((count * weight) / all));
  let rest = count - sum(shares);
  for (let i = 0; rest > 0; i = (i + 1) % weights.length) {
    if (shares[i]! >= weights[i]!) continue;
    shares[i]! += 1;
    rest -= 1;
  }
  return shares;
}

/** A worker's part of `seats` that are given for all `workers`, at least one; `worker` from 0. */
export const partOf = (seats: number, worker: number, workers: number): number =>
  Math.max(1, Math.floor(seats / workers) + (worker < seats % workers ? 1 : 0));
