import { excessOf, type Rates } from "./rates.ts";

/** Shares of the requests that pass, one step after the other. */
const SHARES: readonly number[] = [0.05, 0.25, 1];
/** Probes of a step that have to go well before the next one. */
const LEAST: readonly number[] = [3, 6, 6];
/** Milliseconds after which a request passes whatever the share: few requests need probes, too. */
const QUIET = 1_000;

export interface RampRules extends Rates {
  /** Milliseconds that all steps take at least. */
  readonly rampFor: number;
  /** Milliseconds without the result of any probe, after which those under way count as failed. */
  readonly probeTimeout: number;
}

/** What a request, or the end of a probe, comes to. */
export type RampStep = "pass" | "no" | "overdue";

/**
 * The way back: 5 %, 25 % and 100 % of the requests, each step a third of `rampFor` and not before enough probes went
 * well. Under way are one probe, and two more for each that went well: what still hangs gets one at a time.
 */
export class Ramp {
  readonly #rules: RampRules;
  #step = 0;
  #stepAt: number;
  /** Requests that may pass, with fractions. */
  #credit = 1;
  #lastAt = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  /** Of the last result, or since when any is waited for. */
  #heardAt: number;
  /** Of this step. */
  #calls = 0;
  #failures = 0;
  #slow = 0;
  /** Of all steps. */
  #well = 0;

  constructor(rules: RampRules, now: number) {
    this.#rules = rules;
    this.#stepAt = now;
    this.#heardAt = now;
  }

  get share(): number {
    return SHARES[this.#step]!;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Whether a request may pass as a probe. */
  enter(now: number): RampStep {
    if (this.#underWay > 0 && now - this.#heardAt >= this.#rules.probeTimeout) return "overdue";
    // At most one in hand: what was not used in a lull is no burst later.
    this.#credit = Math.min(1, this.#credit + this.share);
    if (this.#underWay >= 1 + 2 * this.#well) return "no";
    if (this.#credit < 1 - 1e-9 && now - this.#lastAt < QUIET) return "no";
    this.#credit -= Math.min(1, this.#credit);
    this.#lastAt = now;
    if (this.#underWay === 0) this.#heardAt = now;
    this.#underWay++;
    return "pass";
  }

  /** A probe came to nothing that tells of the dependency. */
  untold(): void {
    if (this.#underWay > 0) this.#underWay--;
  }

  /** A probe ended. `open`: no more of them; `close`: the way back is over. */
  ended(now: number, failed: boolean, slow: boolean): "open" | "close" | "on" {
    this.untold();
    this.#heardAt = now;
    this.#calls++;
    if (failed) this.#failures++;
    if (slow) this.#slow++;
    if (!failed && !slow) this.#well++;
    const counted = { calls: this.#calls, failures: this.#failures, slow: this.#slow };
    // The first answer decides; later steps follow some that went well.
    if (excessOf(counted, this.#rules, this.#step === 0 ? 1 : LEAST[this.#step]!)) return "open";
    const well = this.#calls - this.#failures;
    if (well < LEAST[this.#step]! || now - this.#stepAt < this.#rules.rampFor / SHARES.length) return "on";
    if (this.#step === SHARES.length - 1) return "close";
    this.#step++;
    this.#stepAt = now;
    this.#calls = this.#failures = this.#slow = 0;
    return "on";
  }
}
