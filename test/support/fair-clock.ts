/** A clock that a busy machine does not hurry. */
export interface FairClock extends Disposable {
  /** Milliseconds from some point on. Never runs faster than `performance.now`. */
  now(): number;
}

/** Milliseconds between two looks at the real clock. */
const TICK = 5;
/** What one look may count at most: a timer that is on time may still be a millisecond or two late. */
const MOST = TICK + 3;

/**
 * Counts the time in which this process waits or gets ahead, and not the time in which its event loop stands still, be
 * it for lack of a processor or for work of its own. A limit of waiting, such as a deadline, can so be asserted as the
 * number it is on any machine. It does not see that another process is held up. For a lower bound take the real clock.
 */
export function startFairClock(): FairClock {
  const state = { counted: 0, lookedAt: performance.now() };
  const sinceLook = (): number => Math.min(performance.now() - state.lookedAt, MOST);
  const timer = setInterval(() => {
    state.counted += sinceLook();
    state.lookedAt = performance.now();
  }, TICK).unref();
  return {
    now: () => state.counted + sinceLook(),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The one of this process. */
export const fairClock = startFairClock();

/** Milliseconds by the real clock, for lower bounds, and by the fair one, for upper bounds. */
export interface Took {
  readonly real: number;
  readonly fair: number;
}

/** Begins to measure; what it gives tells how long ago that was. */
export function stopwatch(): () => Took {
  const began = { real: performance.now(), fair: fairClock.now() };
  return () => ({ real: performance.now() - began.real, fair: fairClock.now() - began.fair });
}

/** Milliseconds of processors that this process has used: how long work takes, whoever else is on the machine. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
