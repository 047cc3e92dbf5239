import assert from "node:assert/strict";
import { test } from "node:test";
import { RefreshAhead } from "../../../src/cache/ahead.ts";

test("nothing is drawn before the third hit close to expiry, and counting begins anew with each fill", () => {
  const ahead = new RefreshAhead(() => 0.5);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => ahead.early("key", 1, 100, 100)),
    [0, 0, 100 * Math.LN2, 100 * Math.LN2],
  );
  assert.equal(ahead.early("key", 2, 100, 100), 0);
  assert.equal(ahead.early("other", 1, 100, 100), 0);
});

test("far from expiry, and for what took no time, no draw could matter", () => {
  const ahead = new RefreshAhead(() => {
    throw new Error("drawn");
  });
  for (let i = 0; i < 10; i++) {
    assert.equal(ahead.early("far", 1, 3800, 100), 0);
    assert.equal(ahead.early("instant", 1, 1, 0), 0);
  }
});

test("the share of hits that refresh grows as expiry nears: e to the minus of the builds that are left", () => {
  let draw = 0;
  const steps = 1000;
  const ahead = new RefreshAhead(() => (draw++ % steps) / steps);
  const share = (left: number): number => {
    let early = 0;
    for (let i = 0; i < steps; i++) if (ahead.early("key", 1, left, 100) >= left) early++;
    return early / steps;
  };
  for (const builds of [0.5, 1, 2, 4]) {
    assert.ok(Math.abs(share(builds * 100) - Math.exp(-builds)) < 0.01, `${builds} builds`);
  }
});
