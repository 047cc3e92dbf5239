import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { CachePolicy, ReuseVerdict, StoredHead } from "../../../src/cache/rules.ts";
import { judgeReuse, onlyIfCached } from "../../../src/cache/rules/reuse.ts";

const ORIGIN: CachePolicy = { by: "origin" };
const OPERATOR: CachePolicy = { by: "operator", ttl: 60_000, staleWhileRevalidate: 5000, staleIfError: 7000 };
const T = Date.UTC(2026, 10, 20, 12);
const DAY = 86_400;

const FRESH: ReuseVerdict = { use: "fresh" };
const SWR: ReuseVerdict = { use: "stale-while-revalidate" };
const ask = (onError: boolean): ReuseVerdict => ({ use: "revalidate", onError });
const bypass = (onError: boolean): ReuseVerdict => ({ use: "bypass", onError });

const cc = (value: string): string[] => ["Cache-Control", value];
const PRAGMA = ["Pragma", "no-cache"];

interface Row {
  readonly why: string;
  readonly says: string;
  /** Seconds in store. */
  readonly age: number;
  readonly asks?: string[];
  readonly policy?: CachePolicy;
  readonly is: ReuseVerdict;
}

const ROWS: Row[] = [
  { why: "fresh (4.2)", says: "max-age=60", age: 59, is: FRESH },
  { why: "at its lifetime it is stale (4.2)", says: "max-age=60", age: 60, is: ask(true) },
  { why: "max-age=0 (4.2)", says: "max-age=0", age: 0, is: ask(true) },
  { why: "no-cache (5.2.2.4)", says: "no-cache, max-age=60", age: 0, is: ask(false) },
  { why: "must-revalidate, fresh (5.2.2.2)", says: "max-age=60, must-revalidate", age: 1, is: FRESH },
  { why: "must-revalidate, stale (5.2.2.2)", says: "max-age=2, must-revalidate", age: 3, is: ask(false) },
  { why: "proxy-revalidate, stale (5.2.2.8)", says: "max-age=2, proxy-revalidate", age: 3, is: ask(false) },
  { why: "s-maxage, stale (5.2.2.10)", says: "max-age=2, s-maxage=2", age: 3, is: ask(false) },
  { why: "stale-while-revalidate, within (RFC 5861 3)", says: "max-age=1, stale-while-revalidate=4", age: 4, is: SWR },
  {
    why: "stale-while-revalidate, past (RFC 5861 3)",
    says: "max-age=1, stale-while-revalidate=4",
    age: 5,
    is: ask(true),
  },
  {
    why: "stale-while-revalidate under must-revalidate",
    says: "max-age=1, stale-while-revalidate=4, must-revalidate",
    age: 2,
    is: ask(false),
  },
  { why: "stale-if-error, within (RFC 5861 4)", says: "max-age=1, stale-if-error=4", age: 4, is: ask(true) },
  { why: "stale-if-error, past (RFC 5861 4)", says: "max-age=1, stale-if-error=4", age: 5, is: ask(false) },
  { why: "stale-if-error=0 (RFC 5861 4)", says: "max-age=1, stale-if-error=0", age: 2, is: ask(false) },
  { why: "nothing said of errors, within a day (4.2.4)", says: "max-age=1", age: DAY, is: ask(true) },
  { why: "nothing said of errors, past a day (4.2.4)", says: "max-age=1", age: DAY + 1, is: ask(false) },
  { why: "operator, fresh", policy: OPERATOR, says: "max-age=1", age: 59, is: FRESH },
  { why: "operator, stale while revalidating", policy: OPERATOR, says: "max-age=1", age: 64, is: SWR },
  { why: "operator, on error", policy: OPERATOR, says: "max-age=1", age: 66, is: ask(true) },
  { why: "operator, past all windows", policy: OPERATOR, says: "max-age=1", age: 67, is: ask(false) },
  { why: "request no-cache (5.2.1.4)", asks: cc("no-cache"), says: "max-age=60", age: 1, is: bypass(true) },
  {
    why: "request no-cache under must-revalidate (5.2.1.4)",
    asks: cc("No-Cache"),
    says: "max-age=60, must-revalidate",
    age: 1,
    is: bypass(false),
  },
  { why: "Pragma: no-cache (5.4)", asks: PRAGMA, says: "max-age=60", age: 1, is: bypass(true) },
  { why: "Pragma beside Cache-Control (5.4)", asks: [...PRAGMA, ...cc("foo")], says: "max-age=60", age: 1, is: FRESH },
  { why: "another Pragma (5.4)", asks: ["Pragma", "foo"], says: "max-age=60", age: 1, is: FRESH },
  { why: "request max-age=0 (5.2.1.1)", asks: cc("max-age=0"), says: "max-age=60", age: 0, is: bypass(true) },
  { why: "request max-age, old enough (5.2.1.1)", asks: cc("max-age=10"), says: "max-age=60", age: 10, is: FRESH },
  { why: "request max-age, too old (5.2.1.1)", asks: cc("max-age=10"), says: "max-age=60", age: 11, is: bypass(true) },
  {
    why: "request max-age takes nothing stale (5.2.1.1)",
    asks: cc("max-age=99"),
    says: "max-age=1, stale-while-revalidate=9",
    age: 2,
    is: ask(true),
  },
  { why: "min-fresh, enough (5.2.1.3)", asks: cc("min-fresh=10"), says: "max-age=60", age: 50, is: FRESH },
  { why: "min-fresh, not enough (5.2.1.3)", asks: cc("min-fresh=11"), says: "max-age=60", age: 50, is: bypass(true) },
  { why: "max-stale, within (5.2.1.2)", asks: cc("max-stale=5"), says: "max-age=60", age: 65, is: SWR },
  { why: "max-stale, past (5.2.1.2)", asks: cc("max-stale=5"), says: "max-age=60", age: 66, is: ask(true) },
  { why: "max-stale without end (5.2.1.2)", asks: cc("max-stale"), says: "max-age=60", age: 9999, is: SWR },
  {
    why: "max-stale under must-revalidate (5.2.1.2)",
    asks: cc("max-stale"),
    says: "max-age=60, must-revalidate",
    age: 61,
    is: ask(false),
  },
  { why: "request no-store is about storing (5.2.1.5)", asks: cc("no-store"), says: "max-age=60", age: 1, is: FRESH },
];

