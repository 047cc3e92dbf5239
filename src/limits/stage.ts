import type { EventBus } from "../core/events.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HeaderList } from "../core/headers.ts";
import { refused, type Outcome, type QuotaSeen, type Refused } from "../core/outcome.ts";
import type { Handler, Stage } from "../core/stage.ts";
import type { Soon } from "../core/soon.ts";
import { formatDuration } from "../core/units.ts";
import type { Taken } from "./counter.ts";
import type { Ends } from "./ends.ts";
import { policyOf, stateOf } from "./fields.ts";
import { NO_SEAT, type Quota } from "./quota.ts";

/** What is the same for every exchange of a route. */
interface Facts {
  readonly quotas: readonly Quota[];
  readonly ends: Ends;
  readonly bus: EventBus;
  /** The value of RateLimit-Policy; "": clients are told nothing. */
  readonly policy: string;
  readonly seen: QuotaSeen;
}

/**
 * Counts each exchange by every rule of its route, and refuses what is beyond one. Outermost: a hit in the cache counts,
 * too, and a refusal costs nothing further in. The gateway's own requests do not count. Undefined without rules.
 */
export function createQuotaStage(quotas: readonly Quota[], ends: Ends, bus: EventBus): Stage | undefined {
  if (quotas.length === 0) return undefined;
  const told = quotas.filter(({ rule }) => rule.headers && rule.mode === "enforce");
  const policy = told.flatMap(({ rule }) => policyOf(rule)).join(", ");
  const facts: Facts = { quotas, ends, bus, policy, seen: { rules: quotas.map(({ rule }) => rule.name) } };
  return (next) => (exchange) => {
    if (exchange.warms !== undefined) return next(exchange);
    const visit = new Visit(facts, exchange);
    const checked = visit.check(0);
    return checked === undefined ? visit.pass(next) : checked.then(() => visit.pass(next));
  };
}

/** One exchange and the rules it has to pass. */
class Visit {
  readonly #facts: Facts;
  readonly #exchange: Exchange;
  /** Quotas and keys of the seats it holds, in pairs. */
  #seats: (Quota | string)[] | undefined;
  #refusal: { readonly quota: Quota; readonly taken: Taken } | undefined;
  #would: string[] | undefined;
  /** The value of RateLimit. */
  #state = "";

  constructor(facts: Facts, exchange: Exchange) {
    this.#facts = facts;
    this.#exchange = exchange;
  }

  /** Asks the rules from this one on, until one refuses. */
  check(from: number): Promise<void> | undefined {
    const { quotas } = this.#facts;
    for (let at = from; at < quotas.length; at++) {
      const quota = quotas[at]!;
      const key = quota.keyOf(this.#exchange);
      quota.checked++;
      if (quota.seated) {
        if (quota.enter(key)) (this.#seats ??= []).push(quota, key);
        else if (!this.#took(quota, NO_SEAT)) return undefined;
        else continue;
      }
      const taken = quota.take(key);
      if (taken instanceof Promise) {
        return taken.then((later) => (this.#took(quota, later) ? this.check(at + 1) : undefined));
      }
      if (taken && !this.#took(quota, taken)) return undefined;
    }
    return undefined;
  }

  /** Lets it go on, or refuses it. */
  pass(next: Handler): Soon<Outcome> {
    if (this.#refusal) {
      this.#leave();
      return this.#refused(this.#refusal.quota, this.#refusal.taken);
    }
    const { upgrade, route } = this.#exchange;
    if (this.#seats && (upgrade !== undefined || route.dependency === "next")) {
      this.#facts.ends.hold(this.#exchange, () => this.#leave());
      return this.#told(next(this.#exchange), (outcome) => outcome);
    }
    try {
      return this.#told(next(this.#exchange), (outcome) => this.#seated(outcome));
    } catch (thrown) {
      this.#leave();
      throw thrown;
    }
  }

  /** Whether it may go on to the next rule. */
  #took(quota: Quota, taken: Taken): boolean {
    const { name, mode, headers } = quota.rule;
    if (!taken.ok) quota.refused++;
    if (mode === "shadow") {
      if (taken.ok) return true;
      (this.#would ??= []).push(name);
      this.#facts.bus.publish("spillway:would-refuse", { reason: "quota", class: this.#exchange.class });
      return true;
    }
    if (!taken.ok) this.#refusal = { quota, taken };
    if (headers && taken !== NO_SEAT) {
      const state = stateOf(name, taken);
      this.#state = this.#state === "" ? state : `${this.#state}, ${state}`;
    }
    return taken.ok;
  }

  #told(outcome: Soon<Outcome>, seated: (outcome: Outcome) => Outcome): Soon<Outcome> {
    if (!(outcome instanceof Promise)) return this.#decorated(seated(outcome));
    return outcome.then(
      (ended) => this.#decorated(seated(ended)),
      (thrown: unknown) => {
        this.#leave();
        throw thrown;
      },
    );
  }

  /** Its seats are held until the last octet is out, or nobody waits for it. */
  #seated(outcome: Outcome): Outcome {
    if (!this.#seats) return outcome;
    if (outcome.kind === "served") outcome.body.whenDone(() => this.#leave());
    else this.#leave();
    return outcome;
  }

  #decorated(outcome: Outcome): Outcome {
    if (outcome.kind === "handed-on") return outcome;
    const quota = this.#seen();
    if (outcome.kind === "tunnelled") return { ...outcome, quota };
    const fields = this.#fields();
    if (fields.length === 0) return { ...outcome, quota };
    return { ...outcome, quota, headers: outcome.headers ? [...outcome.headers, ...fields] : fields };
  }

  #refused(quota: Quota, taken: Taken): Refused {
    const { name, limit, window, concurrent } = quota.rule;
    const retryAfterMs = taken.retryMs;
    const what =
      taken === NO_SEAT ? `${concurrent} requests at a time` : `${limit} requests in ${formatDuration(window ?? 0)}`;
    const detail = `"${name}" gives ${what}, and they are used up: come again when Retry-After says`;
    return {
      ...refused("quota", detail, { retryAfterMs, headers: this.#fields() }),
      quota: { ...this.#seen(), refusedBy: name },
    };
  }

  #seen(): QuotaSeen {
    return this.#would ? { ...this.#facts.seen, wouldRefuse: this.#would } : this.#facts.seen;
  }

  #fields(): HeaderList {
    const { policy } = this.#facts;
    if (policy === "") return [];
    return this.#state === "" ? ["RateLimit-Policy", policy] : ["RateLimit-Policy", policy, "RateLimit", this.#state];
  }

  #leave(): void {
    const seats = this.#seats;
    this.#seats = undefined;
    if (!seats) return;
    for (let at = 0; at < seats.length; at += 2) (seats[at] as Quota).leave(seats[at + 1] as string);
  }
}
