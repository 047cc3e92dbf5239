import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { StoredHead } from "../../../src/cache/rules.ts";
import { headersOf304, isAbout, notModified, updated, validators } from "../../../src/cache/rules/conditional.ts";
import { formatDate } from "../../../src/cache/rules/date.ts";
import { usability } from "../../../src/cache/rules/usability.ts";

const T = Date.UTC(2026, 10, 20, 12);
const at = (seconds: number): string => formatDate(T + seconds * 1000);
const stored = (headers: string[], status = 200): StoredHead => ({ status, headers, initialAge: 0, receivedAt: T });

interface Row {
  readonly why: string;
  readonly asks: string[];
  readonly has: string[];
  readonly is: boolean;
  readonly status?: number;
  readonly method?: string;
}

const TAG = ["ETag", '"abcdef"'];
const WEAK = ["ETag", 'W/"abcdef"'];
const LM = ["Last-Modified", at(-3000)];
const inm = (value: string): string[] => ["If-None-Match", value];
const ims = (value: string): string[] => ["If-Modified-Since", value];

const ROWS: Row[] = [
  { why: "no condition", asks: [], has: [...TAG, ...LM], is: false },
  { why: "a strong tag (RFC 9110 13.1.2)", asks: inm('"abcdef"'), has: TAG, is: true },
  { why: "another tag", asks: inm('"abcde"'), has: TAG, is: false },
  { why: "a weak tag", asks: inm('W/"abcdef"'), has: WEAK, is: true },
  { why: "weak and strong (RFC 9110 8.8.3.2)", asks: inm('W/"abcdef"'), has: TAG, is: true },
  { why: "strong and weak (RFC 9110 8.8.3.2)", asks: inm('"abcdef"'), has: WEAK, is: true },
  { why: "the first of a list", asks: inm('"abcdef", "1234", "5678"'), has: TAG, is: true },
  { why: "the middle one", asks: inm('"1234", "abcdef", "5678"'), has: TAG, is: true },
  { why: "the last one, without blanks", asks: inm('"1234",W/"5678","abcdef"'), has: TAG, is: true },
  { why: "on another line", asks: [...inm('"1234"'), ...inm('"abcdef"')], has: TAG, is: true },
  { why: "a comma in a tag", asks: inm('"a,b"'), has: ["ETag", '"a,b"'], is: true },
  { why: "half of a tag with a comma", asks: inm('"a", "b"'), has: ["ETag", '"a,b"'], is: false },
  { why: "text past ASCII", asks: inm('"abcdefü"'), has: ["ETag", '"abcdefü"'], is: true },
  { why: "case of a tag", asks: inm('"ABCDEF"'), has: TAG, is: false },
  { why: "neither with quotes", asks: inm("abcdef"), has: ["ETag", "abcdef"], is: true },
  { why: "one without quotes", asks: inm("abcdef"), has: TAG, is: false },
  { why: "a star (RFC 9110 13.1.2)", asks: inm("*"), has: [], is: true },
  { why: "a quoted star is a tag", asks: inm('"*"'), has: TAG, is: false },
  { why: "a tag and none stored", asks: inm('"abcdef"'), has: LM, is: false },
  {
    why: "If-None-Match before If-Modified-Since (RFC 9110 13.2.2)",
    asks: [...inm('"abcdef"'), ...ims(at(-5000))],
    has: [...TAG, ...LM],
    is: true,
  },
  {
    why: "If-None-Match that fails, before a date that holds",
    asks: [...inm('"x"'), ...ims(at(0))],
    has: [...TAG, ...LM],
    is: false,
  },
  { why: "the date of change (4.3.2)", asks: ims(at(-3000)), has: LM, is: true },
  { why: "a later date (4.3.2)", asks: ims(at(-2999)), has: LM, is: true },
  { why: "an earlier date (4.3.2)", asks: ims(at(-3001)), has: LM, is: false },
  { why: "against Date (4.3.2)", asks: ims(at(0)), has: ["Date", at(-1)], is: true },
  { why: "against an earlier Date (4.3.2)", asks: ims(at(-2)), has: ["Date", at(-1)], is: false },
  { why: "a date that is none (RFC 9110 13.1.3)", asks: ims("0"), has: LM, is: false },
  { why: "a date in another zone (RFC 9110 13.1.3)", asks: ims("Thu, 18 Aug 2050 02:01:18 UTC"), has: LM, is: false },
  { why: "two dates", asks: [...ims(at(0)), ...ims(at(0))], has: LM, is: false },
  { why: "HEAD", method: "HEAD", asks: inm('"abcdef"'), has: TAG, is: true },
  { why: "POST", method: "POST", asks: inm('"abcdef"'), has: TAG, is: false },
  { why: "a stored 404 (RFC 9110 13.2.1)", status: 404, asks: inm('"abcdef"'), has: TAG, is: false },
];

