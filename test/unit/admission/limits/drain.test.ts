import assert from "node:assert/strict";
import { test } from "node:test";
import { Drain } from "../../../../src/admission/limits/drain.ts";

const before = { used: 20, taken: 24 };
const started = (): Drain => {
  const drain = new Drain(2, () => 0);
  assert.ok(drain.start(0, before, 50, 60, false));
  return drain;
};

test("the first drain leaves 60 % of the seats in use, later ones 75 %", () => {
  const drain = started();
  assert.equal(drain.cap(24, 1), 12);
  drain.began(10, 12, 50, 60);
  drain.stop();
  drain.plan(100, 50, 0);
  assert.equal(drain.start(20_099, before, 50, 60, false), false, "not before 20 s");
  assert.equal(drain.start(20_100, before, 50, 60, false), true);
  assert.equal(drain.cap(24, 20_101), 15);
});

test("it never leaves fewer than the least seats", () => {
  const drain = new Drain(4, () => 0);
  drain.start(0, { used: 2, taken: 4 }, 50, 60, true);
  assert.equal(drain.cap(9, 1), 4);
});

test("calls count that began once it was empty, and no other that began as it ended", () => {
  const drain = started();
  assert.equal(drain.measures(0, 24), false);
  drain.began(20, 12, 50, 60);
  assert.equal(drain.measures(19, 12), false);
  for (let call = 1; call < 60; call++) drain.began(20 + call * 5, 12, 50, 60);
  assert.equal(drain.cap(24, 300), 24, "30 calls and five latencies were enough");
  assert.equal(drain.measures(100, 12), true);
  assert.equal(drain.measures(270, 20), false, "that seat was given after it");
});

test("it is over when its calls have ended, or six latencies later", () => {
  const run = (): { readonly drain: Drain; readonly calls: number } => {
    const drain = started();
    let calls = 0;
    for (let now = 20; drain.cap(24, now) === 12; now += 10) {
      drain.began(now, 12, 50, 60);
      calls++;
    }
    return { drain, calls };
  };
  const { drain, calls } = run();
  for (let call = 1; call < calls; call++) drain.ended();
  assert.equal(drain.over(400, 60), false);
  drain.ended();
  assert.equal(drain.over(400, 60), true);
  assert.equal(run().drain.over(1000, 60), true);
});

test("it is given up after a second when seats do not become free, and tried again later and later", () => {
  const drain = started();
  assert.equal(drain.cap(24, 999), 12);
  assert.equal(drain.cap(24, 1000), 24);
  assert.equal(drain.over(1000, 60), true);
  drain.stop();
  drain.plan(1000, 50, 0);
  assert.equal(drain.start(40_999, before, 50, 60, false), false);
  assert.equal(drain.start(41_000, before, 50, 60, false), true);
});

test("a doubt starts one early, though not within ten latencies or a second of the last", () => {
  const drain = started();
  drain.began(10, 12, 50, 60);
  drain.stop();
  drain.plan(500, 50, 0);
  assert.equal(drain.start(1500, before, 50, 60, true), false);
  assert.equal(drain.start(1501, before, 50, 60, true), true);
});
