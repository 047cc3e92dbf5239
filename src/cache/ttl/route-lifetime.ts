import type { LifetimeReading, RouteReading } from "../../core/cache-control.ts";
import type { CachePolicy } from "../rules.ts";
import { ChangeRate } from "./change-rate.ts";
import type { Adapt } from "./settings.ts";
import { suggestLifetime, type Suggestion } from "./suggestion.ts";
import { volatilityOf, volatilityScore } from "./volatility.ts";

type Operators = Extract<CachePolicy, { by: "operator" }>;

/** Looks from one change of the lifetime to the next, and the share by which it has to differ. */
const LOOKS_A_CHANGE = 16;
const WORTHWHILE = 0.05;
/** Nothing is known of the kind: what is seen decides alone. */
const BASE = 1;
const HOUR = 3_600_000;

/** How long answers of one route live, as its looks at what changed teach. */
export class RouteLifetime {
  readonly #adapt: Adapt;
  readonly #rate = new ChangeRate();
  #policy: Operators;
  #looks = 0;

  constructor(first: Operators, adapt: Adapt) {
    this.#policy = first;
    this.#adapt = adapt;
  }

  /** In force; another object when it has changed. */
  get policy(): Operators {
    return this.#policy;
  }

  /** The dependency told, so many milliseconds after it was asked last, whether its answer is another one. */
  looked(interval: number, changed: boolean): void {
    this.#rate.observe(interval, changed);
    this.#looks += 1;
    if (this.#adapt.mode === "suggest" || this.#looks % LOOKS_A_CHANGE !== 0) return;
    const proposed = this.#suggest(0)?.proposed;
    if (proposed === undefined || Math.abs(proposed / this.#policy.ttl - 1) < WORTHWHILE) return;
    this.#policy = { ...this.#policy, ttl: Math.round(proposed) };
  }

  /** Undefined while too little was seen. */
  read(figures: RouteReading): LifetimeReading | undefined {
    const { route, hits, stale, misses } = figures;
    const interval = this.#rate.interval();
    const asked = interval === undefined || misses === 0 ? 0 : (hits + stale + misses) / misses / interval;
    const suggestion = this.#suggest(asked);
    if (!suggestion) return undefined;
    const score = volatilityScore({
      base: BASE,
      changes: this.#rate.rate()! * HOUR,
      variance: 0,
      activity: (hits + stale) / Math.max(1, hits + stale + misses),
    });
    return { route, applied: this.#adapt.mode === "apply", volatility: volatilityOf(score), ...suggestion };
  }

  #suggest(requests: number): Suggestion | undefined {
    const changes = this.#rate.rate();
    if (changes === undefined) return undefined;
    const { ttl } = this.#policy;
    return suggestLifetime({ ttl, changes, requests, looks: this.#looks }, this.#adapt);
  }
}

/** The lifetimes that routes have learned, by route; they survive a reload that leaves their settings as they are. */
export class RouteLifetimes {
  readonly #routes = new Map<string, { readonly settings: string; readonly lifetime: RouteLifetime }>();

  of(route: string, first: Operators, adapt: Adapt): RouteLifetime {
    const settings = JSON.stringify([first, adapt]);
    const former = this.#routes.get(route);
    if (former?.settings === settings) return former.lifetime;
    const lifetime = new RouteLifetime(first, adapt);
    this.#routes.set(route, { settings, lifetime });
    return lifetime;
  }

  read(routes: readonly RouteReading[]): readonly LifetimeReading[] {
    return routes.flatMap((figures) => this.#routes.get(figures.route)?.lifetime.read(figures) ?? []);
  }
}
