import type { PurgeOrder } from "../../core/cache-control.ts";
import type { PurgeTarget } from "./ledger.ts";

/** Everything an order names, as the ledger has it. */
export function targetsOf({ urls, tags, prefixes, patterns, all }: PurgeOrder): readonly PurgeTarget[] {
  return [
    ...urls.map((url): PurgeTarget => ({ kind: "url", url })),
    ...tags.map((tag): PurgeTarget => ({ kind: "tag", tag })),
    ...prefixes.map((prefix): PurgeTarget => ({ kind: "prefix", prefix })),
    ...patterns.map((pattern): PurgeTarget => ({ kind: "pattern", pattern })),
    ...(all ? [{ kind: "all" } as const] : []),
  ];
}
