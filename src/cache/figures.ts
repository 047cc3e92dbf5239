import type { Counted, RouteReading } from "../core/cache-control.ts";
import type { CacheNotStored, CacheRemoved, EventBus, ExchangeEnded, RemovalReason } from "../core/events.ts";
import type { CacheTier, CacheUse } from "../core/outcome.ts";
import { urlOf } from "./key.ts";
import { MostFrequent } from "./most-frequent.ts";

interface RouteCounts {
  hit: number;
  stale: number;
  miss: number;
  bypass: number;
  fallback: number;
}

/** Both are answers past their freshness. */
const countedAs = (result: CacheUse["result"]): keyof RouteCounts => (result === "fail-safe" ? "stale" : result);

/** URLs whose misses are counted at a time. */
const MISSED_URLS = 64;

/** What the cache was to the exchanges of one process since it started; reloads change nothing of it. */
export class CacheFigures {
  readonly #routes = new Map<string, RouteCounts>();
  readonly #tiers = new Map<CacheTier, { hit: number; stale: number }>();
  readonly #removed: Partial<Record<RemovalReason, number>> = {};
  readonly #notStored: Record<string, number> = {};
  readonly #missed = new MostFrequent(MISSED_URLS);

  readonly ended = ({ exchange, outcome }: Pick<ExchangeEnded, "exchange" | "outcome">): void => {
    const cache = "cache" in outcome ? outcome.cache : undefined;
    if (!cache) return;
    const { name } = exchange.route;
    let route = this.#routes.get(name);
    if (!route) this.#routes.set(name, (route = { hit: 0, stale: 0, miss: 0, bypass: 0, fallback: 0 }));
    route[countedAs(cache.result)] += 1;
    if (cache.result === "miss") this.#missed.add(urlOf(exchange));
    if (!("tier" in cache)) return;
    let tier = this.#tiers.get(cache.tier);
    if (!tier) this.#tiers.set(cache.tier, (tier = { hit: 0, stale: 0 }));
    tier[cache.result === "hit" ? "hit" : "stale"] += 1;
  };

  readonly removed = ({ reason, count }: Pick<CacheRemoved, "reason" | "count">): void => {
    this.#removed[reason] = (this.#removed[reason] ?? 0) + count;
  };

  readonly notStored = ({ reason }: Pick<CacheNotStored, "reason">): void => {
    this.#notStored[reason] = (this.#notStored[reason] ?? 0) + 1;
  };

  ofTier(tier: CacheTier): { readonly hits: number; readonly stale: number } {
    const { hit = 0, stale = 0 } = this.#tiers.get(tier) ?? {};
    return { hits: hit, stale };
  }

  read(): {
    readonly routes: readonly RouteReading[];
    readonly removed: Readonly<Partial<Record<RemovalReason, number>>>;
    readonly notStored: Readonly<Record<string, number>>;
    readonly missed: readonly Counted[];
  } {
    const routes = Array.from(this.#routes, ([route, { hit, stale, miss, bypass, fallback }]) => ({
      route,
      hits: hit,
      stale,
      misses: miss,
      bypasses: bypass,
      fallbacks: fallback,
    }));
    return { routes, removed: { ...this.#removed }, notStored: { ...this.#notStored }, missed: this.#missed.read() };
  }
}

/** Figures of all that is told on a bus from now on, until `close`. */
export function figuresOf(bus: EventBus): { readonly figures: CacheFigures; close(): void } {
  const figures = new CacheFigures();
  const ends = [
    bus.subscribe("spillway:exchange", figures.ended),
    bus.subscribe("spillway:cache-removed", figures.removed),
    bus.subscribe("spillway:cache-not-stored", figures.notStored),
  ];
  return {
    figures,
    close() {
      for (const end of ends) end();
    },
  };
}
