import type { Exchange } from "../core/exchange.ts";
import type { CacheUse, Outcome } from "../core/outcome.ts";
import type { Stage } from "../core/stage.ts";
import { cacheKey } from "./key.ts";
import { withKey } from "./rules/status.ts";

/** What a route tells its clients of the cache beside what it always does. */
export interface Shown {
  /** The key in `Cache-Status` (RFC 9211 section 2.6). It says how answers are told apart, so not by default. */
  readonly key: boolean;
  /** `X-Cache`, and `X-Cache-Level` for what was kept. */
  readonly xCache: boolean;
}

const X_CACHE: Readonly<Record<CacheUse["result"], string>> = {
  hit: "HIT",
  stale: "STALE",
  "fail-safe": "STALE",
  miss: "MISS",
  fallback: "MISS",
  bypass: "BYPASS",
};

/** Stands around the cache stage; undefined where there is nothing to tell. */
export function createShownStage(shown: Shown): Stage | undefined {
  if (!shown.key && !shown.xCache) return undefined;
  return (next) => async (exchange) => told(await next(exchange), exchange, shown);
}

function told(outcome: Outcome, exchange: Exchange, { key, xCache }: Shown): Outcome {
  if (!("cache" in outcome) || !outcome.cache) return outcome;
  const { cache } = outcome;
  const headers = [...(outcome.headers ?? [])];
  const at = headers.lastIndexOf("Cache-Status");
  if (key && at >= 0) headers[at + 1] = withKey(headers[at + 1]!, cacheKey(exchange));
  if (xCache) headers.push("X-Cache", X_CACHE[cache.result]);
  if (xCache && "tier" in cache) headers.push("X-Cache-Level", cache.tier);
  return { ...outcome, headers };
}
