import { createRedis } from "../../src/cluster/redis.ts";
import { redisSettings, type RedisSettings } from "../../src/cluster/settings.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createEventBus, type RedisChanged } from "../../src/core/events.ts";
import type { Redis, RedisLink } from "../../src/core/redis.ts";
import { until } from "./wait.ts";

/** A way to Redis in this process, with what it told. */
export type Linked = AsyncDisposable & {
  readonly redis: Redis;
  readonly link: RedisLink;
  readonly events: RedisChanged[];
};

/** `input` as under the key `redis`; not up yet. `deadline`: milliseconds; `ca`: PEM. */
export function linkTo(input: object, deadline = 1000, ca?: string): Linked {
  const bus = createEventBus(`link-${Math.random()}`);
  const events: RedisChanged[] = [];
  const unsubscribe = bus.subscribe("spillway:redis", (event) => void events.push(event));
  const settings = redisSettings.parse(input) as RedisSettings;
  const redis = createRedis(settings, { clock: systemClock, random: () => 0.5, bus, ca });
  const link = redis.link("test", deadline);
  return {
    redis,
    link,
    events,
    async [Symbol.asyncDispose]() {
      await redis.close();
      unsubscribe();
    },
  };
}

/** Waits until a link is connected. */
export const linkUp = (link: RedisLink, timeoutMs = 30_000): Promise<boolean> =>
  until(() => link.state() === "up", { timeoutMs, what: "the link is up" });
