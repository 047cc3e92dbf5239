import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Eviction, Lost } from "../../src/cache/tiers/evict/eviction.ts";
import { createEviction, type EvictionName } from "../../src/cache/tiers/evict/policies.ts";

const NEVER = Number.POSITIVE_INFINITY;

interface Told {
  readonly key: string;
  readonly why: Lost;
}

function opened(name: EvictionName, limits: { bytes?: number; entries?: number } = {}) {
  const told: Told[] = [];
  const { bytes = 100, entries = 1000 } = limits;
  const eviction = createEviction<string>(name, {
    limits: { bytes, entries },
    lost: ({ key }, why) => void told.push({ key, why }),
  });
  return { eviction, told };
}

const keysOf = (eviction: Eviction<string>): string[] => Array.from(eviction.all(), ({ key }) => key).sort();
const sumOf = (eviction: Eviction<string>): number =>
  Array.from(eviction.all()).reduce((sum, { bytes }) => sum + bytes, 0);

/** What every eviction must do. */
export function evictionSuite(name: EvictionName): void {
  suite(`the eviction ${name}`, () => {
    test("finds what was put in, counts each use, and peeks without one", () => {
      const { eviction } = opened(name);
      assert.equal(eviction.set("a", "1", 10, NEVER, 0), true);
      assert.equal(eviction.get("a", 0), "1");
      assert.equal(eviction.get("a", 0), "1");
      assert.equal(eviction.get("b", 0), undefined);
      const { key, value, bytes, until, hits } = eviction.peek("a")!;
      assert.deepEqual({ key, value, bytes, until, hits }, { key: "a", value: "1", bytes: 10, until: NEVER, hits: 2 });
      eviction.set("a", "2", 20, NEVER, 0);
      assert.equal(eviction.peek("a")!.hits, 0, "uses are counted from when it was last put in");
      assert.equal(eviction.bytes, 20);
    });

    test("never holds more octets or entries than it may, and tells once what gave way", () => {
      const byBytes = opened(name);
      for (let i = 0; i < 30; i++) byBytes.eviction.set(`k${i}`, "v", 10, 1000 + i, 0);
      assert.equal(byBytes.eviction.bytes, 100);
      assert.equal(byBytes.told.length, 20);
      assert.ok(byBytes.told.every(({ why }) => why === "capacity"));
      const byEntries = opened(name, { entries: 5 });
      for (let i = 0; i < 30; i++) byEntries.eviction.set(`k${i}`, "v", 1, 1000 + i, 0);
      assert.equal(byEntries.eviction.entries, 5);
      assert.equal(byEntries.told.length, 25);
    });

    test("what has run out is not found, goes first when met, and is told as expired", () => {
      const { eviction, told } = opened(name);
      eviction.set("a", "1", 10, 50, 0);
      assert.equal(eviction.get("a", 49), "1");
      assert.equal(eviction.get("a", 50), undefined);
      assert.deepEqual(told, [{ key: "a", why: "expired" }]);
      assert.equal(eviction.entries, 0);
      for (let i = 0; i < 10; i++) eviction.set(`k${i}`, "v", 10, 60, 50);
      for (let i = 0; i < 10; i++) for (let use = 0; use < 4; use++) eviction.get(`k${i}`, 59);
      eviction.set("b", "1", 100, NEVER, 60);
      assert.deepEqual(keysOf(eviction), ["b"]);
      assert.equal(told.length, 11);
      assert.ok(told.every(({ why }) => why === "expired"));
    });

    test("refuses what is larger than all of it, and what was there before is gone", () => {
      const { eviction, told } = opened(name);
      eviction.set("a", "1", 10, NEVER, 0);
      eviction.set("b", "1", 10, NEVER, 0);
      assert.equal(eviction.set("a", "2", 101, NEVER, 0), false);
      assert.deepEqual(keysOf(eviction), ["b"]);
      assert.deepEqual(told, []);
      assert.equal(eviction.set("c", "1", 100, NEVER, 0), true, "what just fits is kept alone");
      assert.deepEqual(keysOf(eviction), ["c"]);
    });

    test("what is deleted, cleared or replaced is not told, and its room is free", () => {
      const { eviction, told } = opened(name);
      for (const key of ["a", "b", "c"]) eviction.set(key, "1", 30, NEVER, 0);
      eviction.set("a", "2", 30, NEVER, 0);
      assert.equal(eviction.delete("a"), true);
      assert.equal(eviction.delete("a"), false);
      assert.equal(eviction.bytes, 60);
      eviction.clear();
      assert.equal(eviction.bytes, 0);
      assert.deepEqual(keysOf(eviction), []);
      for (const key of ["a", "b", "c"]) eviction.set(key, "1", 30, NEVER, 0);
      assert.deepEqual(told, []);
    });

    test("one that grows when it is replaced stays, and others give way for it", () => {
      const { eviction, told } = opened(name);
      for (const [at, key] of ["a", "b", "c", "d"].entries()) eviction.set(key, "1", 25, 100 + at, 0);
      eviction.set("a", "2", 60, 100, 0);
      assert.equal(eviction.get("a", 0), "2");
      assert.equal(told.length, 2);
      assert.equal(eviction.bytes, 85);
    });

    test("a smaller budget holds at once, a larger one from then on", () => {
      const { eviction, told } = opened(name);
      for (let i = 0; i < 10; i++) eviction.set(`k${i}`, "v", 10, 1000 + i, 0);
      eviction.resize(35, 0);
      assert.equal(eviction.limit, 35);
      assert.equal(eviction.bytes, 30);
      assert.equal(told.length, 7);
      eviction.resize(200, 0);
      for (let i = 0; i < 30; i++) eviction.set(`l${i}`, "v", 10, 1000 + i, 0);
      assert.equal(eviction.bytes, 200);
    });

    test("whatever is done to it: limits hold, sums agree, a hit changes no size, each loss is told once", () => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 200 }), (actions) => checkAll(name, actions)),
        { numRuns: 150 },
      );
    });
  });
}

