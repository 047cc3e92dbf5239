import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { searchOf, searchRuleOf } from "../../../src/cache/rules/no-vary-search.ts";

const rule = (field: string) => searchRuleOf(["No-Vary-Search", field]);
const search = (field: string, query: string): string => searchOf(query, rule(field)!);

suite("No-Vary-Search, the field", () => {
  const NONE = [
    "",
    "params=?0",
    "key-order=?0",
    "params=()",
    "except=()",
    'except=("a")',
    'params=("a"), except=("b")',
    "params=?0, except=()",
    "params=a",
    'params="a"',
    "params=1",
    "params=(a)",
    'params=("a" 1)',
    'params, except="a"',
    "params, except=(1)",
    "key-order=1",
    'key-order="a"',
    'key-order=("a")',
    "KEY-ORDER",
    'params=("a"',
    'params=("a"),',
    'params=("\u00e9")',
  ];
  for (const field of NONE) {
    test(`${JSON.stringify(field)}: the whole query matters`, () => assert.equal(rule(field), undefined));
  }

  test("is read over all its lines, what is unknown left alone, of a member that comes twice the last", () => {
    const headers = ["no-vary-search", 'params=("a"), x=1', "No-Vary-Search", "key-order"];
    const expected = { keyOrder: true, ignored: ["a"], except: [] };
    assert.partialDeepStrictEqual(searchRuleOf(headers), expected);
    assert.partialDeepStrictEqual(rule('params=("b"), params=("a"), key-order'), expected);
    assert.equal(searchRuleOf([]), undefined);
  });

  test("rules that mean the same have one text, others another", () => {
    assert.equal(rule('params=("b" "a" "b")')!.text, rule('params=("a" "%62");x')!.text);
    const fields = [
      "params",
      "key-order",
      "params, key-order",
      'params=("a")',
      'params, except=("a")',
      'params=("a" "b")',
    ];
    assert.equal(new Set(fields.map((field) => rule(field)!.text)).size, fields.length);
  });
});

suite("No-Vary-Search, queries", () => {
  const ROWS: [field: string, one: string, other: string, same: boolean][] = [
    ["key-order", "?a=1&b=2", "?b=2&a=1", true],
    ["key-order", "?a=1&a=2", "?a=2&a=1", false],
    ["key-order", "?a=1&b=2", "?a=2&b=1", false],
    ["key-order", "?a=1", "", false],
    ['params=("utm")', "?a=1&utm=x", "?utm=y&a=1", true],
    ['params=("utm")', "?utm=x", "", true],
    ['params=("utm")', "?a=1&b=2", "?b=2&a=1", false],
    ['params=("utm")', "?UTM=x", "", false],
    ['params=("utm")', "?%75tm=x&a=+", "?a=%20", true],
    ['params=("a b")', "?a+b=1", "?a%20b=2", true],
    ['params=("utm")', "?a=1&", "?&a=1&&", true],
    ['params=("utm")', "?a", "?a=", true],
    ['params=("utm")', "?a=1;utm=2", "?a=1", false],
    ['params=("utm")', "?a=%26utm=1", "?a=&utm=1", false],
    ['params=("utm")', "?a=%ff", "?a=%fe", false],
    ['params=("utm")', "?a=%", "?a=%25", true],
    ["params", "?a=1", "?b=2&c", true],
    ['params, except=("id")', "?id=1&x=2", "?x=3&id=1", true],
    ['params, except=("id")', "?id=1", "?id=2", false],
    ['params, except=("a" "b")', "?a=1&b=2", "?b=2&a=1", false],
    ['params, except=("a" "b"), key-order', "?a=1&b=2", "?b=2&z&a=1", true],
  ];
  for (const [field, one, other, same] of ROWS) {
    test(`${field}: ${one} and ${other || "none"} are ${same ? "one" : "two"}`, () => {
      assert.equal(search(field, one) === search(field, other), same);
    });
  }

  test("names and values that run into each other are told apart, whatever they hold", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "=", "&", "%", "+", " ", "?", "2", "6", "\u00ff") });
    const pairs = fc.array(fc.tuple(text, text));
    const queryOf = (list: [string, string][]): string =>
      `?${list.map((pair) => pair.map((one) => one.replaceAll(/[^ab]/g, escaped)).join("=")).join("&")}`;
    fc.assert(
      fc.property(pairs, pairs, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        assert.equal(search('params=("x")', queryOf(one)) === search('params=("x")', queryOf(other)), same);
      }),
    );
  });

  test("no field and no query makes it throw", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (field, query) => {
        const read = rule(field);
        if (read) searchOf(`?${query}`, read);
        searchOf(`?${query}`, rule("key-order")!);
      }),
    );
  });
});

const escaped = (mark: string): string => `%${mark.charCodeAt(0).toString(16).padStart(2, "0")}`;
