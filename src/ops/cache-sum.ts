import type {
  CacheReading,
  ClassReading,
  Counted,
  LedgerReading,
  LifetimeReading,
  RouteReading,
  TierReading,
} from "../core/cache-control.ts";
import { summed } from "../core/durations.ts";

/** Names in each list of a report. */
const LISTED = 10;

/** The caches of several processes as one. */
export function sumOf(readings: readonly CacheReading[], silent: number) {
  const routes = routesOf(readings.flatMap((reading) => reading.routes));
  return {
    processes: readings.length,
    silent,
    hitRatio: ratioOf(routes),
    tiers: tiersOf(readings, routes),
    classes: classesOf(readings.flatMap((reading) => reading.classes)),
    moved: {
      demoted: sum(readings, ({ moved }) => moved.demoted),
      notDemoted: sum(readings, ({ moved }) => moved.notDemoted),
      notPromoted: sum(readings, ({ moved }) => moved.notPromoted),
    },
    routes,
    removed: added(readings.map((reading) => reading.removed)),
    notStored: added(readings.map((reading) => reading.notStored)),
    flights: readings.reduce((sum, { flights }) => sum + flights, 0),
    ledger: ledgerOf(readings.map((reading) => reading.ledger)),
  };
}

/** Where the cache does well and where it does not. */
export function reportOf(readings: readonly CacheReading[], silent: number) {
  const { hitRatio, routes, tiers, removed } = sumOf(readings, silent);
  return {
    hitRatio,
    misses: top(routes, ({ misses }) => misses).map(({ route, misses, hitRatio }) => ({ route, misses, hitRatio })),
    stale: top(routes, ({ stale }) => stale).map(({ route, stale, requests }) => ({
      route,
      stale,
      share: requests === 0 ? null : stale / requests,
    })),
    missed: countedOf(readings.map((reading) => reading.missed)).slice(0, LISTED),
    used: countedOf(readings.map((reading) => reading.used)).slice(0, LISTED),
    lifetimes: lifetimesOf(readings.flatMap((reading) => reading.lifetimes)),
    lookups: tiers.map(({ tier, lookups }) => ({ tier, ...lookups })),
    removed,
  };
}

/** Of each route what the process says that has seen most of it. */
function lifetimesOf(all: readonly LifetimeReading[]): readonly LifetimeReading[] {
  const most = new Map<string, LifetimeReading>();
  for (const one of all) if (one.looks > (most.get(one.route)?.looks ?? 0)) most.set(one.route, one);
  return [...most.values()];
}

/** Names with their counts added up, most first. */
export function countedOf(lists: readonly (readonly Counted[])[]): Counted[] {
  const sums = added(lists.flat().map(({ name, count }) => ({ [name]: count })));
  return Object.entries(sums)
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count);
}

/** Processes have their own positions; the one that has got farthest stands for all, and so does the fullest. */
export function ledgerOf(readings: readonly LedgerReading[]): LedgerReading {
  const most = (of: (reading: LedgerReading) => number): number => Math.max(0, ...readings.map(of));
  return {
    position: most(({ position }) => position),
    tags: most(({ tags }) => tags),
    urls: most(({ urls }) => urls),
    bans: most(({ bans }) => bans),
    floor: { soft: most(({ floor }) => floor.soft), hard: most(({ floor }) => floor.hard) },
  };
}

/** One route of all processes. `requests` is the sum of the five behind it. */
interface Route {
  readonly route: string;
  readonly requests: number;
  readonly hits: number;
  readonly stale: number;
  readonly misses: number;
  readonly bypasses: number;
  readonly fallbacks: number;
  readonly hitRatio: number | null;
}

function routesOf(readings: readonly RouteReading[]): Route[] {
  const byRoute = Map.groupBy(readings, ({ route }) => route);
  return Array.from(byRoute, ([route, all]) => {
    const hits = sum(all, (one) => one.hits);
    const stale = sum(all, (one) => one.stale);
    const misses = sum(all, (one) => one.misses);
    const bypasses = sum(all, (one) => one.bypasses);
    const fallbacks = sum(all, (one) => one.fallbacks);
    const requests = hits + stale + misses + bypasses + fallbacks;
    const hitRatio = ratioOf([{ hits, stale, misses: misses + fallbacks }]);
    return { route, requests, hits, stale, misses, bypasses, fallbacks, hitRatio };
  });
}

function classesOf(readings: readonly ClassReading[]): ClassReading[] {
  const byClass = Map.groupBy(readings, (reading) => reading.class);
  return Array.from(byClass, ([name, all]) => ({
    class: name,
    entries: sum(all, (one) => one.entries),
    bytes: sum(all, (one) => one.bytes),
    maxBytes: sum(all, (one) => one.maxBytes),
    removed: {
      capacity: sum(all, (one) => one.removed.capacity),
      expired: sum(all, (one) => one.removed.expired),
    },
  }));
}

/** What comes to a tier is what no nearer one had. */
function tiersOf(readings: readonly CacheReading[], routes: readonly Route[]) {
  let coming = sum(routes, ({ requests, bypasses }) => requests - bypasses);
  const byTier = Map.groupBy(
    readings.flatMap((reading) => reading.tiers),
    ({ tier }) => tier,
  );
  return Array.from(byTier, ([tier, all]) => {
    const hits = sum(all, (one) => one.hits);
    const stale = sum(all, (one) => one.stale);
    coming -= hits + stale;
    const { count, averageMs = null, p50Ms = null, p95Ms = null } = summed(all.map(({ lookups }) => lookups));
    return {
      tier,
      entries: known(all, (one) => one.entries),
      bytes: known(all, (one) => one.bytes),
      maxBytes: known(all, (one) => one.maxBytes),
      hits,
      stale,
      misses: Math.max(0, coming),
      lookups: { count, averageMs, p50Ms, p95Ms },
    };
  });
}

function known(tiers: readonly TierReading[], of: (tier: TierReading) => number | undefined): number | null {
  const values = tiers.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? null : sum(values, (value) => value);
}

function ratioOf(routes: readonly Pick<Route, "hits" | "stale" | "misses">[]): number | null {
  const answered = sum(routes, ({ hits, stale }) => hits + stale);
  const all = answered + sum(routes, ({ misses }) => misses);
  return all === 0 ? null : answered / all;
}

function added(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of records.flatMap(Object.entries)) sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries(sums);
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);

const top = (routes: readonly Route[], by: (route: Route) => number): readonly Route[] =>
  routes
    .filter((route) => by(route) > 0)
    .sort((a, b) => by(b) - by(a))
    .slice(0, LISTED);