type Action =
  | { readonly do: "set"; readonly key: number; readonly bytes: number; readonly lasts: number }
  | { readonly do: "get"; readonly key: number }
  | { readonly do: "delete"; readonly key: number }
  | { readonly do: "pass"; readonly by: number }
  | { readonly do: "resize"; readonly by: number };

const key = fc.nat(30);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      key,
      bytes: fc.integer({ min: 1, max: 60 }),
      lasts: fc.nat(40),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("get" as const), key }) },
  fc.record({ do: fc.constant("delete" as const), key }),
  fc.record({ do: fc.constant("pass" as const), by: fc.nat(10) }),
  fc.record({ do: fc.constant("resize" as const), by: fc.integer({ min: 20, max: 150 }) }),
);

/** Runs the actions beside a map that knows what must be there: what was put in and neither taken away nor told lost. */
function checkAll(name: EvictionName, actions: readonly Action[]): void {
  const there = new Map<string, { value: string; until: number }>();
  let now = 0;
  const eviction = createEviction<string>(name, {
    limits: { bytes: 100, entries: 12 },
    lost: ({ key, until }, why) => {
      assert.ok(there.delete(key), `${key} is told once, and only if it was there`);
      assert.equal(why, until <= now ? "expired" : "capacity");
    },
  });
  actions.forEach((step, index) => {
    const before = eviction.bytes;
    if (step.do === "pass") now += step.by;
    else if (step.do === "resize") eviction.resize(step.by, now);
    else {
      const name = `k${step.key}`;
      if (step.do === "delete") assert.equal(eviction.delete(name), there.delete(name));
      else if (step.do === "get") {
        const known = there.get(name);
        assert.equal(eviction.get(name, now), known && known.until > now ? known.value : undefined);
        if (known && known.until > now) assert.equal(eviction.bytes, before);
      } else {
        const [value, until] = [`v${index}`, now + 1 + step.lasts];
        there.set(name, { value, until });
        if (eviction.set(name, value, step.bytes, until, now)) assert.equal(eviction.peek(name)!.value, value);
        else there.delete(name);
      }
    }
    assert.ok(eviction.bytes <= eviction.limit);
    assert.ok(eviction.entries <= 12);
    assert.equal(eviction.bytes, sumOf(eviction));
    assert.deepEqual(keysOf(eviction), [...there.keys()].sort());
  });
}
