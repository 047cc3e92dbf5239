import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Attempts, type Turns } from "../../../src/core/attempts.ts";
import { ManualClock } from "../../support/manual-clock.ts";

interface Connection {
  readonly turns: Turns;
  readonly tried: number[];
}

/** Connections whose attempts fail at once while `isThere` is false. */
function connections(count: number, random: () => number) {
  const clock = new ManualClock();
  const attempts = new Attempts(clock, random);
  const server = { isThere: false };
  const all = Array.from({ length: count }, (): Connection => {
    const tried: number[] = [];
    const turns = attempts.join(() => {
      tried.push(clock.now());
      if (server.isThere) turns.succeeded();
      else turns.plan();
    });
    return { turns, tried };
  });
  return { clock, server, all };
}

const gaps = (times: readonly number[]): number[] => times.slice(1).map((time, at) => time - times[at]!);

test("one connection is tried every 1 to 1.2 s", () => {
  for (const [random, gap] of [
    [0, 1000],
    [0.5, 1100],
    [0.999, 1199.8],
  ] as const) {
    const { clock, all } = connections(1, () => random);
    all[0]!.turns.start();
    clock.advance(20_000);
    for (const one of gaps(all[0]!.tried)) assert.ok(Math.abs(one - gap) < 1, `${one}`);
  }
});

test("several take turns: one finds within 300 ms that the server is back, and all others are tried at once", () => {
  for (const seed of [0, 0.3, 0.999]) {
    for (let wait = 5000; wait < 7000; wait += 70) {
      const { clock, server, all } = connections(5, () => seed);
      for (const { turns } of all) turns.start();
      clock.advance(wait);
      server.isThere = true;
      const before = all.map(({ tried }) => tried.length);
      clock.advance(300);
      for (const [at, { tried }] of all.entries()) assert.equal(tried.length, before[at]! + 1, `${seed} ${wait}`);
      assert.equal(new Set(all.map(({ tried }) => tried.at(-1))).size, 1);
    }
  }
});

test("a connection that stood is tried again within half a second, unless that is sooner than a second", () => {
  const { clock, server, all } = connections(1, () => 0.999);
  server.isThere = true;
  const { turns, tried } = all[0]!;
  turns.start();
  turns.plan(true);
  clock.advance(1199);
  assert.equal(tried.length, 1);
  clock.advance(1);
  assert.equal(tried.length, 2);
  clock.advance(5000);
  turns.plan(true);
  clock.advance(500);
  assert.equal(tried.length, 3);
});

test("whatever stands and falls: none is tried more often than once a second, but for the first and one made early", () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 700 }),
    does: fc.constantFrom("stands", "fell", "nothing" as const),
    at: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, random) => {
      const { clock, all } = connections(4, () => random);
      for (const { turns } of all) turns.start();
      for (const { ms, does, at } of steps) {
        clock.advance(ms);
        if (does === "stands") all[at]!.turns.succeeded();
        if (does === "fell") all[at]!.turns.plan(true);
      }
      for (const { tried } of all) {
        for (let from = 0; from < tried.length; from++) {
          for (let to = from + 1; to < tried.length; to++) {
            assert.ok(to - from <= (tried[to]! - tried[from]!) / 1000 + 2, tried.join(" "));
          }
        }
      }
    }),
  );
});

test("who leaves is tried no more", () => {
  const { clock, all } = connections(2, () => 0);
  for (const { turns } of all) turns.start();
  all[0]!.turns.leave();
  clock.advance(5000);
  assert.equal(all[0]!.tried.length, 1);
  all[1]!.turns.leave();
  assert.equal(clock.pending, 0);
});
