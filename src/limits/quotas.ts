import { createHexSource, type Clock } from "../core/clock.ts";
import type { LimitsReading } from "../core/limits-control.ts";
import type { EventBus } from "../core/events.ts";
import type { Stage } from "../core/stage.ts";
import type { Counter } from "./counter.ts";
import { createEnds, type Ends } from "./ends.ts";
import { KeyHash } from "./key-hash.ts";
import { createMemoryCounter } from "./memory-counter.ts";
import { Quota } from "./quota.ts";
import { createQuotaStage } from "./stage.ts";
import { rulesOf, type Rule } from "./settings.ts";

export interface QuotasParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Of this instance: they share its limits and caps. Default: 1. */
  readonly processes?: number;
}

/** Every rule in force. A reload takes over those that are as before, with what they have counted. */
export interface Quotas {
  /** What stands in front of a route; undefined where it has no rules. */
  stage(route: string): Stage | undefined;
  readonly ends: Ends;
  reading(): LimitsReading;
  /** Of what stands behind them, only `inForce` is needed any more. */
  retire(inForce: Quotas | undefined): void;
}

type Named = Parameters<typeof rulesOf>[1];
type Ruled = Parameters<typeof rulesOf>[0];

export function createQuotas(
  routes: readonly Ruled[],
  named: Named,
  former: Quotas | undefined,
  parts: QuotasParts,
): Quotas {
  const before = former instanceof RuledQuotas ? former : undefined;
  return new RuledQuotas(routes, named, before, parts);
}

class RuledQuotas implements Quotas {
  readonly #byRoute = new Map<string, readonly Quota[]>();
  /** By all that a rule says. */
  readonly #quotas = new Map<string, Quota>();
  readonly #parts: QuotasParts & { readonly processes: number };
  readonly ends: Ends;

  constructor(routes: readonly Ruled[], named: Named, before: RuledQuotas | undefined, parts: QuotasParts) {
    this.#parts = { processes: 1, ...parts };
    this.ends = before?.ends ?? createEnds(parts.bus);
    for (const route of routes) {
      this.#byRoute.set(
        route.name,
        rulesOf(route, named).map((rule) => this.#quotaOf(rule, before)),
      );
    }
  }

  stage(route: string): Stage | undefined {
    return createQuotaStage(this.#byRoute.get(route) ?? [], this.ends, this.#parts.bus);
  }

  reading(): LimitsReading {
    return {
      limits: Array.from(this.#quotas.values(), (quota) => quota.reading()),
      processes: this.#parts.processes,
      store: "memory",
    };
  }

  retire(inForce: Quotas | undefined): void {
    if (this.ends !== inForce?.ends) this.ends.close();
  }

  /** The quota of a rule that says exactly this. */
  quotaBy(id: string): Quota | undefined {
    return this.#quotas.get(id);
  }

  #quotaOf(rule: Rule, before: RuledQuotas | undefined): Quota {
    const id = JSON.stringify(rule);
    let quota = this.#quotas.get(id);
    if (!quota) this.#quotas.set(id, (quota = before?.quotaBy(id) ?? this.#create(rule)));
    return quota;
  }

  #create(rule: Rule): Quota {
    const { processes } = this.#parts;
    const word = createHexSource(4, 8);
    const hash = new KeyHash(Number.parseInt(word(), 16), Number.parseInt(word(), 16));
    return new Quota(rule, { hash, processes, counter: this.#counterOf(rule, hash) });
  }

  #counterOf(rule: Rule, hash: KeyHash): Counter | undefined {
    const { clock, processes } = this.#parts;
    const { limit, window, algorithm, burst = limit, keys } = rule;
    if (limit === undefined || window === undefined) return undefined;
    const quantity = { limit, window, burst: algorithm === "token-bucket" ? burst : undefined };
    return createMemoryCounter(quantity, { clock, hash, keys, share: () => processes });
  }
}
