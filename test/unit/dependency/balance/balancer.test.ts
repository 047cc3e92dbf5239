import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { TargetChange } from "../../../../src/core/events.ts";
import { Balancer } from "../../../../src/dependency/balance/balancer.ts";
import type { Member } from "../../../../src/dependency/balance/member.ts";
import {
  balanceSettings,
  ejectionSettings,
  type BalanceSettings,
  type EjectionSettings,
} from "../../../../src/dependency/balance/settings.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** Even draws that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Rig {
  readonly weights?: readonly number[];
  readonly balance?: Partial<BalanceSettings>;
  readonly ejection?: EjectionSettings;
  readonly seed?: number;
}

function rig({ weights = [1, 1, 1], balance, ejection = ejectionSettings.parse({}), seed = 7 }: Rig = {}) {
  const clock = new ManualClock();
  const told: [origin: string, change: TargetChange][] = [];
  const make = (all: readonly number[], former?: Balancer): Balancer =>
    new Balancer(
      all.map((weight, i) => ({ url: `http://10.0.0.${i}`, weight })),
      {
        clock,
        random: seeded(seed),
        balance: { ...balanceSettings.parse({}), ...balance },
        ejection,
        told: (origin, change) => told.push([origin, change]),
      },
      former,
    );
  const balancer = make(weights);
  const pick = (key?: string, except?: Member): Member => balancer.pick(key, except, clock.now());
  /** How many of `times` requests each target gets that are over at once, after as many milliseconds as `ms` says. */
  const shares = (times: number, ms: readonly number[] = weights.map(() => 5), of = balancer): number[] => {
    const counts = of.members.map(() => 0);
    for (let i = 0; i < times; i++) {
      const member = of.pick(undefined, undefined, clock.now());
      const at = of.members.indexOf(member);
      counts[at]!++;
      of.began(member);
      of.answered(member, 200, ms[at] ?? 5, clock.now());
      of.ended(member);
    }
    return counts;
  };
  const fail = (member: Member, times: number): void => {
    for (let i = 0; i < times; i++) balancer.failed(member, 1, clock.now());
  };
  const stateOf = (at: number): string => balancer.read().targets[at]!.state;
  return { clock, told, balancer, make, pick, shares, fail, stateOf };
}

