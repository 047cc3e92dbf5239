import type { Clock } from "../core/clock.ts";

/** Uncaught faults within {@link WINDOW_MS} that a process lives with; one more and its state is not trusted any more. */
const MOST_FAULTS = 10;
const WINDOW_MS = 60_000;

/** Counts a fault with each call; true once there were more than ten within the last minute. */
export function createFaultLimit(clock: Clock): () => boolean {
  let recent: number[] = [];
  return () => {
    const now = clock.now();
    recent = recent.filter((at) => now - at < WINDOW_MS);
    if (recent.length <= MOST_FAULTS) recent.push(now);
    return recent.length > MOST_FAULTS;
  };
}
