import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readDirectives, type Directives } from "../../../src/cache/rules/directives.ts";
import { readDictionary } from "../../../src/core/dictionary.ts";
import { readRuling } from "../../../src/cache/rules/targeted.ts";

const HOUR = 3_600_000;
const MOST = 2 ** 31 * 1000;

const READ: [why: string, text: string, expected: Partial<Directives>][] = [
  ["nothing", "", { maxAge: undefined, unreadable: false }],
  ["max-age (5.2.2.1)", "max-age=3600", { maxAge: HOUR, unreadable: false }],
  ["case of names (5.2)", "MaX-aGe=3600, No-StOrE", { maxAge: HOUR, noStore: true, unreadable: false }],
  ["a quoted number (5.2)", 'max-age="3600"', { maxAge: HOUR, unreadable: false }],
  ["escapes in quotes", 'max-age="3\\600"', { maxAge: HOUR, unreadable: false }],
  ["leading zeros (1.2.2)", "max-age=003600", { maxAge: HOUR }],
  ["one under 2^31 (1.2.2)", "max-age=2147483647", { maxAge: MOST - 1000 }],
  ["2^31 (1.2.2)", "max-age=2147483648", { maxAge: MOST }],
  ["over 2^31 (1.2.2)", "max-age=99999999999", { maxAge: MOST }],
  ["far over (1.2.2)", `max-age=${"9".repeat(400)}`, { maxAge: MOST }],
  ["a negative number is stale (4.2.1)", "max-age=-3600", { maxAge: 0 }],
  ["a fraction is stale (4.2.1)", "max-age=3600.5", { maxAge: 0 }],
  ["a fraction of zero is stale (4.2.1)", "max-age=3600.0", { maxAge: 0 }],
  ["a letter in front is stale (4.2.1)", "max-age=a3600", { maxAge: 0 }],
  ["a letter behind is stale (4.2.1)", "max-age=3600a", { maxAge: 0 }],
  ["single quotes are stale (4.2.1)", "max-age='3600'", { maxAge: 0 }],
  ["no number is stale (4.2.1)", "max-age", { maxAge: 0 }],
  ["an empty number is stale (4.2.1)", "max-age=", { maxAge: 0 }],
  ["of two, the smaller (4.2.1)", "max-age=1800, max-age=1", { maxAge: 1000 }],
  ["of two, the smaller, the other way round (4.2.1)", "max-age=1, max-age=1800", { maxAge: 1000 }],
  ["of two, the invalid one (4.2.1)", "max-age=1800, max-age=x", { maxAge: 0 }],
  ["of two s-maxage, the smaller", "s-maxage=9, s-maxage=3", { sMaxAge: 3000 }],
  ["quotes hide directives", 'extension="max-age=3600, no-store", max-age=1', { maxAge: 1000, noStore: false }],
  ["quotes hide directives, behind", 'max-age=1, extension="max-age=3600"', { maxAge: 1000, unreadable: false }],
  ["an escaped quote closes nothing", 'a="\\", no-store, b=", max-age=1', { noStore: false, maxAge: 1000 }],
  ["unknown directives are left alone (5.2.3)", "foobar, a=b, max-age=3600", { maxAge: HOUR, unreadable: false }],
  ["empty members (RFC 9110 5.6.1)", ", ,max-age=1,,", { maxAge: 1000, unreadable: false }],
  ["tabs around commas", "max-age=1\t,\tno-store\t", { maxAge: 1000, noStore: true, unreadable: false }],
  ["space before = is doubt", "max-age =3600", { unreadable: true }],
  ["space behind = is doubt", "max-age= 3600", { maxAge: 0, unreadable: true }],
  ["a semicolon is doubt", "max-age=3600; private", { unreadable: true }],
  ["a quote that is not closed is doubt", 'a="b, no-store', { unreadable: true }],
  ["letters behind a quote are doubt", 'private="a"b', { unreadable: true }],
  ["no name is doubt", "=3600", { unreadable: true }],
  ["a control character is doubt", "no-\0store", { unreadable: true }],
  [
    "what stands behind the doubt is read",
    "max-age =1, no-store, private",
    { unreadable: true, noStore: true, private: true },
  ],
  ["a value where none belongs is doubt", "public=yes", { public: true, unreadable: true }],
  ["a value on no-store still is no-store", "no-store=0", { noStore: true, unreadable: true }],
  ["qualified no-cache (5.2.2.4)", 'no-cache="A, b"', { noCache: false, withheld: ["a", "b"], unreadable: false }],
  ["qualified no-cache as a token (5.2.2.4)", "no-cache=A", { noCache: false, withheld: ["a"], unreadable: false }],
  ["qualified private (5.2.2.7)", 'private="x"', { private: false, withheld: ["x"], unreadable: false }],
  ["private of nothing is private", 'private=""', { private: true, withheld: [] }],
  ["private of commas is private", 'private=" , "', { private: true }],
  ["private with no value is private", "private=", { private: true }],
  ["private twice, once for all", 'private="a", private', { private: true, withheld: ["a"] }],
  ["a field that is none is doubt", 'private="a b"', { unreadable: true }],
  ["max-stale without a number (5.2.1.2)", "max-stale", { maxStale: Infinity }],
  ["max-stale with one (5.2.1.2)", "max-stale, max-stale=5", { maxStale: 5000 }],
  ["of two min-fresh, the longer (5.2.1.3)", "min-fresh=1, min-fresh=5", { minFresh: 5000 }],
  [
    "windows (RFC 5861)",
    "stale-while-revalidate=4, stale-if-error=60",
    { staleWhileRevalidate: 4000, staleIfError: 60_000 },
  ],
  [
    "an invalid window is none (RFC 5861)",
    "stale-while-revalidate=4.5, stale-if-error",
    { staleWhileRevalidate: 0, staleIfError: 0 },
  ],
  [
    "a longer name is another directive",
    "no-storex, xprivate, s-max-age=3",
    { noStore: false, private: false, sMaxAge: undefined },
  ],
];

