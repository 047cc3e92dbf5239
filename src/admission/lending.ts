/** One worker's part of the seats of a dependency, at one moment. */
export interface Desk {
  /** Seats that its own limit gives it. */
  readonly own: number;
  /** Seats that are taken. */
  readonly used: number;
  /** Requests that wait for one. */
  readonly queued: number;
}

/** Who lends each other seats: the workers of one machine, or the processes of a fleet. */
export type Lenders = "workers" | "fleet";

/** Share of its own seats that a worker keeps free for whoever comes to it next; one at least. */
const KEPT = 0.2;

/**
 * Seats that each worker gets from the others until the next round, or gives to them (negative): all together 0, so that
 * a dependency never has more than the limits say. Only seats that nobody waits for are lent, most by who has most, and
 * most to where most wait.
 */
export function lend(desks: readonly Desk[]): readonly number[] {
  const idle = desks.map(({ own, used, queued }) =>
    queued > 0 ? 0 : Math.max(0, own - used - Math.max(1, Math.ceil(own * KEPT))),
  );
  const wanted = desks.map(({ own, used, queued }) => Math.max(0, queued - Math.max(0, own - used)));
  const lent = Math.min(sum(idle), sum(wanted));
  const given = dealOut(lent, idle);
  return dealOut(lent, wanted).map((seats, i) => seats - given[i]!);
}

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
