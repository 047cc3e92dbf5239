import type { Clock } from "../core/clock.ts";
import type { Identities } from "../core/identity.ts";
import { Timeouts } from "../core/timeouts.ts";
import { compileAsk } from "./asked.ts";
import { compileFallback } from "./fallback.ts";
import type { CacheParts } from "./parts.ts";
import { NO_GRACE, type Grace } from "./phase.ts";
import { compilePreset } from "./presets.ts";
import type { CachePolicy } from "./rules.ts";
import { compileQuery } from "./query.ts";
import { compileVersion } from "./roll-over.ts";
import { compileSentFields } from "./sent-fields.ts";
import { cacheOptions, cachePolicy, type CacheSettings, type RouteCacheSettings } from "./settings.ts";
import type { Store } from "./store.ts";
import { compileVaryBy } from "./vary-by.ts";
import { compileTags } from "./tags/route-tags.ts";

/** What a cached route is built of. */
export interface CachedRoute {
  readonly settings: RouteCacheSettings;
  /** Of the route and its dependency: all of either can be purged by. */
  readonly name: string;
  readonly dependency: string | undefined;
  readonly store: Store;
  /** What all routes have in common, as it is in force. Default: as when the store was made. */
  readonly shared?: Pick<CacheSettings, "version" | "lifetimes">;
  readonly clock: Clock;
  /** Of the file that the fallback names. */
  readonly fallbackFile?: Uint8Array | undefined;
  /** Verifies who asks, for keys that hold it. */
  readonly identities?: Identities | undefined;
  /** What the degradation level in force makes of stale windows. Default: nothing. */
  readonly grace?: () => Grace;
}

/** The parts of a route's cache stage; undefined: the route has no cache. */
export function cachePartsOf(route: CachedRoute): CacheParts | undefined {
  const { settings, name, dependency, store, shared = store.settings, clock, grace = () => NO_GRACE } = route;
  const asked = cachePolicy(settings, shared.lifetimes);
  if (!asked) return undefined;
  const options = cacheOptions(settings);
  const kind = options.class === undefined ? undefined : store.settings.classes[options.class];
  const first: CachePolicy = { ...asked, most: kind?.ttl?.max };
  const { tags = [], passTags = false, failSafe, refreshAhead, softTimeout, fallback, preset } = options;
  const varyBy = compileVaryBy(options.varyBy, route.identities);
  const { ledger, flights, bus, time, purge, backplane } = store;
  const fixed = [`route:${name}`, ...(dependency === undefined ? [] : [`dependency:${dependency}`])];
  const soft = new Timeouts(clock, softTimeout);
  const tiers = store.tiersFor(cacheOptions(settings));
  const lifetime =
    first.by === "operator" && options.adapt ? store.lifetimes.of(name, first, options.adapt) : undefined;
  const policyInForce = (): CachePolicy => lifetime?.policy ?? first;
  return {
    tiers,
    ledger,
    flights,
    // Who waited for another instance's load would not find it.
    leases: tiers.shared ? store.leases : undefined,
    clock,
    bus,
    time,
    get policy() {
      return policyInForce();
    },
    lifetime,
    tags: compileTags(fixed, tags),
    passTags,
    outlivesPurges: kind?.purge === "soft",
    purge,
    backplane,
    sampler: store.sampler,
    ready: store.ready,
    ask: compileAsk(options, compileVersion(shared.version), varyBy),
    query: compileQuery(options.query),
    sent: compileSentFields(options.requestFields, varyBy?.fields),
    keysCredentials: varyBy !== undefined && (varyBy.identity || varyBy.cookies.size > 0),
    stripCookies: options.setCookie === "strip",
    stale: { failSafe, soft, ahead: refreshAhead ? store.ahead : undefined, grace },
    fallback: fallback && compileFallback(fallback, route.fallbackFile),
    dress: preset && compilePreset(preset, policyInForce),
  };
}