const stored = (headers: string[], status = 200): StoredHead => ({ status, headers, initialAge: 0, receivedAt: T });

suite("reuse, RFC 9111 section 4", () => {
  for (const { why, says, age, asks = [], policy = ORIGIN, is } of ROWS) {
    test(why, () => {
      const verdict = judgeReuse({ method: "GET", headers: asks }, stored(cc(says)), policy, T + age * 1000);
      assert.deepEqual(verdict, is);
    });
  }

  test("a stored error is never used stale", () => {
    const request = { method: "GET", headers: cc("max-stale") };
    assert.deepEqual(judgeReuse(request, stored(cc("max-age=9, stale-if-error=9"), 503), ORIGIN, T + 6000), ask(false));
  });

  test("only-if-cached (5.2.1.7)", () => {
    assert.equal(onlyIfCached({ method: "GET", headers: cc("Only-If-Cached") }), true);
    assert.equal(onlyIfCached({ method: "GET", headers: cc("x-only-if-cached") }), false);
    assert.equal(onlyIfCached({ method: "GET", headers: [] }), false);
  });

  test("must-revalidate and no-cache are never used stale, on no ground", () => {
    const word = fc.constantFrom("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=1");
    const more = fc.constantFrom("stale-while-revalidate=99", "stale-if-error=99", "max-age=1", "public");
    const wish = fc.constantFrom("max-stale", "max-stale=99", "max-age=1", "no-cache", "min-fresh=0");
    fc.assert(
      fc.property(word, fc.array(more), fc.array(wish), fc.integer({ min: 1, max: 1000 }), (word, more, wish, age) => {
        const says = cc([...more, word, "max-age=1"].join(","));
        const request = { method: "GET", headers: cc(wish.join(",")) };
        const verdict = judgeReuse(request, stored(says), ORIGIN, T + age * 1000);
        assert.ok((verdict.use === "revalidate" || verdict.use === "bypass") && !verdict.onError);
      }),
    );
  });

  test("no head and no time make it throw", () => {
    const any = fc.array(fc.string({ unit: "binary" }), { maxLength: 6 });
    fc.assert(
      fc.property(any, any, fc.integer(), fc.double(), (asks, says, status, now) => {
        judgeReuse({ method: "GET", headers: asks }, stored(says, status), ORIGIN, now);
        judgeReuse({ method: "GET", headers: cc(asks.join()) }, stored(cc(says.join()), status), ORIGIN, now);
      }),
    );
  });
});
