import type { Flights } from "./flight/flights.ts";
import type { CachePolicy } from "./rules.ts";
import type { Ledger } from "./tags/ledger.ts";
import type { Tiers } from "./tiers/tiers.ts";
import type { CacheTime } from "./time.ts";

/** What the cache stage of one route works with. Ledger, flights and what stands behind the tiers are those of all routes. */
export interface CacheParts {
  readonly tiers: Tiers;
  readonly ledger: Ledger;
  readonly flights: Flights;
  readonly time: CacheTime;
  readonly policy: CachePolicy;
  /** Of the route's configuration; `route:NAME` and `dependency:NAME` among them. */
  readonly tags: readonly string[];
}
