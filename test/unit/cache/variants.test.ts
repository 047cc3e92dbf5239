import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { askable, namedBy, tagsOfAll, type Variant } from "../../../src/cache/rules/variants.ts";

const variant = (tag: string, more: string[] = [], body = tag, status = 200): Variant => ({
  head: { status, headers: ["ETag", tag, ...more], initialAge: 0, receivedAt: 0 },
  body: Buffer.from(body),
});
const gzip = ["Content-Encoding", "gzip"];
const asks = (variants: Variant[], accepts?: string): string =>
  tagsOfAll(
    askable(variants, { method: "GET", headers: accepts === undefined ? [] : ["Accept-Encoding", accepts] }),
  ).join(": ");

suite("asking about several variants, RFC 9111 section 4.3.1", () => {
  const ROWS: [why: string, asks: string, is: string][] = [
    ["nothing without variants", asks([]), ""],
    ["every tag once", asks([variant('"a"'), variant('"b"')]), 'If-None-Match: "a", "b"'],
    ["no weak tag", asks([variant('W/"a"'), variant('"b"')]), 'If-None-Match: "b"'],
    ["no missing tag, nor two", asks([variant(""), variant('"a"', ["ETag", '"b"'])]), ""],
    ["no answer but a 200", asks([variant('"a"', [], "a", 404)]), ""],
    ["a tag of one answer kept for two", asks([variant('"a"'), variant('"a"')]), 'If-None-Match: "a"'],
    ["no tag that other octets have", asks([variant('"a"'), variant('"a"', [], "b")]), ""],
    ["no tag that another coding has", asks([variant('"a"'), variant('"a"', gzip)], "gzip"), ""],
    ["no tag that is weak elsewhere", asks([variant('"a"', [], "x"), variant('W/"a"', [], "x")]), ""],
    ["no coding without Accept-Encoding", asks([variant('"a"', gzip)]), ""],
    ["a coding that is accepted", asks([variant('"a"', gzip)], "br, GZIP;q=0.5"), 'If-None-Match: "a"'],
    ["no coding that is refused", asks([variant('"a"', gzip)], "gzip;q=0.00, br"), ""],
    ["no coding of several", asks([variant('"a"', ["Content-Encoding", "gzip, br"])], "gzip, br"), ""],
  ];
  for (const [why, asked, is] of ROWS) test(why, () => assert.equal(asked, is));

  test("16 tags and 2,048 characters at most", () => {
    const many = Array.from({ length: 40 }, (_, i) => variant(`"${i}"`));
    assert.equal(askable(many, { method: "GET", headers: [] }).length, 16);
    const long = Array.from({ length: 4 }, (_, i) => variant(`"${i}${"x".repeat(997)}"`));
    assert.equal(askable(long, { method: "GET", headers: [] }).length, 2);
  });
});

suite("the variant that a 304 names, RFC 9111 section 4.3.4", () => {
  const variants = [variant('"a"'), variant('"b"')];
  const ROWS: [why: string, says: string[], is: number | undefined][] = [
    ["by its tag", ["ETag", '"b"'], 1],
    ["by its tag, weak", ["ETag", 'W/"a"'], 0],
    ["none that was asked about", ["ETag", '"c"'], undefined],
    ["none without a tag", [], undefined],
    ["none by two tags", ["ETag", '"a"', "ETag", '"b"'], undefined],
    ["none by an empty tag", ["ETag", ""], undefined],
  ];
  for (const [why, headers, is] of ROWS) {
    test(why, () => assert.equal(namedBy(variants, { status: 304, headers }), is === undefined ? is : variants[is]));
  }
});

test("whatever is kept, what is named was asked about, and its tag has no other octets", () => {
  const tags = fc.constantFrom('"a"', '"b"', 'W/"a"', "", "x");
  const some = fc.array(
    fc.tuple(tags, fc.constantFrom("1", "2")).map(([tag, body]) => variant(tag, [], body)),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(some, tags, (variants, tag) => {
      const named = namedBy(askable(variants, { method: "GET", headers: [] }), { status: 304, headers: ["ETag", tag] });
      if (!named) return;
      assert.ok(variants.includes(named));
      for (const { head, body } of variants) {
        if (head.headers[1] === named.head.headers[1]) assert.ok(body.equals(named.body));
      }
    }),
  );
});
