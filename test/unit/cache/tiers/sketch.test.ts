import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, Sketch } from "../../../../src/cache/tiers/sketch.ts";

test("a sketch counts no key too low, most of them exactly, and 15 at most", () => {
  const sketch = new Sketch(4096);
  for (let i = 0; i < 1000; i++) for (let time = 0; time < (i % 4) + 1; time++) sketch.add(hashOf(`k${i}`));
  let exact = 0;
  for (let i = 0; i < 1000; i++) {
    const estimate = sketch.estimate(hashOf(`k${i}`));
    assert.ok(estimate >= (i % 4) + 1);
    if (estimate === (i % 4) + 1) exact++;
  }
  assert.ok(exact > 990, `${exact} of 1000`);
  for (let time = 0; time < 40; time++) sketch.add(hashOf("hot"));
  assert.equal(sketch.estimate(hashOf("hot")), 15);
});

test("a sketch forgets: what is not counted any more fades", () => {
  const sketch = new Sketch(1024);
  for (let time = 0; time < 8; time++) sketch.add(hashOf("hot"));
  assert.equal(sketch.estimate(hashOf("hot")), 8);
  for (let i = 0; i < 2600; i++) sketch.add(hashOf("other"));
  assert.equal(sketch.estimate(hashOf("hot")), 4, "halved once in 2.5 additions a counter");
});

test("twice the width leaves the estimates as they are", () => {
  const sketch = new Sketch(256);
  for (let i = 0; i < 100; i++) for (let time = 0; time <= i % 3; time++) sketch.add(hashOf(`k${i}`));
  const before = Array.from({ length: 100 }, (_, i) => sketch.estimate(hashOf(`k${i}`)));
  sketch.double();
  assert.equal(sketch.width, 512);
  assert.deepEqual(
    Array.from({ length: 100 }, (_, i) => sketch.estimate(hashOf(`k${i}`))),
    before,
  );
});
