import type { Counter, Quantity } from "../../src/limits/counter.ts";
import { FleetCounter } from "../../src/limits/fleet-counter.ts";
import { Fleet } from "../../src/limits/fleet.ts";
import { KeyHash } from "../../src/limits/key-hash.ts";
import { createMemoryCounter } from "../../src/limits/memory-counter.ts";
import { createRedisStore } from "../../src/limits/redis-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Rule } from "../../src/limits/settings.ts";
import { ManualClock } from "./manual-clock.ts";
import type { RedisServer } from "./redis.ts";
import { linkTo } from "./redis-link.ts";
import { until } from "./wait.ts";

/** One process that counts in Redis. Its own clock stands still unless `pass` moves it, and Redis with it. */
export interface FleetRig extends AsyncDisposable {
  readonly counter: Counter;
  readonly fleet: Fleet;
  /** Makes counters in Redis older, by so many milliseconds. */
  pass(ms: number): Promise<void>;
}

/** Windows end earlier, buckets have been refilled for longer. */
const AGE = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':quota:*')) do
  local left = redis.call('PTTL', key)
  if not string.find(key, ':processes', 1, true) then
    if left <= tonumber(ARGV[2]) then redis.call('DEL', key)
    else
      if string.find(key, ':bucket:', 1, true) then
        redis.call('SET', key, string.format('%.2f', redis.call('GET', key) - ARGV[2] * 1000))
      end
      redis.call('PEXPIRE', key, left - ARGV[2])
    end
  end
end`;

export async function openFleetRig(
  server: RedisServer,
  quantity: Quantity,
  rule: Partial<Pick<Rule, "exact" | "fail" | "keys">> = {},
): Promise<FleetRig> {
  const linked = linkTo({ url: server.url }, 5000);
  const prefix = "test";
  const fleet = new Fleet({
    clock: systemClock,
    redis: linked.redis,
    prefix,
    deadline: 5000,
    secret: undefined,
    processes: 1,
  });
  const clock = new ManualClock();
  const hash = new KeyHash(3, 4);
  const keys = 1024;
  const local = createMemoryCounter(quantity, { clock, hash, keys, share: () => fleet.processes });
  const store = createRedisStore("rule", quantity, fleet);
  const full = { exact: false, fail: "local", keys, ...rule } as const;
  await until(() => fleet.found, { what: "the fleet is found" });
  return {
    counter: new FleetCounter({ clock, hash, fleet, store, local, quantity, rule: full }),
    fleet,
    async pass(ms) {
      await linked.link.call("EVAL", AGE, 0, prefix, Math.ceil(ms));
      clock.advance(Math.ceil(ms));
    },
    async [Symbol.asyncDispose]() {
      await fleet.close();
      await linked[Symbol.asyncDispose]();
    },
  };
}
