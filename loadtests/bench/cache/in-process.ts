import { randomUUID } from "node:crypto";
import { wholeBody } from "../../../src/core/body.ts";
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { cachePartsOf } from "../../../src/cache/route.ts";
import { cacheSettings, routeCacheSettings } from "../../../src/cache/settings.ts";
import { createCacheStage } from "../../../src/cache/stage.ts";
import { createStore } from "../../../src/cache/store.ts";
import { endedExchange } from "../../../test/support/ended-exchange.ts";
import { median, quantile } from "../statistics.ts";

const KEYS = 10_000;
const HITS = 200_000;

/**
 * Microseconds of a fresh hit without sockets: the whole stage, from the exchange to its outcome, one after the other, of
 * 10,000 keys in turn. Each is timed by itself, so a collection of garbage is in the one it falls into.
 */
export async function inProcessHits(size: number): Promise<{ p50: number; p99: number; p999: number }> {
  const store = createStore(cacheSettings.parse({ memory: "256MiB" }), {
    clock: systemClock,
    random: systemRandom,
    bus: createEventBus(randomUUID()),
  });
  const settings = routeCacheSettings.parse({ ttl: "1h", refreshAhead: false });
  const parts = cachePartsOf({ settings, name: "bench", dependency: undefined, store, clock: systemClock })!;
  const body = Buffer.alloc(size, "x");
  const handler = createCacheStage(parts)(async () => ({
    kind: "served",
    status: 200,
    headers: ["Content-Length", String(size)],
    body: wholeBody(body),
    by: "dependency",
  }));
  const { exchange } = endedExchange();
  const exchanges = Array.from({ length: KEYS }, (_, at): Exchange => ({
    ...exchange,
    headers: ["Accept", "*/*"],
    path: `/${at}`,
    target: `/${at}`,
  }));
  const once = async (one: Exchange, expected: "hit" | "miss"): Promise<number> => {
    const startedAt = process.hrtime.bigint();
    const outcome = await handler(one);
    const took = Number(process.hrtime.bigint() - startedAt) / 1000;
    if (outcome.kind !== "served" || outcome.cache?.result !== expected) throw new Error(`no ${expected}`);
    if (expected === "miss")
      await new Promise<void>((done) =>
        outcome.body.pipe({ write: () => true, end: () => done(), fail: () => done() }),
      );
    return took;
  };
  for (const one of exchanges) await once(one, "miss");
  for (const one of exchanges) await once(one, "hit");
  const times: number[] = [];
  for (let i = 0; i < HITS; i++) times.push(await once(exchanges[i % KEYS]!, "hit"));
  await store.close();
  return { p50: median(times), p99: quantile(times, 0.99), p999: quantile(times, 0.999) };
}
