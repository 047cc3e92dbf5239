/** Routes with a baseline of their own; all further ones share one. */
export const MOST_ROUTES = 64;
const OTHER = "_other";

/** A baseline forgets as if it were the mean of so many calls at most. */
const MEMORY = 200;
/** Calls of a batch from which on it can overrule what was known, ... */
const FEWEST = 5;
/** ... standard errors that it has to be away for that, and share of the old value. */
const SURE = 3;
const MOVED = 0.1;
/** Milliseconds. A route whose calls take longer even when nothing waits (a median of about 2 s) tells nothing of load. */
const LONG = 3000;

/** What calls of one route take while nothing waits inside the dependency. */
export class Baseline {
  /** Milliseconds; NaN while unknown. */
  mean = Number.NaN;
  #variance = 0;
  #calls = 0;
  /** Taken while calls waited: the first ones measured properly replace it. */
  #guessed = true;
  readonly batch = new Batch();

  get known(): boolean {
    return this.#calls > 0;
  }

  get long(): boolean {
    return this.mean > LONG;
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
    if (this.#guessed) this.#forget();
    this.#add(latency);
  }

  /** A first idea from a call that met others waiting, who made it so many times slower. */
  guess(latency: number, slowdown: number): void {
    if (this.#guessed) this.#add(latency / slowdown);
  }

  /** Takes in the batch. Says by what factor the baseline moved, if the batch overruled it. */
  settle(): number {
    const { calls, mean, variance } = this.batch;
    this.batch.clear();
    if (calls === 0) return 1;
    const before = this.mean;
    const spread = Math.max(variance, this.#variance);
    const error = Math.sqrt(spread / calls + spread / Math.max(1, this.#calls));
    const away = Math.abs(mean - before);
    const overrule = calls >= FEWEST && away > SURE * error && away > MOVED * before;
    if (this.#guessed || overrule) {
      this.#set(mean, variance, calls);
      return before > 0 ? mean / before : 1;
    }
    const all = this.#calls + calls;
    this.mean += (away * Math.sign(mean - before) * calls) / all;
    this.#variance += ((variance - this.#variance) * calls) / all;
    this.#calls = Math.min(MEMORY, all);
    return 1;
  }

  /** It is at most that: calls were this fast with others waiting. */
  lower(latency: number): void {
    this.#set(latency, this.#variance * (latency / this.mean) ** 2, FEWEST);
    this.#guessed = true;
  }

  #forget(): void {
    this.#guessed = false;
    this.#calls = 0;
    this.#variance = 0;
    this.mean = Number.NaN;
  }

  #set(mean: number, variance: number, calls: number): void {
    this.#guessed = false;
    this.mean = mean;
    this.#variance = variance;
    this.#calls = Math.min(MEMORY, calls);
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

  #first(route: string): Baseline {
    const name = this.#routes.size < MOST_ROUTES ? route : OTHER;
    let baseline = this.#routes.get(name);
    if (!baseline) this.#routes.set(name, (baseline = new Baseline()));
    return baseline;
  }
}
