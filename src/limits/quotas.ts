import { createHexSource, type Clock } from "../core/clock.ts";
import type { LimitsReading } from "../core/limits-control.ts";
import type { EventBus } from "../core/events.ts";
import type { Redis } from "../core/redis.ts";
import type { Stage } from "../core/stage.ts";
import type { Counter } from "./counter.ts";
import { createEnds, type Ends } from "./ends.ts";
import { Fleet } from "./fleet.ts";
import { FleetCounter } from "./fleet-counter.ts";
import { KeyHash } from "./key-hash.ts";
import { createMemoryCounter } from "./memory-counter.ts";
import { Quota } from "./quota.ts";
import { createQuotaStage } from "./stage.ts";
import { createRedisStore } from "./redis-store.ts";
import { rulesOf, type Rule } from "./settings.ts";

export interface QuotasParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Of this instance: they share its limits and caps. Default: 1. */
  readonly processes?: number;
  /** What all instances count in. Absent: each process counts by itself. */
  readonly redis?: QuotaRedis | undefined;
  /** Hashes keys in Redis; undefined: they are hashed without one. */
  readonly secret?: string | undefined;
}

/** The Redis of a configuration, the same object for as long as it is in force. */
export interface QuotaRedis {
  readonly redis: Redis;
  /** Begins every key. */
  readonly prefix: string;
  /** Milliseconds that a request waits for it. */
  readonly deadline: number;
}

/** Every rule in force. A reload takes over those that are as before, with what they have counted. */
export interface Quotas {
  /** What stands in front of a route; undefined where it has no rules. */
  stage(route: string): Stage | undefined;
  readonly ends: Ends;
  reading(): LimitsReading;
  /** Of what stands behind them, only `inForce` is needed any more. */
  retire(inForce: Quotas | undefined): Promise<void>;
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
  /** Made with the first rule that has a limit. */
  #fleet: Fleet | undefined;

  constructor(routes: readonly Ruled[], named: Named, before: RuledQuotas | undefined, parts: QuotasParts) {
    this.#parts = { processes: 1, ...parts };
    this.ends = before?.ends ?? createEnds(parts.bus);
    const same = before?.countsIn(parts) ? before : undefined;
    this.#fleet = same?.fleet;
    for (const route of routes) {
      this.#byRoute.set(
        route.name,
        rulesOf(route, named).map((rule) => this.#quotaOf(rule, same)),
      );
    }
  }

  stage(route: string): Stage | undefined {
    return createQuotaStage(this.#byRoute.get(route) ?? [], this.ends, this.#parts.bus);
  }

  reading(): LimitsReading {
    const fleet = this.#fleet;
    return {
      limits: Array.from(this.#quotas.values(), (quota) => quota.reading()),
      processes: fleet?.processes ?? this.#parts.processes,
      store: fleet ? (fleet.found ? "redis" : "local") : "memory",
    };
  }

  async retire(inForce: Quotas | undefined): Promise<void> {
    if (this.ends !== inForce?.ends) this.ends.close();
    if (!(inForce instanceof RuledQuotas) || this.#fleet !== inForce.fleet) await this.#fleet?.close();
  }

  get fleet(): Fleet | undefined {
    return this.#fleet;
  }

  /** Whether its counters are where those of another configuration are. */
  countsIn({ redis, secret }: QuotasParts): boolean {
    return this.#parts.redis === redis && this.#parts.secret === secret;
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
    const fleet = this.#fleetOf();
    const share = (): number => fleet?.processes ?? processes;
    const local = createMemoryCounter(quantity, { clock, hash, keys, share });
    if (!fleet) return local;
    const store = createRedisStore(rule.name, quantity, fleet);
    return new FleetCounter({ clock, hash, fleet, store, local, quantity, rule });
  }

  #fleetOf(): Fleet | undefined {
    const { clock, redis, secret, processes } = this.#parts;
    if (redis) this.#fleet ??= new Fleet({ ...redis, clock, secret, processes });
    return this.#fleet;
  }
}
