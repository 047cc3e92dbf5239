import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { formatDate } from "../../../src/cache/rules/date.ts";
import { readRange, type RangeVerdict } from "../../../src/cache/rules/range.ts";

const T = Date.UTC(2026, 10, 20, 12);
const at = (seconds: number): string => formatDate(T + seconds * 1000);
const NONE: RangeVerdict = { kind: "none" };
const BEYOND: RangeVerdict = { kind: "unsatisfiable" };
const part = (first: number, last: number): RangeVerdict => ({ kind: "one", first, last });

function read(asks: string[], has: string[] = [], length = 10, method = "GET", status = 200): RangeVerdict {
  return readRange({ method, headers: asks }, { status, headers: has, initialAge: 0, receivedAt: T }, length);
}

const RANGES: [range: string, is: RangeVerdict][] = [
  ["bytes=0-1", part(0, 1)],
  ["bytes=1-", part(1, 9)],
  ["bytes=-3", part(7, 9)],
  ["bytes=-99", part(0, 9)],
  ["bytes=5-99", part(5, 9)],
  ["bytes=9-9", part(9, 9)],
  ["BYTES=0-0", part(0, 0)],
  ["bytes= 0-0 ", part(0, 0)],
  [`bytes=0-${"9".repeat(400)}`, part(0, 9)],
  ["bytes=10-", BEYOND],
  ["bytes=10-20", BEYOND],
  ["bytes=-0", BEYOND],
  ["bytes=0-1, 3-4", NONE],
  ["bytes=2-1", NONE],
  ["bytes=", NONE],
  ["bytes=-", NONE],
  ["bytes=a-b", NONE],
  ["bytes=1-b", NONE],
  ["bytes=1", NONE],
  ["bytes=--1", NONE],
  ["bytes=+1-2", NONE],
  ["bytes=1.5-2", NONE],
  ["items=0-1", NONE],
  ["0-1", NONE],
];

const TAG = ["ETag", '"a"'];
const LM = ["Date", at(0), "Last-Modified", at(-60)];
const IF_RANGES: [why: string, validator: string, has: string[], is: boolean][] = [
  ["the same strong tag", '"a"', TAG, true],
  ["another tag", '"b"', TAG, false],
  ["a weak tag", 'W/"a"', ["ETag", 'W/"a"'], false],
  ["a strong tag of a weak one", '"a"', ["ETag", 'W/"a"'], false],
  ["a tag where none is stored", '"a"', LM, false],
  ["the date of change", at(-60), LM, true],
  ["a later date", at(-59), LM, false],
  ["a date where none is stored", at(-60), TAG, false],
  ["a date too near to the answer to be strong", at(0), ["Date", at(0), "Last-Modified", at(0)], false],
  ["what is neither", "a", TAG, false],
];

suite("ranges, RFC 9110 section 14", () => {
  for (const [range, is] of RANGES)
    test(`of ten octets (14.1.2): ${range.slice(0, 20)}`, () => assert.deepEqual(read(["Range", range]), is));

  for (const [why, validator, has, is] of IF_RANGES) {
    test(`If-Range (13.1.5), ${why}: ${is ? "a part" : "the whole"}`, () => {
      assert.deepEqual(read(["Range", "bytes=0-1", "If-Range", validator], has), is ? part(0, 1) : NONE);
    });
  }

  test("only for one Range of a GET and a stored 200", () => {
    assert.deepEqual(read([]), NONE);
    assert.deepEqual(read(["Range", "bytes=0-1", "Range", "bytes=0-1"]), NONE);
    assert.deepEqual(read(["Range", "bytes=0-1"], [], 10, "HEAD"), NONE);
    assert.deepEqual(read(["Range", "bytes=0-1"], [], 10, "GET", 404), NONE);
    assert.deepEqual(read(["Range", "bytes=0-1", "If-Range", '"a"', "If-Range", '"a"'], TAG), NONE);
  });

  test("nothing of an empty body can be had", () => {
    for (const range of ["bytes=0-", "bytes=0-0", "bytes=-1"]) assert.deepEqual(read(["Range", range], [], 0), BEYOND);
  });

  test("a part is never empty nor beyond the body, whatever the range", () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${String(a)}-${String(b)}`),
    );
    fc.assert(
      fc.property(text, fc.string(), fc.nat(100), (text, validator, length) => {
        const asks = validator === "" ? [] : ["If-Range", validator];
        const verdict = read(["Range", `bytes=${text}`, ...asks], TAG, length);
        if (verdict.kind === "one")
          assert.ok(0 <= verdict.first && verdict.first <= verdict.last && verdict.last < length);
      }),
    );
  });
});
