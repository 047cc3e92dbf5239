import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { StreamedBody, wholeBody, type Body } from "../../../src/core/body.ts";
import type { Served } from "../../../src/core/outcome.ts";
import type { Entry } from "../../../src/cache/entry.ts";
import { completed, completionOf, missing } from "../../../src/cache/flight/completion.ts";
import { gapOf } from "../../../src/cache/rules/partial.ts";
import { entryOf } from "../../support/tier-suite.ts";

const WHOLE = "0123456789";
const TAG = ["ETag", '"a"'];

suite("what is missing of a part, RFC 9111 section 3.4", () => {
  const ROWS: [why: string, part: [number, number], wanted: [number, number], gap: [number, number] | undefined][] = [
    ["the end", [0, 4], [0, 9], [5, 9]],
    ["the beginning", [5, 9], [0, 9], [0, 4]],
    ["one octet", [0, 8], [0, 9], [9, 9]],
    ["the end of a range that begins within", [2, 6], [4, 8], [7, 8]],
    ["the beginning of a range that ends within", [2, 6], [0, 3], [0, 1]],
    ["nothing", [2, 6], [3, 4], undefined],
    ["nothing of the same", [2, 6], [2, 6], undefined],
    ["both sides", [2, 6], [0, 9], undefined],
    ["all, before it", [5, 9], [0, 3], undefined],
    ["all, right behind it", [0, 4], [5, 9], undefined],
  ];
  for (const [why, [a, b], [c, d], gap] of ROWS) {
    const is = gap && { first: gap[0], last: gap[1] };
    test(why, () => assert.deepEqual(gapOf({ first: a, last: b }, { first: c, last: d }), is));
  }
});

const part = (first: number, last: number, more = TAG): Entry => {
  const made = entryOf(WHOLE.slice(first, last + 1));
  const headers = [...more, "X-Old", "1", "Content-Range", `bytes ${first}-${last}/${WHOLE.length}`];
  return { ...made, head: { ...made.head, status: 206, headers } };
};

const request = (...headers: string[]) => ({ method: "GET", headers });

const came = (first: number, last: number, more = TAG, body: Body | string = WHOLE.slice(first, last + 1)): Served => ({
  kind: "served",
  status: 206,
  headers: [...more, "Content-Range", `bytes ${first}-${last}/${WHOLE.length}`],
  body: typeof body === "string" ? wholeBody(Buffer.from(body)) : body,
  by: "dependency",
});

suite("completing a part", () => {
  test("asks for what is missing, if the tag is still the same", () => {
    assert.deepEqual(missing(completionOf(part(0, 3), request())!), ["Range", "bytes=4-9", "If-Range", '"a"']);
    assert.deepEqual(missing(completionOf(part(6, 9), request())!), ["Range", "bytes=0-5", "If-Range", '"a"']);
    const more = completionOf(part(0, 3), request("Range", "bytes=2-6"))!;
    assert.deepEqual(missing(more).slice(0, 2), ["Range", "bytes=4-6"]);
  });

  const NOT: [why: string, entry: Entry, ...headers: string[]][] = [
    ["a weak tag", part(0, 3, ["ETag", 'W/"a"'])],
    ["no tag", part(0, 3, [])],
    ["a gap on both sides", part(2, 3)],
    ["several ranges", part(0, 3), "Range", "bytes=0-4,6-7"],
    ["a range of which there is none", part(0, 3), "Range", "bytes=10-"],
    ["a range of something else", part(0, 3), "Range", "bytes=0-6", "If-Range", '"b"'],
    ["a range that is kept", part(0, 3), "Range", "bytes=1-2"],
    ["a range far off", part(0, 3), "Range", "bytes=6-"],
  ];
  for (const [why, entry, ...headers] of NOT) {
    test(`asks for nothing by itself with ${why}`, () =>
      assert.equal(completionOf(entry, request(...headers)), undefined));
  }

  test("makes the whole, or the range, of the two, with the newer fields", () => {
    const whole = completed(completionOf(part(0, 3), request())!, came(4, 9, [...TAG, "x-old", "2"]))!;
    assert.equal(whole.status, 200);
    assert.deepEqual(whole.headers, [...TAG, "x-old", "2", "Content-Length", "10"]);
    assert.equal(textOf(whole.body), WHOLE);
    const range = completed(completionOf(part(4, 9), request("Range", "bytes=2-6"))!, came(2, 3))!;
    assert.deepEqual([range.status, textOf(range.body)], [206, "23456"]);
    assert.deepEqual(range.headers.slice(-4), ["Content-Range", "bytes 2-6/10", "Content-Length", "5"]);
  });

  const UNFIT: [why: string, served: Served][] = [
    ["another tag", came(4, 9, ["ETag", '"b"'])],
    ["no tag", came(4, 9, [])],
    ["fewer octets", came(4, 8)],
    ["more octets", came(3, 9)],
    ["a body of another length", came(4, 9, TAG, "45678")],
    ["another status", { ...came(4, 9), status: 416 }],
    ["several parts", { ...came(4, 9), headers: [...TAG, "Content-Type", "multipart/byteranges"] }],
  ];
  for (const [why, served] of UNFIT) {
    test(`makes nothing of ${why}`, () => {
      assert.equal(completed(completionOf(part(0, 3), request())!, served), undefined);
    });
  }

  test("C11: a body that ends early, is too long or breaks off is no whole", () => {
    const ways: [(body: StreamedBody) => void, RegExp][] = [
      [(body) => (body.push(Buffer.from("456")), body.finish()), /3 octets of those asked for did not come/],
      [(body) => body.push(Buffer.from("4567890")), /more octets/],
      [(body) => (body.push(Buffer.from("456")), body.fail(new Error("broken"))), /broken/],
    ];
    for (const [act, error] of ways) {
      const body = new StreamedBody({ pause() {}, resume() {}, cancel() {} }, undefined);
      const { body: out } = completed(completionOf(part(0, 3), request())!, came(4, 9, TAG, body))!;
      act(body);
      assert.match(textOf(out), error);
    }
  });

  test("the pace of who reads is that of who sends, and who leaves ends it", () => {
    const calls: string[] = [];
    const source = {
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
      cancel: () => calls.push("cancel"),
    };
    const body = new StreamedBody(source, 6);
    const { body: out } = completed(completionOf(part(0, 3), request())!, came(4, 9, TAG, body))!;
    out.pipe({ write: () => false, end() {}, fail() {} });
    body.push(Buffer.from("45"));
    out.resume();
    out.cancel(new Error("gone"));
    assert.deepEqual(calls, ["pause", "resume", "cancel"]);
  });

  test("whatever is kept and wanted, what comes out is that range of the whole", () => {
    const span = fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
    fc.assert(
      fc.property(span, span, ([a, b], [c, d]) => {
        const completion = completionOf(part(a, b), request("Range", `bytes=${c}-${d}`));
        if (!completion) return;
        const { gap } = completion;
        assert.equal(textOf(completed(completion, came(gap.first, gap.last))!.body), WHOLE.slice(c, d + 1));
      }),
    );
  });
});

/** The body as it comes out of it, or why it does not. */
function textOf(body: Body): string {
  let text = "";
  body.pipe({
    write: (chunk) => ((text += chunk.toString()), true),
    end() {},
    fail: (error) => void (text = error.message),
  });
  return text;
}
