import type { CacheTier } from "../../core/outcome.ts";
import type { CacheTime } from "../time.ts";
import { limitLifetime } from "./lifetime.ts";
import type { NamedTier } from "./tiers.ts";

/** Some of the tiers, or how many milliseconds each of some keeps an answer at most. */
export type TierChoice = readonly CacheTier[] | { readonly [Name in CacheTier]?: number | undefined };

/** Those that were chosen, nearest first whatever the order they are named in. Undefined: all of them. */
export function selectTiers(
  all: readonly NamedTier[],
  choice: TierChoice | undefined,
  time: Pick<CacheTime, "now" | "ahead">,
): readonly NamedTier[] {
  if (choice === undefined) return all;
  const most = (name: CacheTier): number | undefined =>
    "length" in choice ? (choice.includes(name) ? Number.POSITIVE_INFINITY : undefined) : choice[name];
  // Others than memory are given entries on the wall clock's time.
  const now = { memory: () => time.now(), elsewhere: () => time.now() + time.ahead() };
  return all.flatMap((named) => {
    const limit = most(named.name);
    if (limit === undefined) return [];
    if (limit === Number.POSITIVE_INFINITY) return [named];
    const line = named.name === "memory" ? now.memory : now.elsewhere;
    return [{ ...named, tier: limitLifetime(named.tier, limit, line) }];
  });
}
