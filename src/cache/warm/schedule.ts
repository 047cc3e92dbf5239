import type { Cancel, Clock, Random } from "../../core/clock.ts";

/** Part of the interval over which instances spread, and milliseconds at most: they ask who does it one after another. */
const SPREAD = 0.1;
const LONGEST_SPREAD = 2000;

export interface ScheduleParts {
  readonly clock: Clock;
  readonly random: Random;
  /** `tick`: how many intervals have passed since 1970, the same in all instances whose clocks agree. */
  readonly run: (row: number, tick: number) => void;
}

/** Runs each row at its interval, counted from the epoch, a little later by chance. Returns what ends it. */
export function startSchedule(intervals: readonly number[], parts: ScheduleParts): Cancel {
  const cancels = intervals.map((every, row) => repeat(every, row, parts));
  return () => {
    for (const cancel of cancels) cancel();
  };
}

function repeat(every: number, row: number, { clock, random, run }: ScheduleParts): Cancel {
  let cancel: Cancel = () => {};
  const arm = (tick: number): void => {
    const late = random() * Math.min(every * SPREAD, LONGEST_SPREAD);
    cancel = clock.after(
      Math.max(0, tick * every - clock.wall()) + late,
      () => {
        run(row, tick);
        // A clock that was set back runs no tick twice; one set forward leaves out what it passed.
        arm(Math.max(tick, Math.floor(clock.wall() / every)) + 1);
      },
      "background",
    );
  };
  arm(Math.floor(clock.wall() / every) + 1);
  return () => cancel();
}
