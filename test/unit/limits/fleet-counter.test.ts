import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Quantity } from "../../../src/limits/counter.ts";
import { FleetCounter } from "../../../src/limits/fleet-counter.ts";
import { KeyHash } from "../../../src/limits/key-hash.ts";
import { createMemoryCounter } from "../../../src/limits/memory-counter.ts";
import type { Granted, RedisStore } from "../../../src/limits/redis-store.ts";
import { admitted } from "../../support/counter-suite.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const HOUR = 3_600_000;

/** What Redis would do, in this process: it decides when it is asked. */
class IdealStore implements RedisStore {
  readonly #quantity: Quantity;
  readonly #clock: ManualClock;
  readonly #reply: (granted: Granted) => Promise<Granted>;
  calls = 0;
  lost = false;
  #used = 0;
  #end = 0;
  #arrival = 0;

  constructor(quantity: Quantity, clock: ManualClock, reply = async (granted: Granted) => granted) {
    this.#quantity = quantity;
    this.#clock = clock;
    this.#reply = reply;
  }

  async take(_key: string, want: number, back: number): Promise<Granted> {
    this.calls++;
    if (this.lost) throw new Error("no reply");
    return this.#reply(this.#quantity.burst === undefined ? this.#window(want) : this.#bucket(want, back));
  }

  #window(want: number): Granted {
    const now = this.#clock.now();
    const { limit, window } = this.#quantity;
    if (now >= this.#end) {
      this.#end = now + window;
      this.#used = 0;
    }
    const granted = Math.min(want, limit - this.#used);
    this.#used += granted;
    const remaining = limit - this.#used;
    return { granted, remaining, resetMs: this.#end - now, retryMs: remaining > 0 ? 0 : this.#end - now };
  }

  #bucket(want: number, back: number): Granted {
    const now = this.#clock.now();
    const { limit, window, burst = 1 } = this.#quantity;
    const interval = window / limit;
    const full = now + burst * interval;
    const arrival = Math.max(this.#arrival - back * interval, now);
    const room = Math.floor((full - arrival) / interval + 1e-6);
    const granted = Math.min(want, room);
    this.#arrival = arrival + granted * interval;
    const retryMs = Math.max(0, this.#arrival + interval - full);
    return { granted, remaining: room - granted, resetMs: this.#arrival - now, retryMs };
  }
}

interface Rule {
  readonly exact?: boolean;
  readonly fail?: "local" | "open" | "closed";
  readonly processes?: number;
}

function counterOver(store: RedisStore, clock: ManualClock, quantity: Quantity, rule: Rule = {}) {
  const { exact = false, fail = "local", processes = 1 } = rule;
  const hash = new KeyHash(8, 9);
  const fleet = { found: true, processes, failed: () => void (fleet.found = false) };
  const local = createMemoryCounter(quantity, { clock, hash, keys: 1024, share: () => processes });
  const counter = new FleetCounter({
    clock,
    hash,
    fleet,
    store,
    local,
    quantity,
    rule: { exact, fail, keys: 1024 },
  });
  return { counter, fleet };
}

test("processes whose replies come in any order stay within the limit and what passes unasked, and use it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      async (scheduler, limit, demands) => {
        const clock = new ManualClock();
        const quantity = { limit, window: HOUR, burst: undefined };
        const store = new IdealStore(quantity, clock, (granted) => scheduler.schedule(Promise.resolve(granted)));
        const requests = demands.flatMap((count) => {
          const { counter } = counterOver(store, clock, quantity, { processes: demands.length });
          return Array.from({ length: count }, async () => counter.take("a"));
        });
        const takens = await scheduler.waitFor(Promise.all(requests));
        const asked = requests.length;
        const through = takens.filter(({ ok }) => ok).length;
        const unasked = demands.length * Math.floor(limit / 20 / demands.length);
        assert.ok(through <= limit + unasked, `${through} of ${limit}`);
        // What is in hand elsewhere: a quarter of what was left at most, and no process is refused with its own.
        assert.ok(through >= Math.min(asked, limit) - limit / 4 - demands.length, `${through} of ${limit}, ${asked}`);
      },
    ),
    { numRuns: 150 },
  );
});

