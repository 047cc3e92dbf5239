import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import type { Timeouts } from "../core/timeouts.ts";
import type { RefreshAhead } from "./ahead.ts";
import type { Ask } from "./asked.ts";
import type { Fallback } from "./fallback.ts";
import type { Flights } from "./flight/flights.ts";
import type { Leases } from "./flight/lease.ts";
import type { Grace } from "./phase.ts";
import type { Dress } from "./presets.ts";
import type { CachePolicy } from "./rules.ts";
import type { QueryRule } from "./query.ts";
import type { ReadyAnswers } from "./ready.ts";
import type { SentFields } from "./sent-fields.ts";
import type { Backplane } from "./tags/backplane.ts";
import type { Ledger } from "./tags/ledger.ts";
import type { RouteTags } from "./tags/route-tags.ts";
import type { Store } from "./store.ts";
import type { Sampler } from "./tiers/sampler.ts";
import type { RouteLifetime } from "./ttl/route-lifetime.ts";
import type { Tiers } from "./tiers/tiers.ts";
import type { CacheTime } from "./time.ts";

/** What the cache stage of one route works with. Ledger, flights and what stands behind the tiers are those of all routes. */
export interface CacheParts {
  readonly tiers: Tiers;
  readonly ledger: Ledger;
  readonly flights: Flights;
  readonly time: CacheTime;
  /** In force now. */
  readonly policy: CachePolicy;
  /** Absent: the route's lifetime is as configured. */
  readonly lifetime?: RouteLifetime | undefined;
  readonly bus: EventBus;
  /** Of the route's configuration; `route:NAME` and `dependency:NAME` among them. */
  readonly tags: RouteTags;
  /** Whether clients get the fields that name an answer's tags. Default: they do not. */
  readonly passTags?: boolean;
  /** Whether a purge makes its answers stale in place of gone. Default: only a soft one does. */
  readonly outlivesPurges?: boolean;
  /** See {@link Store.purge}. */
  readonly purge: Store["purge"];
  /** Absent: there is no fleet, or it keeps no log of purges. */
  readonly backplane: Backplane | undefined;
  /** Absent: there is no fleet. */
  readonly sampler: Sampler | undefined;
  readonly ready: ReadyAnswers;
  readonly ask: Ask;
  /** Absent: the whole query counts. */
  readonly query?: QueryRule | undefined;
  readonly sent: SentFields;
  /** Whether keys may hold credentials. */
  readonly keysCredentials: boolean;
  /** Whether answers that set a cookie are kept without it. */
  readonly stripCookies: boolean;
  readonly stale: ServeStale;
  readonly clock: Clock;
  /** Absent: each instance loads by itself. */
  readonly leases?: Leases | undefined;
  /** In place of a refusal or failure, with nothing kept that may be used. */
  readonly fallback?: Fallback | undefined;
  /** What clients are told of kept answers. Absent: what the origin said. */
  readonly dress?: Dress | undefined;
}

/** How a route uses what is not, or not for long, fresh. */
export interface ServeStale {
  /** Milliseconds past freshness for which any kept answer beats none. 0: only as long as the answer itself allows. */
  readonly failSafe: number;
  /** How long a dependency is waited for with a stale answer in hand. */
  readonly soft: Timeouts;
  /** Absent: nothing is fetched before it is stale. */
  readonly ahead: RefreshAhead | undefined;
  /** Asked at each use of a stale answer: what the degradation level in force makes of the windows. */
  readonly grace: () => Grace;
}
