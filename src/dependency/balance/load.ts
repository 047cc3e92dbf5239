/** Milliseconds in which what was seen loses all but 1/e of its weight. */
const TAU = 10_000;
/** Milliseconds: a latency never decays to nothing, so that requests in flight keep telling targets apart. */
const LEAST = 0.1;

/**
 * What one target is doing: requests in flight, latency as a peak-sensitive moving average (Finagle's peak EWMA: a slower
 * answer counts at once, a faster one by and by, and silence heals), and failures among its recent answers.
 */
export class TargetLoad {
  inFlight = 0;
  /** Failures since the last success. */
  streak = 0;
  #latency = 0;
  #calls = 0;
  #failures = 0;
  #at = 0;

  /** Milliseconds; 0: nothing is known. */
  latency(now: number): number {
    return this.#latency === 0 ? 0 : Math.max(LEAST, this.#latency * Math.exp((this.#at - now) / TAU));
  }

  succeeded(ms: number, now: number): void {
    this.#observe(ms, 0, now);
    this.streak = 0;
  }

  /** A target that fails fast must not look fast: a failure counts as twice what is usual. */
  failed(ms: number, now: number): void {
    this.#observe(Math.max(ms, 2 * this.#latency), 1, now);
    this.streak++;
  }

  /** Nobody waited any longer for its answer: slow, if not known to be slower, and no failure. */
  late(ms: number, now: number): void {
    if (ms > this.latency(now)) this.#observe(ms, 0, now);
  }

  /** Answers of the last ten seconds or so, and how many of them were failures: decayed, so no whole numbers. */
  recent(now: number): { readonly calls: number; readonly failures: number } {
    const kept = Math.exp((this.#at - now) / TAU);
    return { calls: this.#calls * kept, failures: this.#failures * kept };
  }

  /** Nothing is known of it any more but what is in flight. */
  forget(): void {
    this.#latency = this.#calls = this.#failures = this.streak = 0;
  }

  #observe(ms: number, failures: number, now: number): void {
    const kept = Math.exp((this.#at - now) / TAU);
    const latency = this.#latency * kept;
    this.#latency = Math.max(LEAST, this.#latency === 0 || ms > latency ? ms : latency + ms * (1 - kept));
    this.#calls = this.#calls * kept + 1;
    this.#failures = this.#failures * kept + failures;
    this.#at = now;
  }
}

/**
 * What a request costs on the target that weights drew. `share`: of the traffic, 1 is a fair one. One of little share is
 * not given up for the one request that it has.
 */
export function costOf(load: TargetLoad, share: number, now: number): number {
  const { inFlight } = load;
  return usual(load, now) * (1 + (share < 1 && inFlight <= 1 ? inFlight : inFlight / share));
}

/** What it costs on the other one: one of little share would have too much with this one more. */
export function costInstead(load: TargetLoad, share: number, now: number): number {
  const { inFlight } = load;
  return usual(load, now) * (share < 1 ? (inFlight + 1) / share : 1 + inFlight / share);
}

/** Milliseconds. Where nothing is known one request finds out. */
function usual(load: TargetLoad, now: number): number {
  const latency = load.latency(now);
  return latency > 0 ? latency : load.inFlight === 0 ? 0 : Infinity;
}