test("no window sees more of a bucket than burst + limit and what a lease may be late, however many processes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 90 })), { maxLength: 300 }),
      async (limit, burst, steps) => {
        const clock = new ManualClock();
        const window = 1000;
        const store = new IdealStore({ limit, window, burst }, clock);
        const counters = [0, 1, 2].map(
          () => counterOver(store, clock, { limit, window, burst }, { processes: 3 }).counter,
        );
        const times: number[] = [];
        for (const [which, gap] of steps) {
          clock.advance(gap);
          if ((await counters[which]!.take("a")).ok) times.push(clock.now());
        }
        const most = burst + Math.ceil(limit * 1.05) + 2 * Math.ceil(Math.min(limit, burst) * 0.05);
        for (const [from, start] of times.entries()) {
          const inside = times.slice(from).filter((time) => time < start + window).length;
          assert.ok(inside <= most, `${inside} of ${burst} + ${limit}`);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("one call that comes to nothing is the last, and what is in hand is used first", async () => {
  const clock = new ManualClock();
  const quantity = { limit: 80, window: HOUR, burst: undefined };
  const store = new IdealStore(quantity, clock);
  const { counter, fleet } = counterOver(store, clock, quantity, { processes: 2 });
  // Two pass unasked; with the third, Redis hears of them and ten more are taken: an eighth of 80.
  assert.equal(await admitted(counter, "a", 2), 2);
  assert.equal(store.calls, 0);
  assert.equal(await admitted(counter, "a", 1), 1);
  assert.equal(store.calls, 1);
  store.lost = true;
  assert.equal(await admitted(counter, "a", 9), 9);
  assert.equal(store.calls, 1);
  // Of its share of 40 the twelve are part.
  assert.equal(await admitted(counter, "a", 100), 28);
  assert.equal(store.calls, 2);
  assert.equal(fleet.found, false);
  assert.equal(counter.take("b") instanceof Promise, false);
});

test("a million addresses that ask once cost Redis nothing, and who asks more is counted all the same", async () => {
  const clock = new ManualClock();
  for (const burst of [undefined, 100]) {
    const quantity = { limit: 100, window: HOUR, burst };
    const store = new IdealStore(quantity, clock);
    const { counter } = counterOver(store, clock, quantity, { processes: 5 });
    assert.equal(await admitted(counter, "offender", 200), 100);
    const { calls } = store;
    for (let at = 0; at < 1_000_000; at++) void counter.take(`address ${at}`);
    assert.equal(store.calls, calls);
    assert.equal(await admitted(counter, "offender", 50), 0);
  }
});

test("what passes unasked is a twentieth of the limit, for all processes together", async () => {
  for (const burst of [undefined, 100]) {
    const clock = new ManualClock();
    const quantity = { limit: 100, window: HOUR, burst };
    const store = new IdealStore(quantity, clock);
    const five = [0, 1, 2, 3, 4].map(() => counterOver(store, clock, quantity, { processes: 5 }).counter);
    let through = 0;
    for (const counter of five) through += await admitted(counter, "a", 200);
    assert.ok(through >= 100 && through <= 105, `${through}`);
  }
});

test("when Redis is lost in the middle of a window, processes that were asked alike stay at the limit together", async () => {
  for (const exact of [true, false]) {
    for (const burst of [undefined, 90]) {
      const clock = new ManualClock();
      const quantity = { limit: 90, window: HOUR, burst };
      const store = new IdealStore(quantity, clock);
      const three = [0, 1, 2].map(() => counterOver(store, clock, quantity, { exact, processes: 3 }));
      let through = 0;
      for (let at = 0; at < 60; at++) if ((await three[at % 3]!.counter.take("a")).ok) through++;
      assert.equal(through, 60);
      for (const { fleet } of three) fleet.failed();
      for (const { counter } of three) through += await admitted(counter, "a", 100);
      const inHand = exact ? 0 : 3 * 8;
      assert.ok(through >= 90 && through <= 90 + inHand, `${through}`);
    }
  }
});

test("who has used up a window stays refused while Redis is lost, without being asked about", async () => {
  const clock = new ManualClock();
  const quantity = { limit: 5, window: HOUR, burst: undefined };
  for (const exact of [true, false]) {
    const store = new IdealStore(quantity, clock);
    const { counter, fleet } = counterOver(store, clock, quantity, { exact });
    assert.equal(await admitted(counter, "a", 7), 5);
    const { calls } = store;
    fleet.failed();
    assert.equal(await admitted(counter, "a", 50), 0);
    assert.equal(store.calls, calls);
    clock.advance(HOUR);
    assert.equal((await counter.take("a")).ok, true);
  }
});

test("fail: what a rule says is done while Redis is lost", async () => {
  const clock = new ManualClock();
  const quantity = { limit: 5, window: HOUR, burst: undefined };
  const through = async (fail: "local" | "open" | "closed"): Promise<number> => {
    const { counter, fleet } = counterOver(new IdealStore(quantity, clock), clock, quantity, { fail });
    fleet.failed();
    return admitted(counter, "a", 20);
  };
  assert.deepEqual([await through("local"), await through("open"), await through("closed")], [5, 20, 0]);
});

test("a steady client below its rate is not refused by what expires in hand", async () => {
  const clock = new ManualClock();
  const quantity = { limit: 100, window: 1000, burst: 100 };
  const store = new IdealStore(quantity, clock);
  const three = [0, 1, 2].map(() => counterOver(store, clock, quantity, { processes: 3 }).counter);
  let refused = 0;
  // 80 a second, by turns, for half a minute.
  for (let at = 0; at < 2400; at++) {
    clock.advance(12.5);
    if (!(await three[at % 3]!.take("a")).ok) refused++;
  }
  assert.equal(refused, 0);
});
