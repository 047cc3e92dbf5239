import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimit } from "../../../src/admission/limits/fixed.ts";
import { EventHeap, Fifo, type Call } from "../../support/simulator/call.ts";
import { priorityRoom } from "../../support/simulator/room.ts";
import { phase, throughput, type Scenario } from "../../support/simulator/scenario.ts";
import { simulate } from "../../support/simulator/simulate.ts";
import { seeded } from "../../support/traces.ts";

const kinds = [{ route: "r", share: 1, mean: 50, sigma: 0 }];
const at = (load: number, seconds = 30): Scenario => ({
  name: "",
  about: "",
  patience: 1250,
  phases: [phase(seconds, load, kinds, { slots: 20 })],
});
const seats = (initial: number) => fixedLimit({ initial, min: 1, max: 1000 });

test("simulator: events come in order of time", () => {
  const heap = new EventHeap();
  const random = seeded(3);
  const times = Array.from({ length: 500 }, random);
  for (const time of times) heap.push({ at: time } as Call);
  assert.deepEqual(
    times.map(() => heap.pop().at),
    times.toSorted((a, b) => a - b),
  );
  assert.equal(heap.next, Infinity);
});

test("simulator: a line inserts by key and gives the first first", () => {
  const line = new Fifo<number>();
  for (const item of [3, 1, 2]) line.insert(item, (item) => item);
  assert.deepEqual([line.shift(), line.shift(), line.shift(), line.shift()], [1, 2, 3, undefined]);
});

test("simulator: 20 slots of 50 ms are 400 calls a second", () => {
  assert.equal(throughput(kinds, { slots: 20 }), 400);
});

test("simulator: the same seed is the same run, another one is not", () => {
  const run = (seed: number): string => JSON.stringify(simulate(at(2, 5), seats(25), seed));
  assert.equal(run(1), run(1));
  assert.notEqual(run(1), run(2));
});

test("simulator: at half load all is served in a call's time; at three times a third is, whoever waits", () => {
  const half = simulate(at(0.5), seats(100), 1);
  assert.ok(half.served > 0.99 && half.refused === 0 && half.p99 < 60, JSON.stringify(half.p99));
  for (const room of [undefined, priorityRoom()]) {
    const three = simulate(at(3), seats(30), 1, room);
    assert.ok(three.served > 0.98 && Math.abs(three.refused - 2 / 3) < 0.02, String(three.refused));
  }
});

test("simulator: too many seats make every call late and the work is wasted", () => {
  assert.ok(simulate(at(2, 60), seats(1000), 1).served < 0.2);
});
