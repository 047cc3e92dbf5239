import type { BreakerHold, BreakerReading, BreakerState } from "../../core/breaker-control.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import type { PriorityClass } from "../../core/exchange.ts";
import type { Refused } from "../../core/outcome.ts";
import type { BreakerEngine, EngineSource } from "./engine.ts";
import { Ramp, type RampRules } from "./ramp.ts";
import { excessOf, jittered, pauseAfter, type OpenBefore } from "./rates.ts";
import type { Verdict } from "./verdict.ts";
import { Window } from "./window.ts";

/** Numbers of the settings of that name. */
export interface BreakerRules extends RampRules {
  readonly mode: "enforce" | "shadow" | "off";
  readonly window: number;
  readonly minimumCalls: number;
  readonly openFor: number;
  readonly longestOpen: number;
}

export interface BreakerParts {
  /** Of the dependency. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  readonly engine: EngineSource;
}

/** The generation of a call that is let through; a call with 0 is not counted. */
export type Ticket = number;

const UNCOUNTED: Ticket = 0;

/** Milliseconds for which one refusal is given to all. */
const REFUSAL_LIFE = 250;
/** When to come again, in milliseconds, of those that a half-open breaker does not let through. */
const HALF_OPEN_RETRY = 1_000;

const NOTHING = (): void => {};

const ENDED: BreakerEngine = { state: "closed", closed: true, open: NOTHING, close: NOTHING, end: NOTHING };

interface Held extends BreakerHold {
  /** Monotonic milliseconds. */
  readonly until: number;
}

/**
 * Leaves a dependency alone that fails or is slow. Each generation has an engine of its own, which says what state it is
 * in: a new one begins half-open, and what calls of an older one came to says nothing any more. It has no timers: when a
 * pause is over is seen by the next request.
 */
export class Breaker {
  readonly #rules: BreakerRules;
  readonly #parts: BreakerParts;
  readonly #window: Window;
  #engine: BreakerEngine;
  #generation = 1;
  #ramp: Ramp;
  #hold: Held | undefined;
  /** Of the state that it is in by itself. */
  #since: number;
  #reason = "";
  #openUntil = 0;
  #pause = 0;
  #before: OpenBefore | undefined;
  #refusal: Refused | undefined;
  #refusalUntil = 0;
  #opened = 0;
  #refused = 0;
  #wouldRefuse = 0;

  constructor(rules: BreakerRules, parts: BreakerParts) {
    this.#rules = rules;
    this.#parts = parts;
    this.#window = new Window(rules.window);
    this.#engine = parts.engine("closed");
    this.#since = parts.clock.now();
    this.#ramp = new Ramp(rules, this.#since);
  }

  /** Lets a call through, or says why not. What became of a call with a ticket has to be told by {@link ended}. */
  enter(cls: PriorityClass): Ticket | Refused {
    if (this.#engine.closed && this.#hold === undefined)
      return this.#rules.mode === "off" ? UNCOUNTED : this.#generation;
    return this.#enter(this.#parts.clock.now(), cls);
  }

  #enter(now: number, cls: PriorityClass): Ticket | Refused {
    const hold = this.#held(now);
    if (hold?.state === "forced-closed") return UNCOUNTED;
    if (hold) {
      this.#refused++;
      // It may be given back at any time.
      return this.#refusalFor(now, Math.min(hold.until - now, this.#rules.longestOpen));
    }
    const { state } = this.#engine;
    if (state === "closed") return this.#rules.mode === "off" ? UNCOUNTED : this.#generation;
    if (state === "open" && now < this.#openUntil) return this.#refuse(now, this.#openUntil - now, cls);
    if (state === "open") this.#beginRamp(now);
    const step = this.#ramp.enter(now);
    if (step === "pass") return this.#generation;
    if (step === "no") return this.#refuse(now, HALF_OPEN_RETRY, cls);
    this.#open(now, `no probe was answered within ${this.#rules.probeTimeout} ms`);
    return this.#refuse(now, this.#openUntil - now, cls);
  }

  /** What became of a call that was let through. */
  ended(ticket: Ticket, verdict: Verdict): void {
    if (ticket !== this.#generation) return;
    const { state } = this.#engine;
    const failed = verdict === "failure" || verdict === "slow-failure";
    const slow = verdict === "slow" || verdict === "slow-failure";
    if (state === "half-open") this.#probed(verdict === "untold", failed, slow);
    else if (state === "closed" && verdict !== "untold") this.#count(failed, slow);
  }

  #count(failed: boolean, slow: boolean): void {
    const window = this.#window;
    const now = this.#parts.clock.now();
    window.add(now, failed, slow);
    if (window.failures + window.slow === 0) return;
    const excess = excessOf(window, this.#rules, this.#rules.minimumCalls);
    if (excess) this.#open(now, this.#words(excess, window));
  }

  #words(excess: "errors" | "slow", { calls, failures, slow }: Window): string {
    return excess === "errors" ? `${failures} of ${calls} calls failed` : `${slow} of ${calls} calls were slow`;
  }

  #probed(untold: boolean, failed: boolean, slow: boolean): void {
    if (untold) return this.#ramp.untold();
    const now = this.#parts.clock.now();
    const step = this.#ramp.ended(now, failed, slow);
    if (step === "open") this.#open(now, failed ? "a probe failed" : "a probe was slow");
    if (step === "close") {
      this.#engine.close();
      this.#before = { pause: this.#pause, closedFor: 0 };
      this.#enterState(now, "half-open", "");
    }
  }

