/** Routes with a baseline of their own; all further ones share one. */
export const MOST_ROUTES = 64;
const OTHER = "_other";

/** A baseline forgets as if it were the mean of so many calls at most. */
const MEMORY = 400;
/** Calls that a baseline counts as once it was only scaled. */
const SCALED = 20;
/** Calls of a batch from which on it can overrule what was known, and standard errors that it has to be away for that. */
const FEWEST = 5;
const SURE = 3;
/**
 * Milliseconds, and times the fastest route. A route whose calls take longer even when nothing waits (a median of about
 * 2 s: long polls) tells nothing of load beside others.
 */
const LONG = 3000;
const LONGER = 10;

/** What calls of one route take while nothing waits inside the dependency. */
export class Baseline {
  /** Milliseconds; NaN while unknown. */
  mean = Number.NaN;
  #variance = 0;
  #calls = 0;
  /** Taken while calls may have waited: the first batch replaces it. */
  #guessed = true;
  /** Calls of a drain. */
  readonly drained = new Batch();
  /** Calls of the present window, whatever they met. */
  readonly window = new Batch();

  get known(): boolean {
    return this.#calls > 0;
  }

  /** Variance of one call, milliseconds squared. */
  get variance(): number {
    return this.#calls < 2 ? this.mean * this.mean : this.#variance;
  }

  /** Standard error of the mean, milliseconds. */
  get error(): number {
    return Math.sqrt(this.variance / Math.max(1, this.#calls));
  }

  /** A call that met nobody waiting. */
  learn(latency: number): void {
    if (this.#guessed) {
      this.#guessed = false;
      this.#calls = 0;
    }
    this.#add(latency);
  }

  /** A first idea from a call that met others waiting, who made it so many times slower. */
  guess(latency: number, slowdown: number): void {
    if (this.#guessed) this.#add(latency / slowdown);
  }

  /**
   * Takes in what a drain measured. What was known counts the less the less likely both are true, so that several drains
   * that say the same are soon believed, and nothing once it cannot be.
   */
  settle(): void {
    const { calls, mean, variance } = this.drained;
    this.drained.clear();
    if (calls === 0) return;
    const spread = Math.max(variance, this.#variance);
    const off = Math.abs(mean - this.mean);
    const away = off > 0 ? off / Math.sqrt(spread / calls + spread / Math.max(1, this.#calls)) : 0;
    const doubted = this.#guessed || (calls >= FEWEST && away > SURE);
    const old = doubted ? 0 : this.#calls / (1 + away ** 4 / 4);
    const weight = calls / (old + calls);
    this.mean = old === 0 ? mean : this.mean + (mean - this.mean) * weight;
    this.#variance = old === 0 ? variance : this.#variance + (variance - this.#variance) * weight;
    this.#calls = Math.min(MEMORY, old + calls);
    this.#guessed = false;
  }

  /** Calls were so many times faster than it, with others waiting: what it is now is a guess. */
  scale(factor: number): void {
    this.mean *= factor;
    this.#variance *= factor * factor;
    this.#calls = Math.min(this.#calls, SCALED);
  }

  #add(latency: number): void {
    this.#calls = Math.min(MEMORY, this.#calls + 1);
    if (this.#calls === 1) {
      this.mean = latency;
      this.#variance = 0;
      return;
    }
    const weight = 1 / this.#calls;
    const off = latency - this.mean;
    this.mean += off * weight;
    this.#variance = (1 - weight) * (this.#variance + weight * off * off);
  }
}

/** Mean and variance of latencies that are judged together. */
export class Batch {
  calls = 0;
  #sum = 0;
  #squares = 0;

  get sum(): number {
    return this.#sum;
  }

  get squares(): number {
    return this.#squares;
  }

  get mean(): number {
    return this.#sum / this.calls;
  }

  get variance(): number {
    const { mean } = this;
    return this.calls < 2 ? mean * mean : Math.max(0, this.#squares - this.calls * mean * mean) / (this.calls - 1);
  }

  add(latency: number): void {
    this.calls++;
    this.#sum += latency;
    this.#squares += latency * latency;
  }

  clear(): void {
    this.calls = this.#sum = this.#squares = 0;
  }
}

/** Baselines by route, bounded in number whatever the routes are called. */
export class Baselines {
  readonly #routes = new Map<string, Baseline>();

  get size(): number {
    return this.#routes.size;
  }

  of(route: string): Baseline {
    return this.#routes.get(route) ?? this.#first(route);
  }

  all(): Iterable<Baseline> {
    return this.#routes.values();
  }

  /** Whether calls of that route are waited for too long to tell of load. */
  long(baseline: Baseline): boolean {
    if (!(baseline.mean > LONG)) return false;
    for (const { mean } of this.#routes.values()) if (mean * LONGER < baseline.mean) return true;
    return false;
  }

  #first(route: string): Baseline {
    const name = this.#routes.size < MOST_ROUTES ? route : OTHER;
    let baseline = this.#routes.get(name);
    if (!baseline) this.#routes.set(name, (baseline = new Baseline()));
    return baseline;
  }
}