suite("the choice of a target", () => {
  test("by weight alone is in proportion; 0 gets nothing unless all have 0", () => {
    const within = (found: readonly number[], wanted: readonly number[]): void => {
      for (const [i, count] of found.entries()) assert.ok(Math.abs(count - wanted[i]!) < 150, found.join());
    };
    const balance = { by: "weighted" } as const;
    within(rig({ balance, weights: [3, 1] }).shares(4000), [3000, 1000]);
    const [none] = rig({ balance, weights: [0, 0.5, 0.5] }).shares(4000);
    assert.equal(none, 0);
    within(rig({ balance, weights: [0, 0] }).shares(4000), [2000, 2000]);
    assert.deepEqual(rig({ balance, weights: [0] }).shares(10), [10]);
  });

  test("of two: equal targets get equal shares, unequal ones their weights, while none is clearly slower", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }),
        fc.nat(),
        (weights, seed) => {
          const { shares } = rig({ weights, seed });
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (const [i, count] of shares(4000).entries()) {
            const wanted = (4000 * weights[i]!) / total;
            assert.ok(Math.abs(count - wanted) < 6 * Math.sqrt(wanted) + 20, `${weights.join()}: ${i} got ${count}`);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("of two: a slow one of three gets next to nothing, and is tried again once what was seen is old", () => {
    const { shares, clock } = rig();
    const [, , slow] = shares(3000, [5, 5, 400]);
    assert.ok(slow! <= 10, `${slow}`);
    clock.advance(120_000);
    assert.ok(shares(30, [5, 5, 5])[2]! > 0);
  });

  test("of two: requests in flight weigh as much as latency", () => {
    const { balancer, pick, shares } = rig({ weights: [1, 1] });
    shares(200);
    const [a, b] = balancer.members;
    for (let i = 0; i < 4; i++) balancer.began(a!);
    for (let i = 0; i < 4; i++) {
      assert.equal(pick(), b);
      balancer.began(b!);
    }
  });

  test("a canary of one in a hundred keeps its share beside a busy target", () => {
    const { balancer, pick } = rig({ weights: [99, 1], seed: 3 });
    const [main, canary] = balancer.members;
    for (const member of [main!, canary!]) for (let i = 0; i < 50; i++) balancer.answered(member, 200, 5, 0);
    for (let i = 0; i < 20; i++) balancer.began(main!);
    let got = 0;
    for (let i = 0; i < 10_000; i++) if (pick() === canary) got++;
    assert.ok(got > 60 && got < 150, `${got}`);
  });

  test("another target takes what one has just failed to take, whatever the way of choosing", () => {
    for (const by of ["least-loaded", "weighted", { hash: "client" }] as const) {
      const { balancer, pick } = rig({ balance: { by } });
      for (const failed of balancer.members) {
        for (let i = 0; i < 200; i++) assert.notEqual(pick(`key ${i}`, failed), failed);
      }
    }
  });
});

suite("the choice by hash", () => {
  const balance = { by: { hash: "client" } } as const;

  test("a key has one target; one that is out moves its own keys alone and has them when it is back", () => {
    const { balancer, pick, clock } = rig({ balance, weights: [1, 1, 1, 1] });
    const keys = Array.from({ length: 500 }, (_, i) => `client ${i}`);
    const before = keys.map((key) => pick(key));
    const out = balancer.members[1]!;
    balancer.checked(out, false);
    for (const [i, key] of keys.entries()) assert.equal(pick(key) === before[i], before[i] !== out);
    balancer.checked(out, true);
    clock.advance(60_000);
    assert.deepEqual(
      keys.map((key) => pick(key)),
      before,
    );
  });

  test("no target has more than a quarter above its share, be all requests of one key, but for a few", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 400 }), (targets, requests) => {
        const { balancer, pick } = rig({ balance, weights: Array.from({ length: targets }, () => 1) });
        for (let i = 1; i <= requests; i++) {
          const member = pick("everybody behind one address");
          balancer.began(member);
          assert.ok(member.load.inFlight <= Math.max(8, Math.ceil((1.25 * i) / targets)));
        }
      }),
    );
  });

  test("without a key as least-loaded", () => {
    const { shares } = rig({ balance });
    const [, , slow] = shares(3000, [5, 5, 400]);
    assert.ok(slow! <= 10, `${slow}`);
  });
});

