import assert from "node:assert/strict";
import { test } from "node:test";
import { onFailover } from "../../../../src/cache/warm/failover.ts";
import { Fleet } from "../../../../src/cache/warm/lease.ts";
import { startSchedule } from "../../../../src/cache/warm/schedule.ts";
import { createEventBus, type BackplaneStatus } from "../../../../src/core/events.ts";
import { RedisError, type RedisArgument, type RedisLink, type RedisReply } from "../../../../src/core/redis.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** Keys with an owner and an end, as far as leases use Redis. */
function strawRedis(clock: ManualClock) {
  const keys = new Map<string, { value: string; until: number }>();
  const state = { up: true };
  const alive = (key: string) => {
    const found = keys.get(key);
    if (found && found.until > clock.now()) return found;
    keys.delete(key);
    return undefined;
  };
  const reply = async (work: () => RedisReply): Promise<RedisReply> => {
    if (!state.up) throw new RedisError("down", "no connection");
    return work();
  };
  const link: RedisLink = {
    state: () => (state.up ? "up" : "down"),
    onState: () => () => {},
    call: (command, ...args: readonly RedisArgument[]) =>
      reply(() => {
        const key = String(args[0]);
        if (command === "GET") return alive(key) ? Buffer.from(alive(key)!.value) : null;
        if (alive(key)) return null;
        keys.set(key, { value: String(args[1]), until: clock.now() + Number(args[4]) });
        return Buffer.from("OK");
      }),
    script: ({ name }, [key], [owner, more, ms]) =>
      reply(() => {
        const found = alive(key!);
        if (!found || found.value !== owner) return 0;
        if (name === "renew lease") found.until = clock.now() + Number(more);
        else if (more === "") keys.delete(key!);
        else keys.set(key!, { value: String(more), until: clock.now() + Number(ms) });
        return 1;
      }),
    batch: async () => [],
    subscribe: () => () => {},
    close: async () => {},
  };
  return { link, state, keys };
}

const fleetOf = (clock: ManualClock, redis: ReturnType<typeof strawRedis> | undefined, owner: string): Fleet =>
  new Fleet({ clock, owner, link: () => redis && { link: redis.link, prefix: "t" } });

test("C60: at each interval one of five instances does it, whatever their jitter and clocks that differ by a second", async () => {
  const clock = new ManualClock();
  const redis = strawRedis(clock);
  const done: string[] = [];
  const stops = Array.from({ length: 5 }, (_, instance) => {
    const fleet = fleetOf(clock, redis, `i${instance}`);
    const shifted = {
      after: clock.after,
      every: clock.every,
      now: clock.now,
      wall: () => clock.wall() + instance * 250,
    };
    return startSchedule([60_000], {
      clock: shifted,
      random: () => instance / 5,
      run: (_, tick) =>
        void fleet.once(`every-${tick}`, 120_000).then((mine) => {
          if (mine) done.push(`${tick}`);
        }),
    });
  });
  await clock.advanceAsync(10 * 60_000 + 5_000);
  assert.equal(done.length, 10);
  assert.equal(new Set(done).size, 10);
  for (const stop of stops) stop();
  assert.equal(clock.pending, 0);
});

test("without Redis, or with one that is away, each instance does it", async () => {
  const clock = new ManualClock();
  const redis = strawRedis(clock);
  assert.equal(await fleetOf(clock, undefined, "a").once("x", 1000), true);
  redis.state.up = false;
  const claims = ["a", "b"].map((owner) => fleetOf(clock, redis, owner).once("x", 1000));
  await clock.advanceAsync(3000);
  assert.deepEqual(await Promise.all(claims), [true, true]);
  assert.equal(clock.pending, 0);
});

test("intervals count from the epoch; a wall clock that is set back runs no interval twice", async () => {
  const clock = new ManualClock({ wall: Date.UTC(2026, 0, 1, 10, 59, 0) });
  const ticks: number[] = [];
  const at: number[] = [];
  const stop = startSchedule([3_600_000], {
    clock,
    random: () => 0,
    run(_, tick) {
      ticks.push(tick);
      at.push(clock.wall());
    },
  });
  await clock.advanceAsync(60_000);
  assert.deepEqual(at, [Date.UTC(2026, 0, 1, 11)]);
  clock.setWall(Date.UTC(2026, 0, 1, 10, 30));
  await clock.advanceAsync(4 * 3_600_000);
  assert.deepEqual(ticks, [...new Set(ticks)]);
  stop();
  await clock.advanceAsync(10 * 3_600_000);
  assert.ok(ticks.length <= 5);
});

test("of three instances one does the work, and one does it anew when that one is gone before its end", async () => {
  const clock = new ManualClock();
  const redis = strawRedis(clock);
  const done: string[] = [];
  const doneBy = (owner: string) => async (): Promise<boolean> => {
    done.push(owner);
    return true;
  };
  const share = (owner: string, work: () => Promise<boolean>): Promise<void> =>
    fleetOf(clock, redis, owner).share("start", work);
  // The first one dies: its work never ends, and its key is renewed by nobody.
  redis.keys.set("t:warm:start", { value: "dead", until: clock.now() + 15_000 });
  const others = ["b", "c"].map((owner) => share(owner, doneBy(owner)));
  await clock.advanceAsync(14_000);
  assert.deepEqual(done, []);
  await clock.advanceAsync(6_000);
  await Promise.all(others);
  assert.equal(done.length, 1);
  await share("late", async () => assert.fail("it was done a moment ago"));
  await clock.advanceAsync(61_000);
  await share("next", doneBy("next"));
  assert.deepEqual(done.slice(1), ["next"]);
  assert.equal(clock.pending, 0);
});

test("a lease is held for as long as the work takes, and given up when the work was cancelled", async () => {
  const clock = new ManualClock();
  const redis = strawRedis(clock);
  const work = Promise.withResolvers<boolean>();
  const held = fleetOf(clock, redis, "a").share("start", () => work.promise);
  await clock.advanceAsync(120_000);
  assert.equal(redis.keys.get("t:warm:start")!.value, "a");
  work.resolve(false);
  await held;
  assert.equal(redis.keys.has("t:warm:start"), false);
  assert.equal(clock.pending, 0);
});

const status = (lost: number): BackplaneStatus => ({
  state: "in-step",
  position: 0,
  lagMs: 0,
  applied: 0,
  published: 0,
  waiting: 0,
  dropped: 0,
  gaps: { trimmed: 0, lost },
  checks: { current: 0, stale: 0, gone: 0, unconfirmed: 0 },
});

test("C15: a failover is Redis away for more than a second, or back without what it had", () => {
  const clock = new ManualClock();
  const bus = createEventBus("failover-test");
  let failovers = 0;
  const stop = onFailover(bus, clock, () => void (failovers += 1));
  const away = (ms: number, tier = "redis"): number => {
    bus.publish("spillway:cache-tier", { tier, state: "open", reason: "x" });
    clock.advance(ms);
    bus.publish("spillway:cache-tier", { tier, state: "closed", reason: "" });
    return failovers;
  };
  assert.equal(away(1000), 0);
  assert.equal(away(1001), 1);
  assert.equal(away(5000, "postgres"), 1);
  const tell = (lost: number): number => {
    bus.publish("spillway:backplane", { ...status(lost), change: "gap" });
    return failovers;
  };
  assert.deepEqual([tell(0), tell(1), tell(1), tell(2)], [1, 2, 2, 3]);
  stop();
  assert.equal(away(5000), 3);
});
