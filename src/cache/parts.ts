import type { Clock } from "../core/clock.ts";
import type { Flights } from "./flights.ts";
import type { CachePolicy } from "./rules.ts";
import type { Tier } from "./tier.ts";

/** What the cache stage of one route works with. Tier and flights are those of all routes. */
export interface CacheParts {
  readonly tier: Tier;
  readonly flights: Flights;
  readonly clock: Clock;
  readonly policy: CachePolicy;
}
