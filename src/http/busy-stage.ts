import type { Random } from "../core/clock.ts";
import { refused } from "../core/outcome.ts";
import type { Stage } from "../core/stage.ts";
import type { SaturationGuard } from "./saturation.ts";

/**
 * Refuses by class while the process has more to do than it can. It stands behind the cache: what is kept costs no more
 * to answer than a refusal, and a stale answer is better than one.
 */
export const createBusyStage =
  (saturation: SaturationGuard, random: Random): Stage =>
  (next) =>
  (exchange) => {
    if (saturation.admits(exchange)) return next(exchange);
    const retryAfterMs = 1000 + random() * 4000;
    return refused("busy", "the gateway has more to do than it can; come again a little later", { retryAfterMs });
  };
