import type { Baseline, Baselines } from "./baseline.ts";

/** Share of the seats held behind a head that is taken for real; below, it is noise. */
const BODIES = 0.15;
/** Weight of a new window in that share. */
const WEIGHT = 0.3;
/** Calls that began in a window and those that ended in it are as many, but for so many: then neither kind is rare among them. */
const STEADY = 0.1;

/** What a window of calls says about the dependency. */
export interface Reading {
  /** Calls that had a baseline. */
  readonly calls: number;
  readonly dropped: number;
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
  /** As many calls ended as began: while the load grows those that end are the short ones. */
  readonly steady: boolean;
}

/** Sums over the calls of one window. */
export class Load {
  readonly #baselines: Baselines;
  #since = 0;
  #calls = 0;
  #latency = 0;
  #dropped = 0;
  #began = 0;
  #seats = 0;
  #most = 0;
  #bodies = 0;

  constructor(baselines: Baselines) {
    this.#baselines = baselines;
  }

  get since(): number {
    return this.#since;
  }

  /** Calls that ended. */
  get calls(): number {
    return this.#calls + this.#dropped;
  }

  /** Mean milliseconds to the head so far. */
  get latency(): number {
    return this.#calls === 0 ? 0 : this.#latency / this.#calls;
  }

  start(now: number): void {
    this.#since = now;
    this.#calls = this.#latency = this.#dropped = this.#began = this.#seats = this.#most = 0;
    for (const { window } of this.#baselines.all()) window.clear();
  }

  began(inFlight: number): void {
    this.#began++;
    this.#seats += inFlight;
    if (inFlight > this.#most) this.#most = inFlight;
  }

  ended(latency: number, baseline: Baseline): void {
    if (this.#baselines.long(baseline)) return;
    this.#calls++;
    this.#latency += latency;
    baseline.window.add(latency);
  }

  dropped(): void {
    this.#dropped++;
  }

  read(now: number): Reading {
    const { slowdown, error, doubt, base } = this.#slowdown();
    const mean = this.#began === 0 ? 0 : this.#seats / this.#began;
    const inside = this.#latency / Math.max(1, now - this.#since);
    if (mean > 0 && base > 0) this.#bodies += WEIGHT * (Math.max(0, 1 - inside / mean) - this.#bodies);
    const bodies = this.#bodies > BODIES ? this.#bodies : 0;
    const likely = Math.min(slowdown, Math.max(1, slowdown - doubt));
    return {
      calls: base > 0 ? this.#calls : 0,
      dropped: this.#dropped,
      slowdown,
      error,
      mean,
      most: this.#most,
      used: mean * (bodies + (1 - bodies) / likely),
      latency: this.latency,
      steady: Math.abs(this.#began - this.calls) <= STEADY * this.calls,
    };
  }

  /** `doubt` is what the error has of the baselines: it stays the same from window to window. */
  #slowdown(): { readonly slowdown: number; readonly error: number; readonly doubt: number; readonly base: number } {
    let latency = 0;
    let base = 0;
    let doubt = 0;
    let usual = 0;
    for (const { window, known, mean, error, variance } of this.#baselines.all()) {
      if (window.calls === 0 || !known) continue;
      latency += window.sum;
      base += window.calls * mean;
      doubt += window.calls * error;
      usual += window.calls * variance;
    }
    if (!(base > 0)) return { slowdown: 1, error: 0, doubt: 0, base: 0 };
    const slowdown = latency / base;
    let residue = 0;
    for (const { window, known, mean } of this.#baselines.all()) {
      if (window.calls === 0 || !known) continue;
      const expected = slowdown * mean;
      residue += window.squares - 2 * expected * window.sum + window.calls * expected * expected;
    }
    const own = Math.sqrt(Math.max(residue, usual)) / base;
    const shared = (slowdown * doubt) / base;
    return { slowdown, error: Math.hypot(own, shared), doubt: shared, base };
  }
}