const TARGETED: [why: string, headers: string[], targeted: boolean, expected: Partial<Directives>][] = [
  [
    "goes before Cache-Control (2.2)",
    ["Cache-Control", "no-store", "CDN-Cache-Control", "max-age=10"],
    true,
    { maxAge: 10_000, noStore: false },
  ],
  [
    "ours goes before all",
    ["CDN-Cache-Control", "max-age=10", "Spillway-Cache-Control", "max-age=2"],
    true,
    { maxAge: 2000 },
  ],
  [
    "Surrogate-Control comes last",
    ["Surrogate-Control", "max-age=10", "CDN-Cache-Control", "max-age=2"],
    true,
    { maxAge: 2000 },
  ],
  [
    "Surrogate-Control with its parameters",
    ["Surrogate-Control", 'max-age=10;x, content="ESI/1.0"'],
    true,
    { maxAge: 10_000 },
  ],
  [
    "several lines",
    ["CDN-Cache-Control", "max-age=10", "CDN-Cache-Control", "no-store"],
    true,
    { maxAge: 10_000, noStore: true },
  ],
  ["extensions", ["CDN-Cache-Control", "foobar, max-age=10"], true, { maxAge: 10_000 }],
  ["over 2^31", ["CDN-Cache-Control", "max-age=99999999999"], true, { maxAge: MOST }],
  ["capitals are malformed (2.1)", ["CDN-Cache-Control", "MAX-AGE=3"], false, { maxAge: undefined }],
  ["two values are malformed (2.1)", ["CDN-Cache-Control", "max-age=1 2"], false, { maxAge: undefined }],
  [
    "space before = is malformed",
    ["Cache-Control", "max-age=1", "CDN-Cache-Control", "max-age =100"],
    false,
    { maxAge: 1000 },
  ],
  [
    "space behind = is malformed",
    ["Cache-Control", "max-age=1", "CDN-Cache-Control", "max-age= 100"],
    false,
    { maxAge: 1000 },
  ],
  [
    "an unknown type is malformed (2.1)",
    ["CDN-Cache-Control", "max-age=10000, &&&&&", "Cache-Control", "no-store"],
    false,
    { noStore: true },
  ],
  [
    "a trailing comma is malformed",
    ["CDN-Cache-Control", "max-age=1,", "Cache-Control", "max-age=2"],
    false,
    { maxAge: 2000 },
  ],
  [
    "an empty field counts as absent (2.1)",
    ["CDN-Cache-Control", "", "Cache-Control", "max-age=2"],
    false,
    { maxAge: 2000 },
  ],
  [
    "a malformed one leaves the next",
    ["CDN-Cache-Control", "A=1", "Surrogate-Control", "max-age=2"],
    true,
    { maxAge: 2000 },
  ],
  ["a string is no number", ["CDN-Cache-Control", 'max-age="10000"', "Cache-Control", "no-store"], true, { maxAge: 0 }],
  ["a token is no number", ["CDN-Cache-Control", "max-age=abc"], true, { maxAge: 0 }],
  ["a list is no flag", ["CDN-Cache-Control", "no-store=(1 2)"], true, { noStore: true, unreadable: true }],
  ["a decimal is no number of seconds", ["CDN-Cache-Control", "max-age=1.5"], true, { maxAge: 0 }],
  ["a negative number is stale", ["CDN-Cache-Control", "max-age=-1"], true, { maxAge: 0 }],
  ["false is not said", ["CDN-Cache-Control", "no-store=?0, public=?1"], true, { noStore: false, public: true }],
  ["qualified private", ["CDN-Cache-Control", 'private="a, b"'], true, { private: false, withheld: ["a", "b"] }],
];

