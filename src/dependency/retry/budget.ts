/** Further tries that may be under way, and those that may be saved up, however few requests there are. */
const FLOOR = 3;
/** Parts of a further try that are counted: sums of whole numbers are exact. */
const WHOLE = 1000;
/** Seconds of traffic whose share can be saved up. */
const SECONDS = 10;

/** What is left of a budget. */
export interface BudgetReading {
  /** Requests that have no head of an answer yet, and those of them that are in a further try or wait for it. */
  readonly inFlight: number;
  readonly retrying: number;
  /** The most that `retrying` may be now. */
  readonly allowed: number;
  /** Further tries that are saved up, and the most that can be now. */
  readonly tokens: number;
  readonly most: number;
}

/**
 * How many further tries a dependency is sent beside its requests, by two bounds of which both hold. At a time: a share of
 * the requests in flight, as in Envoy's retry budgets. Over time: a bucket that gets half of that share with each request
 * and holds what 10 s of requests bring, so that further tries are never more than 3 and that part of all requests.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #perRequest: number;
  readonly #counts = new Float64Array(SECONDS);
  #second = 0;
  #recent = 0;
  #tokens = FLOOR * WHOLE;
  #inFlight = 0;
  #retrying = 0;

  /** `share` of requests in flight, 0 to 1. */
  constructor(share: number) {
    this.#share = share;
    this.#perRequest = Math.round((share / 2) * WHOLE);
  }

  /** A request begins, `now` in monotonic milliseconds. Each is ended once. */
  begin(now: number): void {
    this.#roll(now);
    this.#inFlight++;
    this.#recent++;
    this.#counts[this.#second % SECONDS]! += 1;
    this.#tokens = Math.min(this.#tokens + this.#perRequest, this.#most());
  }

  /** It has the head of its answer, or never will. */
  end(): void {
    this.#inFlight--;
  }

  /** Takes a further try, which is given back once; false: there is none. `price` 2: only half of the budget is for such. */
  take(now: number, price: 1 | 2): boolean {
    this.#roll(now);
    this.#tokens = Math.min(this.#tokens, this.#most());
    if (this.#tokens < price * WHOLE || this.#retrying >= this.#allowed(price)) return false;
    this.#tokens -= price * WHOLE;
    this.#retrying++;
    return true;
  }

  /** A further try is over, or was not made. */
  give(): void {
    this.#retrying--;
  }

  read(now: number): BudgetReading {
    this.#roll(now);
    const most = this.#most();
    return {
      inFlight: this.#inFlight,
      retrying: this.#retrying,
      allowed: this.#allowed(1),
      tokens: Math.min(this.#tokens, most) / WHOLE,
      most: most / WHOLE,
    };
  }

  #allowed(price: number): number {
    return Math.max(FLOOR, Math.floor((this.#share * this.#inFlight) / price));
  }

  #most(): number {
    return Math.max(FLOOR * WHOLE, this.#perRequest * this.#recent);
  }

  #roll(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    const passed = Math.min(second - this.#second, SECONDS);
    for (let i = 1; i <= passed; i++) {
      const at = (this.#second + i) % SECONDS;
      this.#recent -= this.#counts[at]!;
      this.#counts[at] = 0;
    }
    this.#second = second;
  }
}
