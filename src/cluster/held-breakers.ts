import type { BreakerAsk } from "../core/breaker-control.ts";
import type { Clock } from "../core/clock.ts";

/** States of breakers by hand that are in force, for workers that start later. */
export class HeldBreakers {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly ask: BreakerAsk; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A worker has done what it was asked. */
  done(ask: BreakerAsk): void {
    if (ask.hold) this.#held.set(ask.dependency, { ask, until: this.#clock.now() + ask.hold.ttl });
    else this.#held.delete(ask.dependency);
  }

  /** What another worker has to be asked, with the time that is left. */
  asks(): readonly BreakerAsk[] {
    const now = this.#clock.now();
    for (const [name, { until }] of this.#held) if (until <= now) this.#held.delete(name);
    return Array.from(this.#held.values(), ({ ask, until }) => ({ ...ask, hold: { ...ask.hold!, ttl: until - now } }));
  }
}
