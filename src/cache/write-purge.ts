import type { Stage } from "../core/stage.ts";
import { isSafe } from "./rules/unsafe.ts";
import type { Store } from "./store.ts";
import type { RouteTags } from "./tags/route-tags.ts";

/**
 * Purges by tags, and by what depends on them, once a request that changes something has succeeded (2xx, 3xx): before its
 * client hears of that, so that whoever wrote reads what it wrote. A request that failed purges nothing.
 */
export function createWritePurgeStage(tags: RouteTags, { purge, cascade }: Pick<Store, "purge" | "cascade">): Stage {
  return (next) => async (exchange) => {
    const outcome = await next(exchange);
    if (outcome.kind !== "served" || isSafe(exchange.method) || outcome.status < 200 || outcome.status > 399) {
      return outcome;
    }
    const spread = cascade.spread(tags(exchange.params));
    void purge({ targets: spread.tags.map((tag) => ({ kind: "tag", tag })), soft: false, changed: true });
    return outcome;
  };
}
