import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { createEventBus } from "../../../../src/core/events.ts";
import type { Refused } from "../../../../src/core/outcome.ts";
import { Breaker, type BreakerRules } from "../../../../src/dependency/breaker/breaker.ts";
import { opossumEngine } from "../../../../src/dependency/breaker/engine.ts";
import type { Verdict } from "../../../../src/dependency/breaker/verdict.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const RULES: BreakerRules = {
  mode: "enforce",
  errorRate: 0.5,
  slowCallRate: 0.8,
  window: 10_000,
  minimumCalls: 20,
  openFor: 5_000,
  longestOpen: 60_000,
  rampFor: 9_000,
  probeTimeout: 2_000,
};

function setUp(rules: Partial<BreakerRules> = {}, random = 0.5) {
  const clock = new ManualClock({ now: 1000 });
  const bus = createEventBus("breaker-test");
  const ends: string[] = [];
  const breaker = new Breaker(
    { ...RULES, ...rules },
    {
      name: "shop",
      clock,
      random: () => random,
      bus,
      engine(from) {
        const engine = opossumEngine(from);
        return {
          get state() {
            return engine.state;
          },
          get closed() {
            return engine.closed;
          },
          open: () => engine.open(),
          close: () => engine.close(),
          end() {
            ends.push(from);
            engine.end();
          },
        };
      },
    },
  );
  const ticket = (): number => {
    const entry = breaker.enter("default");
    assert.equal(typeof entry, "number", `refused: ${JSON.stringify(entry)}`);
    return entry as number;
  };
  const refusal = (): Refused => {
    const entry = breaker.enter("default");
    assert.ok(typeof entry !== "number", "it was let through");
    return entry;
  };
  const calls = (count: number, verdict: Verdict): void => {
    for (let i = 0; i < count; i++) breaker.ended(ticket(), verdict);
  };
  const states: string[] = [];
  const unsubscribe = bus.subscribe("spillway:breaker", ({ from, to }) => void states.push(`${from} -> ${to}`));
  const stop = (): void => {
    unsubscribe();
    breaker.close();
  };
  return { breaker, clock, bus, ticket, refusal, calls, states, ends, [Symbol.dispose]: stop };
}

/** A request every 10 ms, each answered at once as told, for so long. */
function traffic({ breaker, clock }: ReturnType<typeof setUp>, ms: number, verdict: Verdict): number {
  let passed = 0;
  for (let at = 0; at < ms; at += 10) {
    clock.advance(10);
    const entry = breaker.enter("default");
    if (typeof entry !== "number") continue;
    passed++;
    breaker.ended(entry, verdict);
  }
  return passed;
}

