import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { CachePolicy, StoredHead, Usability } from "../../../src/cache/rules.ts";
import { storedHead } from "../../../src/cache/rules/age.ts";
import { formatDate } from "../../../src/cache/rules/date.ts";
import { readingOf, usability, usefulUntil } from "../../../src/cache/rules/usability.ts";

const ORIGIN: CachePolicy = { by: "origin" };
const OPERATOR: CachePolicy = { by: "operator", ttl: 60_000, staleWhileRevalidate: 5000, staleIfError: 7000 };
const T = Date.UTC(2026, 10, 20, 12);
const DAY = 86_400_000;
const HOUR = 3_600_000;
const MOST = 2 ** 31 * 1000;

const at = (seconds: number): string => formatDate(T + seconds * 1000);
const cc = (value: string): string[] => ["Cache-Control", value];
const head = (headers: string[], status = 200, requestedAt = T): StoredHead =>
  storedHead({ status, headers }, { requestedAt, receivedAt: T, wall: T });

interface Row {
  readonly why: string;
  readonly says: string[];
  readonly status?: number;
  readonly policy?: CachePolicy;
  readonly is: Partial<Usability>;
}

const DATE = ["Date", at(0)];

const ROWS: Row[] = [
  // The longest that a class takes an origin's word for
  {
    why: "at most what is allowed",
    says: cc("max-age=3600"),
    policy: { ...ORIGIN, most: 9000 },
    is: { lifetime: 9000 },
  },
  { why: "never longer than said", says: cc("max-age=3"), policy: { ...ORIGIN, most: 9000 }, is: { lifetime: 3000 } },
  {
    why: "windows begin after it",
    says: cc("max-age=3600, stale-while-revalidate=5"),
    policy: { ...ORIGIN, most: 9000 },
    is: { lifetime: 9000, staleWhileRevalidate: 5000 },
  },
  {
    why: "an operator's ttl counts from when the answer came, whatever its Age",
    says: ["Age", "90"],
    policy: OPERATOR,
    is: { age: 90_000, lifetime: 150_000 },
  },
  {
    why: "an operator's ttl counts from when the answer came, whatever the origin's clock",
    says: ["Date", at(-120)],
    policy: OPERATOR,
    is: { age: 120_000, lifetime: 180_000 },
  },
  {
    why: "also of statuses that an operator's ttl is not for",
    says: cc("max-age=3600"),
    status: 302,
    policy: { ...OPERATOR, most: 9000 },
    is: { lifetime: 9000 },
  },
  // Lifetime, RFC 9111 section 4.2.1
  { why: "nothing said (4.2.1)", says: DATE, is: { lifetime: 0 } },
  { why: "max-age (4.2.1)", says: cc("max-age=3600"), is: { lifetime: HOUR, mustRevalidate: false } },
  {
    why: "max-age over Expires in the past (5.3)",
    says: [...cc("max-age=3600"), "Expires", at(-7200)],
    is: { lifetime: HOUR },
  },
  {
    why: "max-age over Expires that is none (5.3)",
    says: [...cc("max-age=3600"), "Expires", "0"],
    is: { lifetime: HOUR },
  },
  { why: "max-age=0 over Expires to come (5.3)", says: [...cc("max-age=0"), "Expires", at(3600)], is: { lifetime: 0 } },
  {
    why: "s-maxage over longer max-age (5.2.2.10)",
    says: cc("max-age=3600, s-maxage=1"),
    is: { lifetime: 1000, mustRevalidate: true },
  },
  { why: "s-maxage over shorter max-age (5.2.2.10)", says: cc("s-maxage=3600, max-age=1"), is: { lifetime: HOUR } },
  {
    why: "s-maxage on another line (5.2.2.10)",
    says: [...cc("max-age=3600"), ...cc("s-maxage=1")],
    is: { lifetime: 1000 },
  },
  {
    why: "s-maxage over all (5.2.2.10)",
    says: ["Expires", at(-10), ...cc("max-age=0, s-maxage=3600")],
    is: { lifetime: HOUR },
  },
  { why: "over 2^31 (1.2.2)", says: cc("max-age=99999999999"), is: { lifetime: MOST } },
  { why: "Expires (5.3)", says: [...DATE, "Expires", at(30)], is: { lifetime: 30_000 } },
  { why: "Expires against Date (4.2.1)", says: ["Date", at(400), "Expires", at(300)], is: { lifetime: 0 } },
  { why: "Expires in the past (5.3)", says: [...DATE, "Expires", at(-30)], is: { lifetime: 0 } },
  { why: "Expires now (5.3)", says: [...DATE, "Expires", at(0)], is: { lifetime: 0 } },
  { why: "Expires: 0 (5.3)", says: [...DATE, "Expires", "0", "Last-Modified", at(-1000)], is: { lifetime: 0 } },
  { why: "Expires twice (5.3)", says: [...DATE, "Expires", at(30), "Expires", at(30)], is: { lifetime: 0 } },
  { why: "Expires with no Date (4.2.1)", says: ["Expires", at(10)], is: { lifetime: 10_000 } },
  {
    why: "Expires with a Date that is none (4.2.1)",
    says: ["Date", "foo", "Expires", at(10)],
    is: { lifetime: 10_000, age: 0 },
  },
  {
    why: "no-cache is never fresh (5.2.2.4)",
    says: cc("max-age=3600, No-CaChE"),
    is: { lifetime: 0, mustRevalidate: true, staleIfError: 0 },
  },
  {
    why: "qualified no-cache is (5.2.2.4)",
    says: cc('max-age=3600, no-cache="a"'),
    is: { lifetime: HOUR, mustRevalidate: false },
  },
  {
    why: "targeted over Cache-Control (RFC 9213)",
    says: [...cc("max-age=3600"), "CDN-Cache-Control", "max-age=1"],
    is: { lifetime: 1000 },
  },
  {
    why: "targeted over Expires (RFC 9213)",
    says: [...DATE, "Expires", at(9), "CDN-Cache-Control", "max-age=0"],
    is: { lifetime: 0 },
  },
  {
    why: "targeted no-cache (RFC 9213)",
    says: [...cc("max-age=9"), "CDN-Cache-Control", "no-cache"],
    is: { lifetime: 0, mustRevalidate: true },
  },
  {
    why: "a targeted field ends must-revalidate (RFC 9213)",
    says: [...cc("must-revalidate"), "CDN-Cache-Control", "max-age=9"],
    is: { mustRevalidate: false },
  },
  // Guesses, section 4.2.2
  {
    why: "a tenth of the time since the change (4.2.2)",
    says: [...DATE, "Last-Modified", at(-3600)],
    is: { lifetime: 360_000 },
  },
  { why: "a day at most (4.2.2)", says: [...DATE, "Last-Modified", at(-86_400 * 100)], is: { lifetime: DAY } },
  { why: "a change to come (4.2.2)", says: [...DATE, "Last-Modified", at(60)], is: { lifetime: 0 } },
  { why: "a change that is no date (4.2.2)", says: [...DATE, "Last-Modified", "0"], is: { lifetime: 0 } },
  { why: "no guess for 302 (4.2.2)", status: 302, says: [...DATE, "Last-Modified", at(-3600)], is: { lifetime: 0 } },
  {
    why: "a guess for a public 302 (4.2.2)",
    status: 302,
    says: [...cc("public"), ...DATE, "Last-Modified", at(-3600)],
    is: { lifetime: 360_000 },
  },
  // Errors
  {
    why: "an error lives 5 s at most",
    status: 503,
    says: cc("max-age=3600"),
    is: { lifetime: 5000, mustRevalidate: true, staleIfError: 0 },
  },
  { why: "an error lives shorter if it says so", status: 403, says: cc("max-age=2"), is: { lifetime: 2000 } },
  { why: "404 and 410 live as they say", status: 404, says: cc("max-age=3600"), is: { lifetime: HOUR } },
  // Windows, RFC 5861
  {
    why: "stale-while-revalidate (RFC 5861 3)",
    says: cc("max-age=1, stale-while-revalidate=4"),
    is: { staleWhileRevalidate: 4000 },
  },
  {
    why: "stale-if-error (RFC 5861 4)",
    says: cc("max-age=1, stale-if-error=60"),
    is: { staleIfError: 60_000, staleWhileRevalidate: 0 },
  },
  { why: "stale-if-error=0 (RFC 5861 4)", says: cc("max-age=1, stale-if-error=0"), is: { staleIfError: 0 } },
  { why: "nothing said of errors (4.2.4)", says: cc("max-age=1"), is: { staleIfError: DAY } },
  ...["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"].map((word) => ({
    why: `${word} takes both windows (4.2.4)`,
    says: cc(`max-age=2, stale-while-revalidate=9, stale-if-error=9, ${word}`),
    is: { mustRevalidate: true, staleWhileRevalidate: 0, staleIfError: 0 },
  })),
  // Operator
  {
    why: "ttl over max-age",
    policy: OPERATOR,
    says: cc("max-age=1, stale-if-error=1"),
    is: { lifetime: 60_000, staleWhileRevalidate: 5000, staleIfError: 7000 },
  },
  { why: "ttl over no-cache", policy: OPERATOR, says: cc("no-cache"), is: { lifetime: 60_000, mustRevalidate: false } },
  {
    why: "ttl and must-revalidate",
    policy: OPERATOR,
    says: cc("must-revalidate"),
    is: { lifetime: 60_000, mustRevalidate: true, staleIfError: 0, staleWhileRevalidate: 0 },
  },
  { why: "ttl is not for 302", policy: OPERATOR, status: 302, says: cc("max-age=1"), is: { lifetime: 1000 } },
  {
    why: "ttl is not for errors",
    policy: OPERATOR,
    status: 500,
    says: cc("max-age=1"),
    is: { lifetime: 1000, staleIfError: 0 },
  },
  // Age, section 4.2.3 and 5.1
  { why: "Age (5.1)", says: [...DATE, "Age", "7200"], is: { age: 7_200_000 } },
  { why: "an old Date (4.2.3)", says: ["Date", at(-7200)], is: { age: 7_200_000 } },
  { why: "Age and an old Date: the larger (4.2.3)", says: ["Date", at(-10), "Age", "25"], is: { age: 25_000 } },
  { why: "Age and a fast Date (4.2.3)", says: ["Date", at(10), "Age", "15"], is: { age: 15_000 } },
  { why: "a word (5.1)", says: ["Age", "abc"], is: { age: 0 } },
  { why: "a negative number (5.1)", says: ["Age", "-7200"], is: { age: 0 } },
  { why: "a fraction (5.1)", says: ["Age", "7200.0"], is: { age: 0 } },
  { why: "a parameter (5.1)", says: ["Age", "7200;foo=111"], is: { age: 0 } },
  { why: "2147483647 (1.2.2)", says: ["Age", "2147483647"], is: { age: MOST - 1000 } },
  { why: "2147483649 (1.2.2)", says: ["Age", "2147483649"], is: { age: MOST } },
  { why: "the first of a list, old (5.1)", says: ["Age", "7200, 0"], is: { age: 7_200_000 } },
  { why: "the first of a list, young (5.1)", says: ["Age", "0, 7200"], is: { age: 0 } },
  { why: "the first of two lines, old (5.1)", says: ["Age", "7200", "Age", "0"], is: { age: 7_200_000 } },
  { why: "the first of two lines, young (5.1)", says: ["Age", "0", "Age", "7200"], is: { age: 0 } },
  { why: "the first that is a number (5.1)", says: ["Age", "x, 60"], is: { age: 60_000 } },
];

