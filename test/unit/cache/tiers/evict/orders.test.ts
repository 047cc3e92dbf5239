import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { nextWindow, type Climb } from "../../../../../src/cache/tiers/evict/climb.ts";
import { Ghost } from "../../../../../src/cache/tiers/evict/ghost.ts";
import { createEviction, type EvictionName } from "../../../../../src/cache/tiers/evict/policies.ts";
import { hashOf } from "../../../../../src/cache/tiers/sketch.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** Ten places of size 1, and what went, in order. */
function opened(name: EvictionName) {
  const gone: string[] = [];
  const eviction = createEviction<string>(name, {
    limits: { bytes: 10, entries: 100 },
    lost: ({ key }) => void gone.push(key),
  });
  const put = (key: string, until = NEVER) => eviction.set(key, "v", 1, until, 0);
  return { eviction, gone, put };
}

suite("in what order things give way", () => {
  test("lru: by last use", () => {
    const { eviction, gone, put } = opened("lru");
    for (let i = 0; i < 10; i++) put(`k${i}`);
    eviction.get("k0", 0);
    put("k1");
    for (const key of ["a", "b", "c"]) put(key);
    assert.deepEqual(gone, ["k2", "k3", "k4"]);
  });

  test("ttl: by soonest end, used or not", () => {
    const { eviction, gone, put } = opened("ttl");
    for (let i = 0; i < 10; i++) put(`k${i}`, 100 + ((i * 7) % 10));
    eviction.get("k0", 0);
    put("k3", 500);
    for (const key of ["a", "b", "c"]) put(key);
    assert.deepEqual(gone, ["k0", "k6", "k9"]);
  });

  test("s3fifo: once asked for goes through the small queue; asked for again moves on; its ghost is let in", () => {
    const { eviction, gone, put } = opened("s3fifo");
    for (let i = 0; i < 10; i++) put(`k${i}`);
    eviction.get("k0", 0);
    for (let i = 0; i < 8; i++) put(`scan${i}`);
    assert.ok(eviction.peek("k0"), "in the main queue, which a scan does not reach");
    assert.deepEqual(gone.slice(0, 3), ["k1", "k2", "k3"]);
    put("k8");
    for (let i = 8; i < 40; i++) put(`scan${i}`);
    assert.ok(eviction.peek("k8"), "it came back soon after it went");
  });

  test("lfu: one new thing does not take the place of what is used more", () => {
    const { eviction, put } = opened("lfu");
    for (let i = 0; i < 9; i++) put(`k${i}`);
    for (let use = 0; use < 3; use++) for (let i = 0; i < 9; i++) eviction.get(`k${i}`, 0);
    for (let i = 0; i < 20; i++) put(`scan${i}`);
    for (let i = 0; i < 8; i++) assert.ok(eviction.peek(`k${i}`), `k${i}`);
  });
});

test("a ghost knows the last that went, once, and its table is bounded by what is kept", () => {
  const ghost = new Ghost();
  assert.equal(ghost.take(1, 10), false);
  for (let i = 0; i < 100_000; i++) ghost.add(hashOf(`k${i}`), 1000);
  assert.equal(ghost.slots, 2048);
  let known = 0;
  for (let i = 99_000; i < 100_000; i++) if (ghost.take(hashOf(`k${i}`), 1000)) known++;
  assert.ok(known > 900, `${known} of 1000`);
  assert.equal(ghost.take(hashOf("k99999"), 1000), false, "taken before");
  assert.equal(ghost.take(hashOf("k90000"), 1000), false, "too long ago");
});

test("the window of lfu goes on while hits get more, turns when they get fewer, and stays within its bounds", () => {
  const start: Climb = { part: 0.4, step: 0.0625, ratio: 0.5 };
  const up = nextWindow(start, 0.52);
  assert.ok(up.part > 0.4 && up.step < 0.0625);
  assert.ok(nextWindow(up, 0.51).part < up.part);
  assert.equal(nextWindow({ ...start, step: 0.001 }, 0.6).step, 0.0625, "another load: full steps");
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (ratios) => {
      const { part } = ratios.reduce(nextWindow, start);
      assert.ok(part >= 0.01 && part <= 0.8);
    }),
  );
});
