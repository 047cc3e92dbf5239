import type { CacheUse, Outcome } from "../core/outcome.ts";
import type { Stage } from "../core/stage.ts";
import type { Ask } from "./asked.ts";
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
export function createShownStage({ key, xCache }: Shown, ask: Ask): Stage | undefined {
  if (!key && !xCache) return undefined;
  return (next) => async (exchange) => {
    const outcome = await next(exchange);
    return told(outcome, key ? (await ask(exchange))?.key : undefined, xCache);
  };
}

function told(outcome: Outcome, key: string | undefined, xCache: boolean): Outcome {
  if (!("cache" in outcome) || !outcome.cache) return outcome;
  const { cache } = outcome;
  const headers = [...(outcome.headers ?? [])];
  const at = headers.lastIndexOf("Cache-Status");
  if (key !== undefined && at >= 0) headers[at + 1] = withKey(headers[at + 1]!, key);
  if (xCache) headers.push("X-Cache", X_CACHE[cache.result]);
  if (xCache && "tier" in cache) headers.push("X-Cache-Level", cache.tier);
  return { ...outcome, headers };
}
