/**
 * What client quotas cost a request, beside the memory limiter of rate-limiter-flexible, and the octets that a million
 * clients take: `node --expose-gc loadtests/micro/quota.ts`. Speed is measured in turns, several rounds, the best counts.
 */
import { RateLimiterMemory } from "rate-limiter-flexible";
import { wholeBody } from "../../src/core/body.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createEventBus } from "../../src/core/events.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { Handler } from "../../src/core/stage.ts";
import { createQuotas } from "../../src/limits/quotas.ts";
import { routeRateLimitSettings } from "../../src/limits/settings.ts";
import { endedExchange } from "../../test/support/ended-exchange.ts";

const print = (what: string, figure: string): void => void process.stdout.write(`${what.padEnd(44)}${figure}\n`);
const bus = createEventBus("bench");
const { exchange } = endedExchange();
const from = (address: string) => ({ ...exchange, client: { address, trusted: false } });
const headers = Array.from({ length: 10 }, (_, at) => [`x-field-${at}`, "its value"]).flat();
const answer = (): Outcome => ({ kind: "served", status: 200, headers, body: wholeBody(Buffer.alloc(0)), by: "cache" });

function quotaOf(rateLimit: object) {
  const route = { name: "all", rateLimit: routeRateLimitSettings.parse(rateLimit) };
  const quotas = createQuotas([route], {}, undefined, { clock: systemClock, bus });
  return { quotas, handler: quotas.stage("all")!(answer) };
}

const CLIENTS = 4096;
const v4 = Array.from({ length: CLIENTS }, (_, at) => from(`10.0.${at >> 8}.${at & 255}`));
const v6 = Array.from({ length: CLIENTS }, (_, at) => from(`2001:db8:${at.toString(16)}::1`));
const enough = { limit: 1_000_000_000, window: "1h" };
const many = new RateLimiterMemory({ points: enough.limit, duration: 3600 });

const runOf =
  (handler: Handler, exchanges = v4) =>
  async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      const outcome = handler(exchanges[at % CLIENTS]!) as Outcome;
      if (outcome.kind === "served") outcome.body.takeWhole();
    }
  };
const runs: Readonly<Record<string, (count: number) => Promise<void>>> = {
  "no quota": runOf(answer),
  "fixed window": runOf(quotaOf(enough).handler),
  "fixed window, IPv6": runOf(quotaOf(enough).handler, v6),
  "fixed window, headers: false": runOf(quotaOf({ ...enough, headers: false }).handler),
  "token bucket": runOf(quotaOf({ ...enough, algorithm: "token-bucket" }).handler),
  concurrent: runOf(quotaOf({ concurrent: 1000, headers: false }).handler),
  refused: runOf(quotaOf({ limit: 1, window: "1h" }).handler),
  "rate-limiter-flexible, the count alone": async (count) => {
    for (let at = 0; at < count; at++) await many.consume(v4[at % CLIENTS]!.client.address);
  },
};

const REQUESTS = 200_000;
const best = new Map<string, number>();
for (let round = 0; round < 7; round++) {
  for (const [name, run] of Object.entries(runs)) {
    const start = process.hrtime.bigint();
    await run(REQUESTS);
    const us = Number(process.hrtime.bigint() - start) / 1000 / REQUESTS;
    best.set(name, Math.min(us, best.get(name) ?? Number.POSITIVE_INFINITY));
  }
}
for (const [name, us] of best) print(name, `${us.toFixed(2)} us a request`);

const CROWD = 1_000_000;
const addressOf = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;

/** What was made stays, so that its memory can be read. */
const kept: unknown[] = [];

/** MiB that `run` takes with what it returns. */
async function grown(run: () => Promise<unknown>): Promise<string> {
  const used = (): number => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  kept.push(await run());
  return `${((used() - before) / 2 ** 20).toFixed(1)} MiB`;
}

for (const keys of [131_072, CROWD]) {
  const memory = await grown(async () => {
    const { quotas, handler } = quotaOf({ limit: 100, window: "1h", keys });
    for (let at = 0; at < CROWD; at++) void handler(from(addressOf(at)));
    return quotas;
  });
  print(`a million clients, keys: ${keys}`, memory);
}
const flexible = await grown(async () => {
  const limiter = new RateLimiterMemory({ points: 100, duration: 3600 });
  for (let at = 0; at < CROWD; at++) await limiter.consume(addressOf(at));
  return limiter;
});
print("a million clients, rate-limiter-flexible", flexible);
process.exit(0);