function check(actual: Directives, expected: Partial<Directives>): void {
  for (const [key, value] of Object.entries(expected)) {
    assert.deepEqual(actual[key as keyof Directives], value, key);
  }
}

suite("Cache-Control, RFC 9111 section 5.2", () => {
  for (const [why, text, expected] of READ) test(why, () => check(readDirectives(text), expected));

  test("an absent field says nothing", () =>
    check(readDirectives(undefined), { maxAge: undefined, unreadable: false }));

  const member = fc.oneof(
    fc.constantFrom("no-store", "private", "public", "no-cache", "must-revalidate", "max-age", 'private="a, b"', "x"),
    fc.nat().map((n) => `max-age=${String(n)}`),
    fc.nat().map((n) => `s-maxage="${String(n)}"`),
  );

  test("neither case nor blanks around commas change what it says", () => {
    const blanks = fc.constantFrom("", " ", "\t", "  \t ");
    const spelt = fc.array(fc.tuple(member, blanks, blanks, fc.boolean()), { maxLength: 8 });
    fc.assert(
      fc.property(spelt, (list) => {
        const plain = list.map(([text]) => text).join(",");
        const odd = list
          .map(([text, before, after, up]) => before + (up ? text.toUpperCase() : text) + after)
          .join(",");
        assert.deepEqual(readDirectives(odd), readDirectives(plain));
      }),
    );
  });

  test("whatever stands before and behind, a no-store of its own is not missed outside of quotes", () => {
    const noise = fc.string().map((text) => text.replaceAll('"', ""));
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        assert.ok(readDirectives(`${before},no-store,${after}`).noStore);
      }),
    );
  });

  test("no text makes it throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void readDirectives(text)));
  });
});

suite("targeted fields, RFC 9213", () => {
  for (const [why, headers, targeted, expected] of TARGETED) {
    test(why, () => {
      const ruling = readRuling(headers);
      assert.equal(ruling.targeted, targeted);
      check(ruling.directives, expected);
    });
  }

  const GOOD = [
    "a",
    "a=1",
    "a=-1.5, b=?1;c;d=2",
    "a=(1 2);x, b=()",
    "*a=*b/c:d",
    "a=:aGk=:",
    "a=@1",
    'a="\\"\\\\"',
    "a=( 1  b;q )",
    "",
  ];
  const BAD = [
    "A",
    "a=",
    "a==1",
    "a=(1",
    "a=(1,2)",
    "a=:x",
    "a=?2",
    'a="\\x"',
    'a="',
    "a=1.",
    "a=1.2345",
    "a=1234567890123456",
    "a;",
    "a;B",
    "a,",
    ",a",
    "a b",
    "a=-",
    "a=@1.5",
    "a=é",
    "a=(1;)",
  ];
  for (const text of GOOD) test(`is a dictionary (RFC 9651 3.2): ${text}`, () => assert.ok(readDictionary(text)));
  for (const text of BAD) test(`is none (RFC 9651 3.2): ${text}`, () => assert.equal(readDictionary(text), undefined));

  test("no text makes it throw", () => {
    const marks = fc.constantFrom(...'ab*=?01-.;:,()"\\ \t@A'.split(""));
    fc.assert(
      fc.property(fc.string({ unit: marks }), (text) => void readDictionary(text)),
      { numRuns: 1000 },
    );
  });
});