  #open(now: number, reason: string): void {
    const from = this.#state();
    const { openFor, longestOpen } = this.#rules;
    const before = this.#before && { ...this.#before, closedFor: this.#engine.closed ? now - this.#since : 0 };
    this.#pause = pauseAfter(before, openFor, longestOpen);
    this.#before = { pause: this.#pause, closedFor: 0 };
    this.#openUntil = now + jittered(this.#pause, this.#parts.random());
    this.#opened++;
    this.#engine.open();
    this.#enterState(now, from, reason);
  }

  /** Another generation: a little of the traffic passes, and more of it as that goes well. */
  #beginRamp(now: number): void {
    const from = this.#state();
    this.#next("half-open");
    this.#ramp = new Ramp(this.#rules, now);
    this.#enterState(now, from, this.#reason);
  }

  #next(state: "closed" | "half-open"): void {
    this.#engine.end();
    this.#engine = this.#parts.engine(state);
    this.#generation++;
  }

  #enterState(now: number, from: BreakerState, reason: string): void {
    this.#since = now;
    this.#reason = reason;
    this.#window.clear();
    this.#refusalUntil = 0;
    this.#tell(from, this.#state(), reason);
  }

  #tell(from: BreakerState, to: BreakerState, reason: string): void {
    if (from !== to) this.#parts.bus.publish("spillway:breaker", { dependency: this.#parts.name, from, to, reason });
  }

  #refuse(now: number, leftMs: number, cls: PriorityClass): Ticket | Refused {
    if (this.#rules.mode === "shadow") {
      this.#wouldRefuse++;
      this.#parts.bus.publish("spillway:would-refuse", { reason: "breaker", class: cls });
      return UNCOUNTED;
    }
    this.#refused++;
    return this.#refusalFor(now, leftMs);
  }

  /** One object for all who are refused within a moment. */
  #refusalFor(now: number, leftMs: number): Refused {
    if (this.#refusal === undefined || now >= this.#refusalUntil) {
      const detail = `${this.#parts.name} is in trouble and is not asked for now; come again later`;
      this.#refusal = { kind: "refused", reason: "breaker", detail, retryAfterMs: Math.max(1, leftMs) };
      this.#refusalUntil = now + REFUSAL_LIFE;
    }
    return this.#refusal;
  }

  // by hand

  /** Holds it in a state for a while; undefined gives it back to itself. */
  hold(given: BreakerHold | undefined): { readonly before: BreakerState; readonly after: BreakerState } {
    const now = this.#parts.clock.now();
    const held = this.#held(now);
    const before = this.#state();
    if (given) {
      this.#hold = { ...given, until: now + given.ttl };
      this.#refusalUntil = 0;
      this.#tell(before, given.state, given.reason);
    } else if (held) this.#release(now, held, "given back by hand");
    return { before, after: this.#state() };
  }

  /** The state by hand that is in force, for one that takes this one's place. */
  get held(): BreakerHold | undefined {
    const now = this.#parts.clock.now();
    const hold = this.#held(now);
    return hold && { state: hold.state, ttl: hold.until - now, reason: hold.reason };
  }

  #held(now: number): Held | undefined {
    const hold = this.#hold;
    if (hold && now >= hold.until) this.#release(now, hold, "the time of the state by hand is over");
    return this.#hold;
  }

  /** What was isolated gets its requests back little by little; what was forced closed begins anew. */
  #release(now: number, { state }: Held, reason: string): void {
    this.#hold = undefined;
    this.#before = undefined;
    const from = state === "isolated" && this.#rules.mode !== "off" ? "half-open" : "closed";
    this.#next(from);
    this.#ramp = new Ramp(this.#rules, now);
    this.#enterState(now, state, from === "closed" ? "" : reason);
  }

  #state(): BreakerState {
    return this.#hold?.state ?? this.#engine.state;
  }

  read(): BreakerReading {
    const now = this.#parts.clock.now();
    const hold = this.#held(now);
    this.#window.moveTo(now);
    const { calls, failures, slow } = this.#window;
    const state = this.#state();
    const shares = { closed: 1, open: 0, "half-open": this.#ramp.share, isolated: 0, "forced-closed": 1 };
    return {
      mode: this.#rules.mode,
      state,
      forMs: Math.max(0, now - (hold ? hold.until - hold.ttl : this.#since)),
      leftMs: hold ? hold.until - now : state === "open" ? Math.max(0, this.#openUntil - now) : undefined,
      reason: hold?.reason ?? this.#reason,
      share: shares[state],
      calls,
      failures,
      slow,
      opened: this.#opened,
      refused: this.#refused,
      wouldRefuse: this.#wouldRefuse,
    };
  }

  /** Ends the engine. Requests of a configuration that is no longer in force may still come, and pass. */
  close(): void {
    this.#generation++;
    this.#engine.end();
    this.#engine = ENDED;
  }
}
