import type { Entry } from "../../../src/cache/entry.ts";
import { Backplane } from "../../../src/cache/tags/backplane.ts";
import { Ledger } from "../../../src/cache/tags/ledger.ts";
import { createRedisLog } from "../../../src/cache/tags/redis-log.ts";
import { steadyTime } from "../../../src/cache/time.ts";
import { createRedis } from "../../../src/cluster/redis.ts";
import { redisSettings } from "../../../src/cluster/settings.ts";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import { createEventBus, type BackplaneTold } from "../../../src/core/events.ts";
import { entryOf } from "../../support/tier-suite.ts";
import { until } from "../../support/wait.ts";

/** One instance's end of the log, over connections of its own. */
export interface Instance extends AsyncDisposable {
  readonly ledger: Ledger;
  readonly backplane: Backplane;
  readonly told: BackplaneTold[];
  /** An entry whose load begins now. */
  load(name: string): Entry;
}

/** `deadline`: milliseconds of a call; a busy machine is no reason to make it again. */
export async function openInstance(
  input: object,
  lease = 5000,
  clock: Clock = systemClock,
  deadline = 5000,
): Promise<Instance> {
  const instance = beginInstance(input, lease, clock, deadline);
  await inStep(instance);
  return instance;
}

export function beginInstance(input: object, lease = 5000, clock: Clock = systemClock, deadline = 5000): Instance {
  const id = `instance-${Math.random()}`;
  const bus = createEventBus(id);
  const told: BackplaneTold[] = [];
  const unsubscribe = bus.subscribe("spillway:backplane", (event) => void told.push(event));
  const settings = redisSettings.parse(input)!;
  const redis = createRedis(settings, { clock, random: () => 0.5, bus });
  const ledger = new Ledger();
  const log = createRedisLog(redis.link("purges", deadline), settings.prefix, id);
  const time = steadyTime(clock);
  const backplane = new Backplane({ ledger, log, clock, time, bus, lease });
  return {
    ledger,
    backplane,
    told,
    load: (name) => ({
      ...entryOf(name),
      url: `http://shop.example/${name}`,
      tags: ["products", `product:${name}`],
      position: ledger.position,
      head: { status: 200, headers: [], initialAge: 0, receivedAt: time.now() },
      buildMs: 0,
    }),
    async [Symbol.asyncDispose]() {
      await backplane.close();
      await redis.close();
      unsubscribe();
    },
  };
}

export const inStep = ({ backplane }: Instance, timeoutMs = 30_000): Promise<boolean> =>
  until(() => backplane.status().state === "in-step", { timeoutMs, what: "the instance is in step" });
