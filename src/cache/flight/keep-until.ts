import type { CacheParts } from "../parts.ts";
import { usability, usefulUntil, type Reading } from "../rules/usability.ts";
import type { StoredHead } from "../rules.ts";

/** Time from which on an answer is of no use. A fail-safe that is longer than its own windows keeps it longer. */
export function keepUntil(parts: CacheParts, head: StoredHead, reading: Reading): number {
  const { policy, stale, lifetime: adapted } = parts;
  // For as long again there is something to compare the next answer with.
  const compared = adapted ? adapted.policy.ttl : 0;
  const until = usefulUntil(head, policy, reading) + compared;
  if (stale.failSafe === 0) return until;
  const { age, lifetime, mustRevalidate } = usability(head, policy, head.receivedAt, reading);
  if (mustRevalidate) return until;
  return Math.max(until, head.receivedAt + Math.max(0, lifetime - age) + stale.failSafe);
}
