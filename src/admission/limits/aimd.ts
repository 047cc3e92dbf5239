import { within, type Bounds, type Limit } from "./limit.ts";
import { windowed } from "./windowed.ts";

/** Share of the limit that is left after a drop (Netflix concurrency-limits, `AIMDLimit`). */
const BACKOFF = 0.9;
/** Milliseconds; a window slower than that counts as dropped (the same). */
const SLOW = 5000;

/**
 * One seat more a window while at least half the seats are taken, a tenth fewer after a drop. It learns of capacity only
 * from what fails: for a dependency that refuses by itself when it is full.
 */
export function aimdLimit(bounds: Bounds): Limit {
  let limit = within(bounds, bounds.initial);
  const ended = windowed(({ latency, inFlight, dropped }) => {
    if (dropped || latency > SLOW) limit = within(bounds, Math.min(limit - 1, limit * BACKOFF));
    else if (inFlight * 2 >= limit) limit = within(bounds, limit + 1);
  });
  return { seats: () => limit, began() {}, ended };
}
