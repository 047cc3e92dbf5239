import type { Random } from "../../core/clock.ts";
import { within, type Bounds, type Limit } from "./limit.ts";
import { windowed } from "./windowed.ts";

/** The baseline is taken anew every 15 to 30 times as many windows as there are seats (`VegasLimit`). */
const PROBE = 30;

/**
 * TCP Vegas for calls, as Netflix concurrency-limits has it: calls that wait inside the dependency are estimated by the
 * fastest window seen, and kept between 3 and 6 times the logarithm of the limit. It takes a slower mix of calls for
 * overload: for a dependency whose routes are alike.
 */
export function vegasLimit(bounds: Bounds, random: Random): Limit {
  let limit = within(bounds, bounds.initial);
  let fastest = Infinity;
  let windows = 0;
  let jitter = drawn(random);

  const ended = windowed(({ latency, inFlight, dropped }) => {
    windows++;
    const probe = windows >= jitter * PROBE * limit;
    if (probe) {
      jitter = drawn(random);
      windows = 0;
    }
    if (probe || latency < fastest) {
      fastest = latency;
      return;
    }
    const step = Math.max(1, Math.floor(Math.log10(limit)));
    const waiting = Math.ceil(limit * (1 - fastest / latency));
    if (dropped) limit = within(bounds, limit - step);
    else if (inFlight * 2 < limit) return;
    else if (waiting <= step) limit = within(bounds, limit + 6 * step);
    else if (waiting < 3 * step) limit = within(bounds, limit + step);
    else if (waiting > 6 * step) limit = within(bounds, limit - step);
  });
  return { seats: () => limit, began() {}, ended };
}

const drawn = (random: Random): number => 0.5 + random() / 2;