suite("conditional requests, RFC 9111 section 4.3", () => {
  for (const { why, asks, has, is, status, method = "GET" } of ROWS) {
    test(`${why}: ${is ? "304" : "the whole"}`, () => {
      assert.equal(notModified({ method, headers: asks }, stored(has, status)), is);
    });
  }

  test("sends what validators there are (4.3.1)", () => {
    assert.deepEqual(validators(stored([...TAG, ...LM])), [...inm('"abcdef"'), ...ims(at(-3000))]);
    assert.deepEqual(validators(stored(WEAK)), inm('W/"abcdef"'));
    assert.deepEqual(validators(stored(["Last-Modified", "0", "ETag", ""])), []);
    assert.deepEqual(validators(stored([...TAG, "ETag", '"b"'])), []);
  });

  test("a 304 has all fields but those about the body and cookies (RFC 9110 15.4.5)", () => {
    const kept = [...TAG, ...LM, "Cache-Control", "max-age=1", "Vary", "a", "Content-Location", "/b", "X", "1"];
    const left = [
      "Content-Type",
      "a/b",
      "Content-Length",
      "1",
      "content-encoding",
      "gzip",
      "Content-Language",
      "de",
      "Set-Cookie",
      "a=b",
    ];
    assert.deepEqual(headersOf304(stored([...kept, ...left, "Connection", "y", "Y", "1"])), kept);
  });

  test("never throws", () => {
    const any = fc.string({ unit: fc.oneof(fc.constantFrom('"', ",", "W", "/", "*", " "), fc.string()) });
    fc.assert(
      fc.property(any, any, any, (one, other, third) => {
        const has = stored(["ETag", one, "Last-Modified", other, "Date", third]);
        notModified({ method: "GET", headers: [...inm(other), ...inm(third)] }, has);
        notModified({ method: "GET", headers: ims(third) }, has);
        updated(has, stored(["Cache-Control", one, "Connection", third, "ETag", other], 304), {
          requestedAt: 1,
          receivedAt: 2,
          wall: 2,
        });
        isAbout(has, stored(["ETag", third], 304));
        validators(has);
        headersOf304(has);
      }),
    );
  });
});

suite("what a 304 does to a stored answer, RFC 9111 section 3.2", () => {
  const times = { requestedAt: T + 9000, receivedAt: T + 10_000, wall: T + 10_000 };
  const after = (has: string[], says: string[]): string[] =>
    updated(stored(has), { status: 304, headers: says }, times).headers;
  const date = ["Date", at(10)];

  const REPLACED = [
    "Cache-Control",
    "Expires",
    "ETag",
    "Last-Modified",
    "X-Test",
    "Content-Location",
    "Content-Security-Policy",
    "Vary",
  ];
  for (const name of REPLACED) {
    test(`replaces ${name}`, () =>
      assert.deepEqual(after([name, "a"], [...date, name.toLowerCase(), "b"]), [...date, name.toLowerCase(), "b"]));
  }

  for (const name of [
    "Content-Length",
    "Content-Encoding",
    "Content-Range",
    "Content-Type",
    "Keep-Alive",
    "Transfer-Encoding",
  ]) {
    test(`keeps ${name}`, () => assert.deepEqual(after([name, "a"], [...date, name, "b"]), [name, "a", ...date]));
  }

  test("never takes a cookie", () => {
    assert.deepEqual(after([], [...date, "Set-Cookie", "a=b"]), date);
    assert.deepEqual(after(["Set-Cookie", "a=b"], [...date, "set-cookie", "c=d"]), ["Set-Cookie", "a=b", ...date]);
  });

  test("takes all lines of a field for all lines", () => {
    assert.deepEqual(after(["A", "1", "B", "2", "a", "3"], [...date, "A", "4", "A", "5"]), [
      "B",
      "2",
      ...date,
      "A",
      "4",
      "A",
      "5",
    ]);
  });

  test("takes no fields that Connection names, nor those withheld", () => {
    assert.deepEqual(after(["X", "1"], [...date, "Connection", "x", "X", "2"]), ["X", "1", ...date]);
    const control = ["Cache-Control", 'private="x"'];
    assert.deepEqual(after(["X", "1"], [...date, ...control, "X", "2"]), [...date, ...control]);
  });

  test("is young again without Age and Date of the old one (4.2.3)", () => {
    const old = stored(["Age", "7200", "Date", at(-9999), "Cache-Control", "max-age=60"]);
    const fresh = updated(old, { status: 304, headers: [] }, times);
    const headers = ["Cache-Control", "max-age=60", "Date", at(10)];
    assert.deepEqual(fresh, { status: 200, headers, initialAge: 1000, receivedAt: times.receivedAt });
    assert.equal(usability(fresh, { by: "origin" }, times.receivedAt).age, 1000);
  });

  const ABOUT: [why: string, has: string[], says: string[], is: boolean][] = [
    ["no validators", TAG, [], true],
    ["the same strong tag", TAG, TAG, true],
    ["another strong tag", TAG, ["ETag", '"x"'], false],
    ["the same tag, weak", TAG, WEAK, true],
    ["another weak tag", TAG, ["ETag", 'W/"x"'], false],
    ["a strong tag where none is stored", LM, TAG, false],
    ["the same date of change", LM, LM, true],
    ["another date of change", LM, ["Last-Modified", at(0)], false],
    ["another date of change beside a stored tag", TAG, LM, true],
  ];
  for (const [why, has, says, is] of ABOUT) {
    test(`is ${is ? "about it" : "not about it"}: ${why} (4.3.4)`, () => {
      assert.equal(isAbout(stored(has), { status: 304, headers: says }), is);
    });
  }
});
