import { within, type Bounds, type Limit } from "./limit.ts";
import { windowed } from "./windowed.ts";

/** All of Netflix concurrency-limits, `Gradient2Limit`: share of a new limit that is taken over a window, ... */
const SMOOTHING = 0.2;
/** ... seats added a window, ... */
const QUEUE = 4;
/** ... latency that is no slowdown yet, as a multiple of the long average, ... */
const TOLERANCE = 1.5;
/** ... windows of the long average, of which the first are a plain mean, ... */
const LONG_WINDOWS = 600;
const WARM_UP = 10;
/** ... and what the long average shrinks by while it is more than twice the present. */
const DECAY = 0.95;

/**
 * The gradient of latency now against a long average of it. It follows slow change by itself, and for the same reason takes
 * a lasting overload for normal in the end: the limit then drifts up.
 */
export function gradient2Limit(bounds: Bounds): Limit {
  let exact = within(bounds, bounds.initial);
  let long = 0;
  let windows = 0;

  const ended = windowed(({ latency, inFlight }) => {
    windows = Math.min(windows + 1, LONG_WINDOWS);
    long += (latency - long) * (windows <= WARM_UP ? 1 / windows : 2 / (LONG_WINDOWS + 1));
    if (long / latency > 2) long *= DECAY;
    if (inFlight < exact / 2) return;
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * long) / latency));
    const next = exact * (1 - SMOOTHING) + SMOOTHING * (exact * gradient + QUEUE);
    exact = Math.max(bounds.min, Math.min(bounds.max, next));
  });
  return { seats: () => within(bounds, exact), began() {}, ended };
}
