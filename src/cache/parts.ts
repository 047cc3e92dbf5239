import type { EventBus } from "../core/events.ts";
import type { Flights } from "./flight/flights.ts";
import type { CachePolicy } from "./rules.ts";
import type { Ledger } from "./tags/ledger.ts";
import type { RouteTags } from "./tags/route-tags.ts";
import type { Store } from "./store.ts";
import type { Tiers } from "./tiers/tiers.ts";
import type { CacheTime } from "./time.ts";

/** What the cache stage of one route works with. Ledger, flights and what stands behind the tiers are those of all routes. */
export interface CacheParts {
  readonly tiers: Tiers;
  readonly ledger: Ledger;
  readonly flights: Flights;
  readonly time: CacheTime;
  readonly policy: CachePolicy;
  readonly bus: EventBus;
  /** Of the route's configuration; `route:NAME` and `dependency:NAME` among them. */
  readonly tags: RouteTags;
  /** Whether clients get the fields that name an answer's tags. Default: they do not. */
  readonly passTags?: boolean;
  /** See {@link Store.purge}. */
  readonly purge: Store["purge"];
}