suite("targets that are out", () => {
  test("consecutive failures eject, each time for twice as long, up to the most; a good time makes it forgotten", () => {
    const { balancer, clock, fail, stateOf, told, shares } = rig();
    const bad = balancer.members[0]!;
    fail(bad, 4);
    assert.equal(stateOf(0), "up");
    const times: number[] = [];
    for (let round = 0; round < 7; round++) {
      fail(bad, 5);
      assert.equal(stateOf(0), "ejected");
      assert.equal(shares(100)[0], 0);
      const change = told.at(-1)![1];
      assert.ok(change.kind === "ejected");
      times.push(change.forMs);
      clock.advance(change.forMs);
      assert.equal(stateOf(0), "slow-start");
      assert.equal(told.at(-1)![1].kind, "returned");
    }
    assert.deepEqual(times, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    clock.advance(100_000);
    fail(bad, 5);
    const last = told.at(-1)![1];
    assert.ok(last.kind === "ejected" && last.forMs === 10_000);
  });

  test("a success between makes failures start anew; many among the successes eject by their rate", () => {
    const { balancer, clock, stateOf } = rig();
    const bad = balancer.members[0]!;
    for (let i = 0; i < 9; i++) {
      balancer.answered(bad, i % 2 ? 503 : 200, 5, clock.now());
      balancer.answered(bad, 503, 5, clock.now());
    }
    assert.equal(stateOf(0), "up");
    balancer.answered(bad, 200, 5, clock.now());
    balancer.answered(bad, 500, 5, clock.now());
    assert.equal(stateOf(0), "ejected");
  });

  test("501 and 4xx are no failures; what all do takes nobody out", () => {
    const { balancer, clock, stateOf } = rig();
    const [first] = balancer.members;
    for (let i = 0; i < 50; i++) balancer.answered(first!, i % 2 ? 501 : 404, 5, clock.now());
    assert.equal(stateOf(0), "up");
    for (let i = 0; i < 50; i++) for (const member of balancer.members) balancer.answered(member, 500, 5, clock.now());
    assert.ok(balancer.read().targets.filter(({ state }) => state === "ejected").length <= 1);
  });

  test("whatever happens, at most half of them are ejected, a lone one never, and somebody is chosen", () => {
    const event = fc.record({
      at: fc.nat(9),
      what: fc.constantFrom("fail", "fail", "succeed", "down", "up", "wait", "weight"),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(event, { maxLength: 200 }), (targets, events) => {
        const ejection = { ...(ejectionSettings.parse({}) as object), consecutive: 1 } as EjectionSettings;
        const { balancer, clock, pick } = rig({ weights: Array.from({ length: targets }, () => 1), ejection });
        for (const { at, what } of events) {
          const member = balancer.members[at % targets]!;
          if (what === "fail") balancer.failed(member, 1, clock.now());
          else if (what === "succeed") balancer.answered(member, 200, 1, clock.now());
          else if (what === "wait") clock.advance(1000 * at);
          else if (what === "weight") balancer.reweigh(member.origin, at % 3, clock.wall() + 5000, "test");
          else balancer.checked(member, what === "up");
          const out = balancer.members.filter(({ ejectedUntil }) => ejectedUntil > 0).length;
          assert.ok(out <= Math.floor(targets / 2), `${out} of ${targets}`);
          assert.ok(balancer.members.includes(pick()));
        }
      }),
    );
  });

  test("fewer than half usable: all are used; half are enough", () => {
    const { balancer, shares } = rig({ weights: [1, 1, 1, 1] });
    const [a, b, c] = balancer.members;
    balancer.checked(a!, false);
    balancer.checked(b!, false);
    assert.equal(balancer.read().panic, false);
    assert.deepEqual(shares(1000).slice(0, 2), [0, 0]);
    balancer.checked(c!, false);
    assert.equal(balancer.read().panic, true);
    assert.ok(shares(1000).every((count) => count > 0));
  });

  test("one that is back, or new at a reload, begins with a tenth and has all after the slow start", () => {
    const { balancer, clock, shares, make } = rig({ balance: { by: "weighted" } });
    const bad = balancer.members[0]!;
    balancer.checked(bad, false);
    balancer.checked(bad, true);
    const first = shares(2100)[0]!;
    assert.ok(first > 60 && first < 150, `${first}`);
    clock.advance(15_000);
    const half = shares(2500)[0]!;
    assert.ok(half > 400 && half < 600, `${half}`);
    clock.advance(16_000);
    const all = shares(3000)[0]!;
    assert.ok(all > 900 && all < 1100, `${all}`);
    const next = make([1, 1, 1, 1], balancer);
    assert.deepEqual(
      next.read().targets.map(({ state }) => state),
      ["up", "up", "up", "slow-start"],
    );
    const fresh = shares(3100, [5, 5, 5, 5], next)[3]!;
    assert.ok(fresh > 60 && fresh < 150, `${fresh}`);
  });
});

suite("weights by hand", () => {
  test("hold until they expire or are taken back, and over a reload", () => {
    const { balancer, clock, make } = rig({ weights: [9, 1] });
    const origin = "http://10.0.0.1";
    assert.equal(balancer.reweigh(origin, 50, clock.wall() + 60_000, "canary looks good"), true);
    assert.equal(balancer.reweigh("http://10.0.0.9", 50, clock.wall() + 60_000, "no such target"), false);
    const next = make([9, 1], balancer);
    for (const one of [balancer, next]) {
      const [, target] = one.read().targets;
      assert.deepEqual([target?.weight, target?.configured, target?.override?.reason], [50, 1, "canary looks good"]);
    }
    clock.advance(59_999);
    assert.equal(next.read().targets[1]?.weight, 50);
    clock.advance(1);
    assert.equal(next.read().targets[1]?.weight, 1);
    next.reweigh(origin, 0, clock.wall() + 60_000, "out");
    assert.equal(next.read().targets[1]?.weight, 0);
    next.reweigh(origin, null, clock.wall(), "in again");
    assert.equal(next.read().targets[1]?.override, undefined);
  });
});
