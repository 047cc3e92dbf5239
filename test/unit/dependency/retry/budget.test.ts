import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { RetryBudget } from "../../../../src/dependency/retry/budget.ts";

/** What happens to a budget: requests begin and end, further tries are asked for and end, time passes. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.constant("begin" as const) },
  { weight: 8, arbitrary: fc.constant("take" as const) },
  { weight: 4, arbitrary: fc.constant("end" as const) },
  { weight: 4, arbitrary: fc.constant("give" as const) },
  { weight: 2, arbitrary: fc.nat({ max: 12_000 }) },
);
const script = fc.array(step, { maxLength: 1500 });

/** All that a budget is, from the times of all that happened. */
class Reference {
  readonly #share: number;
  readonly #begun: number[] = [];
  inFlight = 0;
  retrying = 0;
  /** In thousandths. */
  tokens = 3000;

  constructor(share: number) {
    this.#share = share;
  }

  #most(now: number): number {
    const second = Math.floor(now / 1000);
    const recent = this.#begun.filter((at) => Math.floor(at / 1000) > second - 10).length;
    return Math.max(3000, Math.round(this.#share * 500) * recent);
  }

  begin(now: number): void {
    this.#begun.push(now);
    this.inFlight++;
    this.tokens = Math.min(this.tokens + Math.round(this.#share * 500), this.#most(now));
  }

  take(now: number): boolean {
    this.tokens = Math.min(this.tokens, this.#most(now));
    const may = this.tokens >= 1000 && this.retrying < Math.max(3, Math.floor(this.#share * this.inFlight));
    if (may) this.tokens -= 1000;
    if (may) this.retrying++;
    return may;
  }
}

suite("the budget of further tries", () => {
  test("is what a slow reference says, whatever happens", () => {
    fc.assert(
      fc.property(script, fc.constantFrom(0.1, 0.2, 0.5, 1), (steps, share) => {
        const budget = new RetryBudget(share);
        const reference = new Reference(share);
        let now = 5_000_000;
        for (const one of steps) {
          if (typeof one === "number") now += one;
          else if (one === "begin") {
            budget.begin(now);
            reference.begin(now);
          } else if (one === "take") assert.equal(budget.take(now, 1), reference.take(now));
          else if (one === "end" && reference.inFlight > 0) {
            budget.end();
            reference.inFlight--;
          } else if (one === "give" && reference.retrying > 0) {
            budget.give();
            reference.retrying--;
          }
        }
        const { inFlight, retrying, tokens } = budget.read(now);
        assert.deepEqual([inFlight, retrying], [reference.inFlight, reference.retrying]);
        assert.ok(tokens * 1000 <= reference.tokens);
      }),
    );
  });

  test("whatever fails and whenever: at most 3 and a tenth of the requests are tried again, 1.2 times the load from 30 requests on", () => {
    fc.assert(
      fc.property(script, (steps) => {
        const budget = new RetryBudget(0.2);
        let now = 0;
        let requests = 0;
        let retries = 0;
        let retrying = 0;
        for (const one of steps) {
          if (typeof one === "number") now += one;
          else if (one === "begin") {
            requests++;
            budget.begin(now);
          } else if (one === "take" && budget.take(now, 1)) {
            retries++;
            retrying++;
          } else if (one === "give" && retrying > 0) {
            retrying--;
            budget.give();
          }
          assert.ok(retries <= 3 + requests / 10);
          if (requests >= 30) assert.ok((requests + retries) / requests <= 1.2);
        }
      }),
    );
  });

  test("an outage of 10 s behind any time of steady traffic: at most 1.2 times the load in those 10 s", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 200 }), fc.integer({ min: 0, max: 60 }), (rate, before) => {
        const budget = new RetryBudget(0.2);
        const second = (at: number, failing: boolean): number => {
          let retries = 0;
          for (let i = 0; i < rate; i++) {
            const now = at * 1000 + (i * 1000) / rate;
            budget.begin(now);
            if (failing && budget.take(now, 1)) {
              retries++;
              budget.give();
            }
            budget.end();
          }
          return retries;
        };
        for (let at = 0; at < before; at++) second(at, false);
        let retries = 0;
        for (let at = before; at < before + 10; at++) retries += second(at, true);
        assert.ok(retries <= 0.2 * rate * 10, `${retries} retries of ${rate * 10} requests`);
      }),
      { numRuns: 50 },
    );
  });

  test("at a time it gives a fifth of the requests in flight, and 3 where there are few", () => {
    const budget = new RetryBudget(0.2);
    for (let i = 0; i < 100; i++) budget.begin(0);
    for (let i = 0; i < 95; i++) budget.end();
    for (let i = 0; i < 3; i++) assert.equal(budget.take(0, 1), true);
    assert.equal(budget.take(0, 1), false);
    assert.deepEqual(budget.read(0), { inFlight: 5, retrying: 3, allowed: 3, tokens: 7, most: 10 });
    for (let i = 0; i < 15; i++) budget.begin(0);
    assert.deepEqual([budget.take(0, 1), budget.take(0, 1)], [true, false]);
  });

  test("what was saved up is lost 10 s after the requests that brought it, but 3", () => {
    const budget = new RetryBudget(0.2);
    for (let i = 0; i < 1000; i++) budget.begin(500);
    assert.equal(budget.read(9999).tokens, 100);
    assert.equal(budget.read(10_000).tokens, 3);
  });

  test("for twice the price there is half of it", () => {
    const budget = new RetryBudget(0.2);
    for (let i = 0; i < 1000; i++) budget.begin(0);
    let half = 0;
    while (budget.take(0, 2)) {
      half++;
      budget.give();
    }
    assert.equal(half, 50);
  });
});
