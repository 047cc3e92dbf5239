import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Entry } from "../../../src/cache/entry.ts";
import { answerFromPart, partKey, withPart } from "../../../src/cache/part.ts";
import { joinedSpan, spanOf, type Span } from "../../../src/cache/rules/partial.ts";
import { entryOf } from "../../support/tier-suite.ts";

const WHOLE = "0123456789";
const LONGEST = 1000;

const part = (first: number, last: number, more: string[] = ["ETag", '"a"'], body = WHOLE): Entry => {
  const made = entryOf(body.slice(first, last + 1));
  const headers = [...more, "Content-Range", `bytes ${first}-${last}/${body.length}`];
  return { ...made, head: { ...made.head, status: 206, headers } };
};

suite("Content-Range, RFC 9110 section 14.4", () => {
  const ROWS: [text: string, span: Span | undefined][] = [
    ["bytes 0-4/10", { first: 0, last: 4, complete: 10 }],
    ["BYTES 9-9/10", { first: 9, last: 9, complete: 10 }],
    ["bytes 0-4/*", undefined],
    ["bytes */10", undefined],
    ["bytes 5-4/10", undefined],
    ["bytes 0-10/10", undefined],
    ["bytes 0-4/4", undefined],
    ["bytes 0-4", undefined],
    ["bytes=0-4/10", undefined],
    ["items 0-4/10", undefined],
    ["bytes -4/10", undefined],
    ["bytes 0-/10", undefined],
    ["bytes +0-4/10", undefined],
    ["bytes 0-4/10, bytes 5-9/10", undefined],
    ["bytes 0-4/1000000000000000", undefined],
    ["", undefined],
  ];
  for (const [text, span] of ROWS) {
    test(`${JSON.stringify(text)} is ${span ? "a part" : "none"}`, () => {
      assert.deepEqual(spanOf(["Content-Range", text]), span);
    });
  }
  test("twice is none", () => {
    assert.equal(spanOf(["Content-Range", "bytes 0-4/10", "content-range", "bytes 0-4/10"]), undefined);
  });
});

suite("combining parts, RFC 9111 section 3.4", () => {
  const ROWS: [why: string, one: Entry, other: Entry, joined: boolean][] = [
    ["one behind the other", part(0, 4), part(5, 9), true],
    ["one before the other", part(5, 9), part(0, 4), true],
    ["one over the other", part(0, 6), part(3, 9), true],
    ["a gap between them", part(0, 3), part(5, 9), false],
    ["another tag", part(0, 4), part(5, 9, ["ETag", '"b"']), false],
    ["weak tags", part(0, 4, ["ETag", 'W/"a"']), part(5, 9, ["ETag", 'W/"a"']), false],
    ["no tags", part(0, 4, []), part(5, 9, []), false],
    ["dates of change only", part(0, 4, ["Last-Modified", "x"]), part(5, 9, ["Last-Modified", "x"]), false],
    ["another length in all", part(0, 4), part(5, 9, ["ETag", '"a"'], `${WHOLE}x`), false],
  ];
  for (const [why, one, other, joined] of ROWS) {
    test(`${why}: ${joined ? "one" : "two"}`, () => {
      assert.equal(joinedSpan(one.head, other.head) !== undefined, joined);
      const kept = withPart(other, one, LONGEST)!;
      assert.equal(kept.body.toString(), joined ? WHOLE : other.body.toString());
      assert.equal(kept.head.status, joined ? 200 : 206);
    });
  }

  test("newer fields take the place of those of the same name, others stay; nothing tells of parts once it is whole", () => {
    const before = part(0, 4, ["ETag", '"a"', "X-A", "1", "X-B", "1"]);
    const kept = withPart(part(5, 9, ["ETag", '"a"', "x-a", "2"]), before, LONGEST)!;
    assert.deepEqual(kept.head.headers, ["X-B", "1", "ETag", '"a"', "x-a", "2", "Content-Length", "10"]);
    const partly = withPart(part(5, 7), part(2, 4), LONGEST)!;
    assert.deepEqual(partly.head.headers, ["ETag", '"a"', "Content-Range", "bytes 2-7/10", "Content-Length", "6"]);
  });

  test("C11: a body that is not as long as its Content-Range says is not kept", () => {
    assert.equal(withPart({ ...part(0, 4), body: Buffer.from("0123") }, undefined, LONGEST), undefined);
    assert.equal(withPart({ ...part(0, 4), body: Buffer.from("012345") }, undefined, LONGEST), undefined);
  });

  test("what would be longer than what is kept stays in parts, and the older position stands for both", () => {
    assert.equal(withPart(part(5, 9), part(0, 4), 9)!.body.toString(), "56789");
    assert.equal(withPart(part(5, 9), { ...part(0, 4), position: 3 }, 10)!.position, 3);
  });

  test("an answer that is a part from end to end is whole", () => {
    assert.equal(withPart(part(0, 9), undefined, LONGEST)!.head.status, 200);
  });

  test("whatever parts come in whatever order, each octet that is kept is that of the whole", () => {
    const spans = fc.array(fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const));
    fc.assert(
      fc.property(spans, (all) => {
        let kept: Entry | undefined;
        for (const [first, last] of all)
          kept = withPart(part(first, last), kept?.head.status === 206 ? kept : undefined, 99);
        if (!kept) return;
        const { first, last } = spanOf(kept.head.headers) ?? { first: 0, last: 9 };
        assert.equal(kept.body.toString(), WHOLE.slice(first, last + 1));
      }),
    );
  });
});

suite("an answer from a kept part", () => {
  const ask = (range: string, more: string[] = []): string => {
    const served = answerFromPart(part(2, 6), { method: "GET", headers: ["Range", range, ...more] }, 1000);
    if (!served) return "not from here";
    return `${served.status} ${Buffer.concat(served.body.takeWhole() ?? []).toString()} ${served.headers.join(" ")}`;
  };

  test("is cut out of it where it has all that is asked for", () => {
    assert.equal(ask("bytes=3-4"), '206 34 ETag "a" Age 1 Content-Range bytes 3-4/10 Content-Length 2');
    assert.match(ask("bytes=2-6"), /^206 23456 /);
    for (const range of ["bytes=0-3", "bytes=2-", "bytes=-5", "bytes=5-7", "bytes=99-", "bytes=2-3,5-6", "lines=2-3"]) {
      assert.equal(ask(range), "not from here", range);
    }
  });

  test("If-Range and If-None-Match are heard (RFC 9110 sections 13.1.5 and 13.1.2)", () => {
    assert.match(ask("bytes=3-4", ["If-Range", '"a"']), /^206 34 /);
    assert.equal(ask("bytes=3-4", ["If-Range", '"b"']), "not from here");
    assert.match(ask("bytes=3-4", ["If-None-Match", '"a"']), /^304 /);
  });

  test("no other key is that of a part", () => assert.equal(partKey("3:GET|"), "3:GET|part|"));
});
