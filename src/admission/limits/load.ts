import type { Baseline } from "./baseline.ts";

/** Share of the seats held behind a head that is taken for real; below, it is noise. */
const BODIES = 0.15;
/** Weight of a new window in that share. */
const WEIGHT = 0.3;

/** What a window of calls says about the dependency. */
export interface Reading {
  /** Calls that had a baseline. */
  readonly calls: number;
  /** Latency over baseline, of all of them together: 1 = nobody waits inside. */
  readonly slowdown: number;
  /** Standard error of it. */
  readonly error: number;
  /** Mean and most seats taken when calls began. */
  readonly mean: number;
  readonly most: number;
  /** Mean seats of which the dependency makes use: those taken less those whose calls wait inside. */
  readonly used: number;
  /** Mean milliseconds to the head. */
  readonly latency: number;
  readonly dropped: number;
}

/** Sums over the calls of one window. */
export class Load {
  since = 0;
  calls = 0;
  dropped = 0;
  began = 0;
  #seats = 0;
  #most = 0;
  #latency = 0;
  #base = 0;
  #latency2 = 0;
  #base2 = 0;
  #cross = 0;
  #doubt = 0;
  #usual = 0;
  #bodies = 0;

  start(now: number): void {
    this.since = now;
    this.calls = this.dropped = this.began = 0;
    this.#seats = this.#most = 0;
    this.#latency = this.#base = this.#latency2 = this.#base2 = this.#cross = this.#doubt = this.#usual = 0;
  }

  begin(inFlight: number): void {
    this.began++;
    this.#seats += inFlight;
    if (inFlight > this.#most) this.#most = inFlight;
  }

  add(latency: number, baseline: Baseline): void {
    const base = baseline.mean;
    this.calls++;
    this.#latency += latency;
    this.#base += base;
    this.#latency2 += latency * latency;
    this.#base2 += base * base;
    this.#cross += latency * base;
    this.#doubt += baseline.error;
    this.#usual += baseline.variance;
  }

  /** Relative standard error so far, that of the baselines left out. */
  get noise(): number {
    return this.#latency === 0 ? Infinity : Math.sqrt(this.#residue(this.#latency / this.#base)) / this.#latency;
  }

  read(now: number): Reading {
    const { calls, dropped } = this;
    const slowdown = calls === 0 ? 1 : this.#latency / this.#base;
    const own = calls === 0 ? 0 : Math.sqrt(this.#residue(slowdown)) / this.#base;
    const error = calls === 0 ? 0 : Math.hypot(own, (slowdown * this.#doubt) / this.#base);
    const mean = this.began === 0 ? 0 : this.#seats / this.began;
    const inside = this.#latency / Math.max(1, now - this.since);
    if (mean > 0 && calls > 0) {
      this.#bodies += WEIGHT * (Math.max(0, 1 - inside / mean) - this.#bodies);
    }
    const bodies = this.#bodies > BODIES ? this.#bodies : 0;
    const used = mean * (bodies + (1 - bodies) / slowdown);
    return {
      calls,
      slowdown,
      error,
      mean,
      most: this.#most,
      used,
      latency: calls === 0 ? 0 : this.#latency / calls,
      dropped,
    };
  }

  /** Sum of squares of what the slowdown does not explain, at least what is usual. */
  #residue(slowdown: number): number {
    return Math.max(this.#usual, this.#latency2 - 2 * slowdown * this.#cross + slowdown * slowdown * this.#base2);
  }
}
