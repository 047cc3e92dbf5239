import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Usage } from "../../../src/routing/usage.ts";

/** Looks are a second apart. */
const look = (usage: Usage, name: number, now: number, drawn = 0) => usage.quantile(name, drawn, now);

suite("who used how much", () => {
  test("nothing is said of one that is not known, nor of the only one", () => {
    const usage = new Usage(0);
    assert.equal(look(usage, 1, 1000), undefined);
    usage.add(1, 50, 1500);
    assert.equal(look(usage, 1, 2000), undefined);
    usage.add(2, 5000, 2100);
    assert.equal(look(usage, 2, 2500), undefined, "before the next look");
    assert.equal(look(usage, 1, 3000), 0);
    assert.equal(look(usage, 2, 3000), 0.5);
    assert.equal(look(usage, 3, 3000), undefined);
  });

  test("who used more has the higher share below it", () => {
    const usage = new Usage(0);
    for (let name = 1; name <= 10; name++) usage.add(name, 2 ** name * 3, 0);
    const shares = Array.from({ length: 10 }, (_, i) => look(usage, i + 1, 1000)!);
    assert.deepEqual(shares, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  });

  test("those who used about as much are lined up by what is drawn", () => {
    const usage = new Usage(0);
    for (let name = 1; name <= 4; name++) usage.add(name, 100, 0);
    assert.deepEqual(
      [0, 0.25, 0.5, 0.999].map((drawn) => Math.round(look(usage, 3, 1000, drawn)! * 100)),
      [0, 25, 50, 100],
    );
  });

  test("what was used long ago counts half every 30 s, and in the end not at all", () => {
    const usage = new Usage(0);
    usage.add(1, 4000, 0);
    assert.equal(look(usage, 1, 60_000), undefined);
    // 4 s a minute ago are as much as 1 s now.
    usage.add(2, 1100, 60_500);
    usage.add(3, 500, 60_500);
    assert.ok(look(usage, 1, 61_000)! <= look(usage, 2, 61_000)!);
    assert.ok(look(usage, 3, 61_000)! < look(usage, 1, 61_000)!);
    assert.equal(look(usage, 1, 2_000_000), undefined);
  });

  test("goes on for days without losing or making up a number", () => {
    const usage = new Usage(0);
    for (let now = 0; now < 10 * 86_400_000; now += 600_000) {
      usage.add(1, 10, now);
      usage.add(2, 1000, now);
      assert.equal(look(usage, 1, now + 1000), 0, `${now}`);
      assert.equal(look(usage, 2, now + 1000), 0.5, `${now}`);
    }
    assert.equal(look(usage, 2, Number.MAX_SAFE_INTEGER), undefined);
  });

  test("a flood of names drives out none that uses more", () => {
    const usage = new Usage(0);
    for (let name = 1; name <= 100; name++) usage.add(name, 60_000, 0);
    for (let name = 1000; name < 1_001_000; name++) usage.add((Math.imul(name, 0x9e3779b1) >>> 0) | 1, 5, 0);
    let known = 0;
    for (let name = 1; name <= 100; name++) if ((look(usage, name, 1000) ?? 0) > 0.9) known++;
    assert.equal(known, 100);
  });

  test("shares stay between 0 and 1", () => {
    const step = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.nat(5000));
    fc.assert(
      fc.property(fc.array(step), fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, drawn) => {
        const usage = new Usage(0);
        let now = 0;
        for (const [name, ms, pause] of steps) {
          usage.add(name, ms, now);
          const share = look(usage, name, (now += pause), drawn);
          assert.ok(share === undefined || (share >= 0 && share < 1), `${share}`);
        }
      }),
    );
  });
});
