/**
 * What the stage of further tries costs a healthy request: `node loadtests/micro/retry.ts`. Turns with and without it, one
 * after the other; the figure is the median of the differences.
 */
import { wholeBody } from "../../src/core/body.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { Handler } from "../../src/core/stage.ts";
import { Retry } from "../../src/dependency/retry/retry.ts";
import { retrySettings } from "../../src/dependency/retry/settings.ts";
import { createRetryStage } from "../../src/dependency/retry/stage.ts";
import { endedExchange } from "../../test/support/ended-exchange.ts";

const REQUESTS = 200_000;
const ROUNDS = 21;
const settings = retrySettings.parse({});
if (settings === "off") throw new Error("the default is on");
const { exchange } = endedExchange();
const answer: Outcome = {
  kind: "served",
  status: 200,
  headers: [],
  body: wholeBody(Buffer.alloc(0)),
  by: "dependency",
};
const bare: Handler = () => new Promise((resolve) => resolve(answer));
const staged = createRetryStage({
  retry: new Retry(settings),
  total: 4000,
  hold: { enter() {}, leave() {}, over: false },
  clock: systemClock,
  random: () => 0.5,
  level: () => 0,
})(bare);

async function microsecondsOf(handler: Handler): Promise<number> {
  const begun = performance.now();
  for (let i = 0; i < REQUESTS; i++) await handler(exchange);
  return ((performance.now() - begun) * 1000) / REQUESTS;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const differences: number[] = [];
const without: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const before = await microsecondsOf(bare);
  without.push(before);
  differences.push((await microsecondsOf(staged)) - before);
}
const text = (us: number): string => `${us.toFixed(3)} us`;
process.stdout.write(`bare ${text(median(without))}, the stage ${text(median(differences))} more a request\n`);