suite("usability, RFC 9111 section 4.2", () => {
  for (const { why, says, status, policy = ORIGIN, is } of ROWS) {
    test(why, () => {
      const actual = usability(head(says, status), policy, T);
      for (const [key, value] of Object.entries(is)) assert.equal(actual[key as keyof Usability], value, key);
    });
  }

  test("counts the response delay and the time in store (4.2.3)", () => {
    const stored = head([...DATE, "Age", "10"], 200, T - 2000);
    assert.equal(usability(stored, ORIGIN, T + 3000).age, 15_000);
  });

  test("a clock that was set back makes nothing younger than it came (4.2.3)", () => {
    assert.equal(usability(head([...DATE, "Age", "10"]), ORIGIN, T - HOUR).age, 10_000);
    assert.equal(usability(head(DATE, 200, T + HOUR), ORIGIN, T).age, 0);
  });

  test("is kept past its windows to be asked about, if it has a validator (4.3)", () => {
    const until = (headers: string[]): number => {
      const stored = head([...DATE, ...headers]);
      return usefulUntil(stored, ORIGIN, readingOf(stored)) - T;
    };
    const strict = cc("max-age=2, must-revalidate");
    assert.equal(until(strict), 2000);
    assert.equal(until([...strict, "ETag", '"a"']), 2000 + HOUR);
    assert.equal(until([...cc("no-cache"), "Last-Modified", at(-9)]), HOUR);
    assert.equal(until([...cc("max-age=2, stale-if-error=7200"), "ETag", '"a"']), 2000 + 20 * HOUR);
  });

  test("whatever the fields, no number is negative or none, and what must be revalidated has no window", () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.constantFrom("max-age=1", "no-cache", "s-maxage", at(5)),
    );
    const name = fc.constantFrom("Cache-Control", "CDN-Cache-Control", "Expires", "Date", "Last-Modified", "Age");
    const fields = fc.array(fc.tuple(name, value)).map((list) => list.flat());
    fc.assert(
      fc.property(fields, fc.constantFrom(ORIGIN, OPERATOR), fc.constantFrom(200, 302, 503), (says, policy, status) => {
        const usable = usability(head(says, status), policy, T);
        assert.ok(usable.age >= 0 && usable.lifetime >= 0);
        assert.ok(usable.staleIfError >= 0 && usable.staleWhileRevalidate >= 0);
        if (usable.mustRevalidate) assert.equal(usable.staleIfError + usable.staleWhileRevalidate, 0);
      }),
    );
  });
});
