import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Ring } from "../../../../src/dependency/balance/ring.ts";

const KEYS = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
const named = (count: number, weight = 1) =>
  Array.from({ length: count }, (_, i) => ({ name: `http://10.1.0.${i}:80`, weight }));
const always = (): boolean => true;
const ownersOf = (ring: Ring): number[] => KEYS.map((key) => ring.find(key, always)!);

suite("the ring of hashes", () => {
  test("spreads keys by weight: each of three equal ones gets a third, give or take a quarter of it", () => {
    const counts = [0, 0, 0];
    for (const owner of ownersOf(new Ring(named(3)))) counts[owner]!++;
    for (const count of counts) assert.ok(Math.abs(count - 667) < 170, counts.join());
    const weighted = [0, 0];
    const [a, b] = named(2);
    for (const owner of ownersOf(new Ring([{ ...a!, weight: 3 }, b!]))) weighted[owner]!++;
    assert.ok(Math.abs(weighted[1]! - 500) < 150, weighted.join());
  });

  test("a name that comes takes keys and moves no other; how many it takes is about its share", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (count) => {
        const before = ownersOf(new Ring(named(count)));
        const after = ownersOf(new Ring(named(count + 1)));
        const moved = after.filter((owner, i) => owner !== before[i]);
        assert.ok(moved.every((owner) => owner === count));
        assert.ok(moved.length < (2 * KEYS.length) / (count + 1));
      }),
      { numRuns: 12 },
    );
  });

  test("who is passed over loses its keys to others and nobody else's move", () => {
    const ring = new Ring(named(5));
    const before = ownersOf(ring);
    for (const [i, key] of KEYS.entries()) {
      const now = ring.find(key, (place) => place !== 2)!;
      if (before[i] === 2) assert.notEqual(now, 2);
      else assert.equal(now, before[i]);
    }
  });

  test("no weight is no key, nobody accepted is nobody found, and a thousand names fit", () => {
    const [a, b] = named(2);
    assert.ok(ownersOf(new Ring([{ ...a!, weight: 0 }, b!])).every((owner) => owner === 1));
    assert.equal(
      new Ring(named(2)).find("key", () => false),
      undefined,
    );
    assert.ok(new Set(ownersOf(new Ring(named(1000)))).size > 700);
  });
});
