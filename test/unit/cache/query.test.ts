import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compileQuery } from "../../../src/cache/query.ts";

test("what is ignored is left out, whole names and beginnings", () => {
  const rule = compileQuery({ ignore: ["utm_*", "fbclid"], sort: false })!;
  const cases: Readonly<Record<string, string>> = {
    "": "",
    "?": "",
    "?a=1": "?a=1",
    "?a=1&utm_source=x&b=2&fbclid=y": "?a=1&b=2",
    "?utm_source=x": "",
    "?utm_=x&utm=y": "?utm=y",
    "?b=2&a=1": "?b=2&a=1",
    "?fbclid": "",
    // An escaped spelling is another name, kept and sent: it can change nothing unseen.
    "?utm%5fsource=x": "?utm%5fsource=x",
    "?a=1;utm_source=x": "?a=1;utm_source=x",
    "?utm_source=x;a=1": "",
  };
  for (const [query, kept] of Object.entries(cases)) assert.equal(rule(query), kept);
});

test("of what is wanted nothing else is left, and order is by name when it is sorted", () => {
  const rule = compileQuery({ only: ["page", "q"], sort: true })!;
  assert.equal(rule("?q=b&evil=1&page=2&q=a"), "?page=2&q=b&q=a");
  assert.equal(rule("?p%61ge=2"), "");
  assert.equal(compileQuery(undefined), undefined);
});

test("a rule applied to what it gave changes nothing more", () => {
  const query = fc.string().map((text) => `?${text}`);
  const list = fc.array(fc.string({ minLength: 1 }), { minLength: 1 });
  fc.assert(
    fc.property(query, list, fc.boolean(), fc.boolean(), (text, names, sort, only) => {
      const rule = compileQuery(only ? { only: names, sort } : { ignore: names, sort })!;
      assert.equal(rule(rule(text)), rule(text));
    }),
  );
});
