import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { restartAfter } from "../../../src/cluster/restarts.ts";

/** Waits of a worker that dies again and again after `servedMs`. */
function waits(servedMs: number, count: number): number[] {
  const all: number[] = [];
  let crashes = 0;
  for (let i = 0; i < count; i++) {
    const restart = restartAfter(crashes, servedMs);
    crashes = restart.crashes;
    all.push(restart.wait);
  }
  return all;
}

test("a crash loop backs off by doubling, from nothing to ten seconds", () => {
  assert.deepEqual(waits(0, 11), [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
});

test("a worker killed every five seconds is replaced at once, for ever", () => {
  assert.deepEqual(new Set(waits(4_700, 100)), new Set([0]));
});

test("a minute of service forgets whatever went before", () => {
  let crashes = 0;
  for (let i = 0; i < 1000; i++) ({ crashes } = restartAfter(crashes, 0));
  assert.ok(restartAfter(crashes, 59_999).wait > 0);
  assert.deepEqual(restartAfter(crashes, 60_000), { crashes: 1, wait: 0 });
});

test("waits are never negative, never above ten seconds, and never longer after longer service", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(100_000), fc.nat(100_000), (crashes, served, more) => {
      const { wait } = restartAfter(crashes, served);
      assert.ok(wait >= 0 && wait <= 10_000);
      assert.ok(restartAfter(crashes, served + more).wait <= wait);
    }),
  );
});
