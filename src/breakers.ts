import type { BreakerAnswer, BreakerAsk } from "./core/breaker-control.ts";
import type { Clock, Random } from "./core/clock.ts";
import type { EventBus } from "./core/events.ts";
import type { Stage } from "./core/stage.ts";
import type { Config } from "./config/schema.ts";
import { Breaker, type BreakerRules } from "./dependency/breaker/breaker.ts";
import { opossumEngine } from "./dependency/breaker/engine.ts";
import { breakerSettings, type BreakerSettings } from "./dependency/breaker/settings.ts";
import { createBreakerStage } from "./dependency/breaker/stage.ts";
import { createJudge } from "./dependency/breaker/verdict.ts";

/** The breaker of a dependency, and what it was made for. */
interface BreakerInUse {
  readonly breaker: Breaker;
  readonly settings: BreakerSettings;
  /** Whose health it is about. */
  readonly targets: string;
  readonly stage: Stage;
}

export type Breakers = ReadonlyMap<string, BreakerInUse>;

interface BreakerSources {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
}

/** A breaker for every dependency. One whose targets and settings are as before is taken over with all it knows. */
export function buildBreakers(config: Config, before: Breakers | undefined, parts: BreakerSources): Breakers {
  const breakers = new Map<string, BreakerInUse>();
  for (const [name, { http, breaker: settings }] of Object.entries(config.dependencies)) {
    const targets = JSON.stringify(http.targets);
    const former = before?.get(name);
    const same = former?.targets === targets && JSON.stringify(former.settings) === JSON.stringify(settings);
    breakers.set(name, same ? former : create(name, settings, targets, parts));
  }
  return breakers;
}

function create(name: string, settings: BreakerSettings, targets: string, parts: BreakerSources): BreakerInUse {
  const { clock, random, bus } = parts;
  const breaker = new Breaker(rulesOf(settings), { name, clock, random, bus, engine: opossumEngine });
  const judge = settings === "off" ? undefined : createJudge(settings);
  return { breaker, settings, targets, stage: createBreakerStage(breaker, judge, clock) };
}

function rulesOf(settings: BreakerSettings): BreakerRules {
  if (settings !== "off") return settings;
  return { ...(breakerSettings.parse({}) as Exclude<BreakerSettings, "off">), mode: "off" };
}

/** What was set by hand goes over to breakers of the same name that are new. */
export function settleBreakers(breakers: Breakers, before: Breakers): void {
  for (const [name, { breaker }] of breakers) {
    const former = before.get(name)?.breaker;
    if (former && former !== breaker && former.held) breaker.hold(former.held);
  }
}

/** Ends the breakers that are not among those kept. */
export function closeBreakers(gone: Breakers, kept: Breakers | undefined): void {
  for (const [name, { breaker }] of gone) if (kept?.get(name)?.breaker !== breaker) breaker.close();
}

/** Holds a breaker by hand, or gives it back. */
export function askBreaker(breakers: Breakers, { dependency, hold }: BreakerAsk): BreakerAnswer {
  return { changed: breakers.get(dependency)?.breaker.hold(hold) };
}
