import type { Clock } from "../../core/clock.ts";
import { RETRY_RESULTS, type RetryReading, type RetryResult } from "../../core/dependency-reading.ts";
import { RetryBudget } from "./budget.ts";
import type { RetrySettings } from "./settings.ts";

/** What the further tries of all routes to one dependency share. */
export class Retry {
  readonly settings: RetrySettings;
  readonly budget: RetryBudget;
  readonly statuses: ReadonlySet<number>;
  readonly #results = new Map<RetryResult, number>(RETRY_RESULTS.map((result) => [result, 0]));

  constructor(settings: RetrySettings) {
    this.settings = settings;
    this.budget = new RetryBudget(settings.budget);
    this.statuses = new Set(settings.statuses);
  }

  count(result: RetryResult): void {
    this.#results.set(result, this.#results.get(result)! + 1);
  }

  read(clock: Clock): RetryReading {
    return {
      ...this.budget.read(clock.now()),
      results: [...this.#results].map(([result, count]) => ({ result, count })),
    };
  }
}