suite("a breaker", () => {
  test("opens at the 20th call when half of the calls of ten seconds failed, and not before", () => {
    using rig = setUp();
    rig.calls(9, "success");
    rig.calls(10, "failure");
    assert.equal(rig.breaker.read().state, "closed");
    rig.calls(1, "success");
    assert.equal(rig.breaker.read().state, "open");
    assert.equal(rig.breaker.read().reason, "10 of 20 calls failed");
    assert.deepEqual(rig.states, ["closed -> open"]);
  });

  test("opens when four of five calls were slow, failures or not", () => {
    using rig = setUp();
    rig.calls(4, "success");
    rig.calls(15, "slow");
    assert.equal(rig.breaker.read().state, "closed");
    rig.calls(1, "slow");
    assert.equal(rig.breaker.read().state, "open");
    assert.equal(rig.breaker.read().reason, "16 of 20 calls were slow");
  });

  test("stays closed over failures that are more than the window apart", () => {
    using rig = setUp();
    for (let i = 0; i < 10; i++) {
      rig.calls(19, "failure");
      rig.clock.advance(10_001);
    }
    assert.equal(rig.breaker.read().state, "closed");
  });

  test("calls that tell nothing count as none", () => {
    using rig = setUp();
    rig.calls(19, "failure");
    rig.calls(1000, "untold");
    assert.deepEqual([rig.breaker.read().state, rig.breaker.read().calls], ["closed", 19]);
  });

  test("refuses with the time until it asks again and no stack, one object for all of a moment", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    rig.clock.advance(1000);
    const first = rig.refusal();
    assert.deepEqual(first, {
      kind: "refused",
      reason: "breaker",
      detail: "shop is in trouble and is not asked for now; come again later",
      retryAfterMs: 4000,
    });
    assert.equal(rig.refusal(), first);
    rig.clock.advance(250);
    assert.equal(rig.refusal().retryAfterMs, 3750);
    assert.equal(rig.breaker.read().refused, 3);
  });

  test("its refusals are no calls: nothing but the pause decides how long it is open", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    for (let i = 0; i < 1000; i++) rig.refusal();
    assert.equal(rig.breaker.read().calls, 0);
    rig.clock.advance(4_999);
    rig.refusal();
    rig.clock.advance(1);
    rig.ticket();
    assert.equal(rig.breaker.read().state, "half-open");
  });

  test("is open twice as long each time the probe fails, with jitter, up to the longest", () => {
    using rig = setUp({}, 0);
    rig.calls(20, "failure");
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      pauses.push(rig.breaker.read().leftMs!);
      rig.clock.advance(pauses.at(-1)!);
      rig.breaker.ended(rig.ticket(), "failure");
    }
    assert.deepEqual(pauses, [3_750, 7_500, 15_000, 30_000, 45_000, 45_000]);
  });

  test("comes back by 5 %, 25 % and all, and is short again once it was closed for longer than it had been open", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    rig.clock.advance(5_000);
    assert.equal(traffic(rig, 2_900, "success"), 15);
    const quarter = traffic(rig, 3_100, "success");
    assert.ok(quarter >= 70 && quarter <= 85, String(quarter));
    const all = traffic(rig, 3_400, "success");
    assert.ok(all >= 310, String(all));
    assert.equal(rig.breaker.read().state, "closed");
    assert.deepEqual(rig.states, ["closed -> open", "open -> half-open", "half-open -> closed"]);
    traffic(rig, 1_000, "failure");
    assert.ok(rig.breaker.read().leftMs! > 8_000, "it had been closed for a moment only");
  });

  test("a probe that hangs is a failure at its deadline, and one at a time is all that hangs", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    rig.clock.advance(5_000);
    const hung = rig.ticket();
    rig.clock.advance(1_999);
    rig.refusal();
    rig.clock.advance(1);
    rig.refusal();
    assert.deepEqual([rig.breaker.read().state, rig.breaker.read().leftMs], ["open", 10_000]);
    rig.breaker.ended(hung, "success");
    assert.equal(rig.breaker.read().state, "open");
  });

  test("results of an older generation say nothing", () => {
    using rig = setUp();
    const old = Array.from({ length: 50 }, () => rig.ticket());
    rig.calls(20, "failure");
    rig.breaker.ended(old[0]!, "success");
    assert.equal(rig.breaker.read().state, "open");
    rig.clock.advance(5_000);
    const probe = rig.ticket();
    for (const late of old) rig.breaker.ended(late, "failure");
    assert.equal(rig.breaker.read().state, "half-open");
    for (const late of old) rig.breaker.ended(late, "success");
    assert.equal(rig.breaker.read().share, 0.05);
    rig.breaker.ended(probe, "failure");
    assert.equal(rig.breaker.read().state, "open");
    assert.deepEqual(rig.ends, ["closed"], "the engine of the first generation was ended");
  });

  test("in mode shadow all pass, and who would have been refused is counted and told", () => {
    using rig = setUp({ mode: "shadow" });
    const told: string[] = [];
    const end = rig.bus.subscribe(
      "spillway:would-refuse",
      ({ reason, class: cls }) => void told.push(`${reason} ${cls}`),
    );
    rig.calls(20, "failure");
    assert.equal(rig.breaker.read().state, "open");
    rig.calls(3, "failure");
    end();
    assert.deepEqual(told, ["breaker default", "breaker default", "breaker default"]);
    const { refused, wouldRefuse, calls } = rig.breaker.read();
    assert.deepEqual({ refused, wouldRefuse, calls }, { refused: 0, wouldRefuse: 3, calls: 0 });
    rig.clock.advance(5_000);
    assert.ok(traffic(rig, 10_000, "success") === 1000);
    assert.equal(rig.breaker.read().state, "closed");
  });

  test("in mode off nothing opens it but a hand", () => {
    using rig = setUp({ mode: "off" });
    rig.calls(1000, "failure");
    assert.deepEqual([rig.breaker.read().state, rig.breaker.read().calls], ["closed", 0]);
    rig.breaker.hold({ state: "isolated", ttl: 1000, reason: "move" });
    rig.refusal();
    rig.breaker.hold(undefined);
    assert.equal(rig.breaker.read().state, "closed");
  });

  test("has no timers, and its engines leave none", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    {
      using rig = setUp();
      for (let i = 0; i < 5; i++) {
        rig.clock.advance(60_000);
        traffic(rig, 20_000, "success");
        traffic(rig, 20_000, "failure");
      }
      assert.equal(rig.clock.pending, 0);
      assert.ok(timers() <= before + 1);
    }
    assert.equal(timers(), before);
  });

  test("once closed for good it lets through what a former configuration still asks", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    rig.breaker.close();
    traffic(rig, 1_000, "failure");
    rig.ticket();
  });
});

