import type { Store } from "./store.ts";
import { matcherOf, type PurgeTarget } from "./tags/ledger.ts";

/** Keys that are looked at: a purge costs the same whatever is kept, and its count must not hold everybody up. */
const MOST_LOOKED_AT = 100_000;

/** Entries in memory that a purge would take. `all`: whether they were all looked at; if not, there may be more. */
export function countPurged(
  { memory, ledger }: Pick<Store, "memory" | "ledger">,
  targets: readonly PurgeTarget[],
): { readonly matched: number; readonly all: boolean } {
  const isAbout = matcherOf(targets);
  let matched = 0;
  let left = MOST_LOOKED_AT;
  for (const tier of memory.all()) {
    for (const { value } of tier) {
      if (left-- === 0) return { matched, all: false };
      for (let i = 0; i < value.length; i++) {
        const entry = value[i]!;
        if (isAbout(entry) && ledger.standing(entry) !== "gone") matched += 1;
      }
    }
  }
  return { matched, all: true };
}
