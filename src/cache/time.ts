import type { Clock } from "../core/clock.ts";

/**
 * The line of time on which ages are counted: the wall clock's reading at the start, and from then on what has passed
 * by the monotonic clock. A step of the system clock neither ends nor prolongs anything that is kept.
 */
export interface CacheTime {
  /** Milliseconds since 1970, whole. Never steps; for ages and lifetimes, not for header fields. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock, which `Date` of an answer is compared with when it comes. */
  wall(): number;
  /**
   * Milliseconds that the wall clock is ahead of this line: what has to be added to a time before another process reads
   * it, and taken off what another wrote. 0 up to a second: that is drift or rounding, not a step.
   */
  ahead(): number;
  /**
   * Milliseconds by which a time of another process may stand later here than it was: both lines may be a second off
   * their wall clocks, those a second off each other, and what was written before the clock was set back is off by that.
   */
  slack(): number;
}

const LEAST_STEP = 1000;

/** Starts a line here and now. One for all who share entries in memory. */
export function steadyTime(clock: Clock): CacheTime {
  const start = clock.wall() - clock.now();
  const now = (): number => Math.round(start + clock.now());
  let furthest = 0;
  const ahead = (): number => {
    const difference = clock.wall() - now();
    furthest = Math.max(furthest, difference);
    return Math.abs(difference) <= LEAST_STEP ? 0 : difference;
  };
  return {
    now,
    wall: () => clock.wall(),
    ahead,
    slack: () => 3 * LEAST_STEP + furthest - Math.min(ahead(), furthest),
  };
}