suite("a breaker by hand", () => {
  test("isolated refuses all until its time is over, then lets them through little by little", () => {
    using rig = setUp();
    assert.deepEqual(rig.breaker.hold({ state: "isolated", ttl: 60_000, reason: "migration" }), {
      before: "closed",
      after: "isolated",
    });
    assert.equal(traffic(rig, 59_900, "success"), 0);
    const { state, reason, share } = rig.breaker.read();
    assert.deepEqual({ state, reason, share }, { state: "isolated", reason: "migration", share: 0 });
    assert.ok(rig.refusal().retryAfterMs! <= 350);
    rig.clock.advance(100);
    assert.equal(rig.breaker.read().state, "half-open");
    assert.ok(traffic(rig, 1_000, "success") <= 7);
    assert.deepEqual(rig.states, ["closed -> isolated", "isolated -> half-open"]);
  });

  test("isolated for hours it has clients come again after longestOpen at most", () => {
    using rig = setUp();
    rig.breaker.hold({ state: "isolated", ttl: 3_600_000, reason: "migration" });
    assert.equal(rig.refusal().retryAfterMs, 60_000);
  });

  test("forced closed lets all through, whatever becomes of them, and begins anew when it is given back", () => {
    using rig = setUp();
    rig.calls(20, "failure");
    rig.breaker.hold({ state: "forced-closed", ttl: 60_000, reason: "false alarm" });
    assert.equal(traffic(rig, 10_000, "failure"), 1000);
    assert.equal(rig.breaker.read().state, "forced-closed");
    assert.deepEqual(rig.breaker.hold(undefined), { before: "forced-closed", after: "closed" });
    rig.calls(19, "failure");
    assert.equal(rig.breaker.read().state, "closed");
    rig.calls(1, "failure");
    assert.equal(rig.breaker.read().state, "open");
  });

  test("another hand takes the place of the former; giving back what is not held changes nothing", () => {
    using rig = setUp();
    assert.deepEqual(rig.breaker.hold(undefined), { before: "closed", after: "closed" });
    rig.breaker.hold({ state: "isolated", ttl: 1_000, reason: "a" });
    rig.breaker.hold({ state: "forced-closed", ttl: 5_000, reason: "b" });
    rig.clock.advance(2_000);
    assert.deepEqual(rig.breaker.held, { state: "forced-closed", ttl: 3_000, reason: "b" });
    rig.ticket();
  });
});

test("whatever happens to a breaker: open it lets nobody through, its probes are bounded, and it closes once all is well", () => {
  const step = fc.record({
    wait: fc.nat(3_000),
    ask: fc.integer({ min: 0, max: 8 }),
    verdict: fc.constantFrom<Verdict>("success", "failure", "slow", "slow-failure", "untold"),
    answer: fc.integer({ min: 0, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (steps, random) => {
      using rig = setUp({ minimumCalls: 4 }, random);
      const under: number[] = [];
      for (const { wait, ask, verdict, answer } of steps) {
        rig.clock.advance(wait);
        for (let i = 0; i < ask; i++) {
          const before = rig.breaker.read();
          const entry = rig.breaker.enter("default");
          if (before.state === "open" && before.leftMs! > 0) assert.ok(typeof entry !== "number");
          if (before.state === "closed") assert.ok(typeof entry === "number");
          if (typeof entry === "number") under.push(entry);
        }
        for (let i = 0; i < answer && under.length > 0; i++) rig.breaker.ended(under.shift()!, verdict);
      }
      // Probes that hang for ever are overdue; from then on all is well.
      for (let i = 0; i < 60 && rig.breaker.read().state !== "closed"; i++) traffic(rig, 10_000, "success");
      assert.equal(rig.breaker.read().state, "closed");
    }),
    { numRuns: 100 },
  );
});
