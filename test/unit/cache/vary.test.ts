import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { varyKey, varyNames } from "../../../src/cache/rules/vary.ts";

const key = (vary: string | undefined, headers: string[]): string | undefined =>
  varyKey(vary, { method: "GET", headers });

interface Pair {
  readonly why: string;
  readonly vary: string;
  readonly one: string[];
  readonly other: string[];
}

const SAME: Pair[] = [
  { why: "the same value", vary: "Foo", one: ["Foo", "1"], other: ["Foo", "1"] },
  { why: "another case of the name", vary: "foo", one: ["FOO", "1"], other: ["Foo", "1"] },
  { why: "fields that do not count", vary: "Foo", one: ["Foo", "1", "Other", "2"], other: ["Other", "3", "Foo", "1"] },
  { why: "both without the field", vary: "Foo, Bar", one: ["Foo", "1"], other: ["Foo", "1"] },
  { why: "another order of fields", vary: "Foo, Bar", one: ["Foo", "1", "Bar", "2"], other: ["Bar", "2", "Foo", "1"] },
  { why: "two lines and one", vary: "Foo", one: ["Foo", "1, 2"], other: ["Foo", "1", "Foo", "2"] },
  { why: "blanks around commas", vary: "Foo", one: ["Foo", "1,2"], other: ["Foo", " 1 ,\t2 "] },
  { why: "more blanks", vary: "Foo", one: ["Foo", "a b"], other: ["Foo", "a \t b"] },
  {
    why: "weights of languages in another order (RFC 9110 12.5.4)",
    vary: "Accept-Language",
    one: ["Accept-Language", "de;q=0.5, fr;q=0.25,en"],
    other: ["Accept-Language", "en,  de; q=0.5, fr;q=0.25"],
  },
  {
    why: "case of a language",
    vary: "Accept-Language",
    one: ["Accept-Language", "en, de"],
    other: ["Accept-Language", "eN,De"],
  },
  {
    why: "case of a coding",
    vary: "Accept-Encoding",
    one: ["Accept-Encoding", "GZIP"],
    other: ["accept-encoding", "gzip"],
  },
];

const DIFFERENT: Pair[] = [
  { why: "another value", vary: "Foo", one: ["Foo", "1"], other: ["Foo", "2"] },
  { why: "no field", vary: "Foo", one: ["Foo", "1"], other: [] },
  { why: "no field and an empty one", vary: "Foo", one: ["Foo", ""], other: [] },
  {
    why: "another second value",
    vary: "Foo, Bar",
    one: ["Foo", "1", "Bar", "abc"],
    other: ["Foo", "1", "Bar", "abcde"],
  },
  { why: "values swapped", vary: "Foo, Bar", one: ["Foo", "1", "Bar", "2"], other: ["Foo", "2", "Bar", "1"] },
  { why: "case of another field", vary: "Foo", one: ["Foo", "a"], other: ["Foo", "A"] },
  {
    why: "another order of members",
    vary: "Accept-Language",
    one: ["Accept-Language", "en, de"],
    other: ["Accept-Language", "de, en"],
  },
  { why: "blanks in quotes", vary: "Foo", one: ["Foo", '"a, b"'], other: ["Foo", '"a,b"'] },
  { why: "blanks behind an escaped quote", vary: "Foo", one: ["Foo", '"\\" ,b"'], other: ["Foo", '"\\",b"'] },
  { why: "a blank and none", vary: "Foo", one: ["Foo", "a b"], other: ["Foo", "ab"] },
  { why: "an empty member", vary: "Foo", one: ["Foo", "a,,b"], other: ["Foo", "a,b"] },
  {
    why: "a value like the mark of its end",
    vary: "A, B",
    one: ["A", "1:b1:x", "B", ""],
    other: ["A", "", "B", "1:b1:x"],
  },
];

suite("Vary, RFC 9111 section 4.1", () => {
  for (const { why, vary, one, other } of SAME) {
    test(`one key: ${why}`, () => {
      assert.notEqual(key(vary, one), undefined);
      assert.equal(key(vary, one), key(vary, other));
    });
  }
  for (const { why, vary, one, other } of DIFFERENT) {
    test(`two keys: ${why}`, () => assert.notEqual(key(vary, one), key(vary, other)));
  }

  for (const vary of ["*", "*, *", ", *", "*, Foo", "Foo, *", "Foo,*,Bar", " * ", "a b", 'Foo, "x"']) {
    test(`fits no other request: ${vary}`, () => {
      assert.equal(key(vary, ["Foo", "1"]), undefined);
      assert.equal(varyNames({ status: 200, headers: ["Vary", vary] }), undefined);
    });
  }

  test("depends on nothing", () => {
    for (const vary of [undefined, "", " , "]) assert.equal(key(vary, ["Foo", "1"]), "");
    assert.deepEqual(varyNames({ status: 200, headers: [] }), []);
  });

  test("names are sorted, lower case and there once, over several lines", () => {
    const headers = ["Vary", "Foo, bar", "vary", "BAR,Accept"];
    assert.deepEqual(varyNames({ status: 200, headers }), ["accept", "bar", "foo"]);
    assert.equal(key("Foo, bar, BAR", ["foo", "1", "bar", "2"]), key("bar,foo", ["foo", "1", "bar", "2"]));
  });

  test("two sets of values never share a key", () => {
    const value = fc.option(fc.string({ unit: fc.constantFrom("a", "B", ":", "1", "-", "b", ";") }), {
      nil: undefined,
    });
    const set = fc.record({
      a: value,
      b: value,
      "1": value,
      "accept-language": fc.constantFrom("de", "en", undefined),
    });
    const lines = (values: Record<string, string | undefined>): string[] =>
      Object.entries(values).flatMap(([name, text]) => (text === undefined ? [] : [name, text]));
    const names = fc.subarray(["a", "b", "1", "accept-language"]);
    fc.assert(
      fc.property(set, set, names, (one, other, names) => {
        const counts = (values: Record<string, string | undefined>): unknown =>
          names.map((name) => values[name] ?? null);
        const same = JSON.stringify(counts(one)) === JSON.stringify(counts(other));
        const vary = names.join(", ");
        assert.equal(key(vary, lines(one)) === key(vary, lines(other)), same);
      }),
      { numRuns: 2000 },
    );
  });

  test("keys of different sets of names differ", () => {
    const names = fc.subarray(["a", "b", "a1", "1"]);
    fc.assert(
      fc.property(names, names, (one, other) => {
        assert.equal(key(one.join(), []) === key(other.join(), []), one.join() === other.join());
      }),
    );
  });

  test("no text makes it throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (vary, value) => {
        key(vary, ["Foo", value]);
        key("foo", ["Foo", value, "foo", `"${value}`]);
      }),
    );
  });
});
