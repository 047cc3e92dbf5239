import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { createReplyCheck } from "../../../../src/cache/postgres/replies.ts";

const message = (kind: string, body: string): Buffer => {
  const octets = Buffer.from(body, "latin1");
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeUInt32BE(octets.length + 4, 1);
  return Buffer.concat([head, octets]);
};

/** As a server sends them. */
const good: readonly Buffer[] = [
  message("R", "\0\0\0\0"),
  message("R", "\0\0\0\x0aSCRAM-SHA-256\0\0"),
  message("S", "TimeZone\0UTC\0"),
  message("A", "\0\0\0\x01channel\0payload\0"),
  message("E", "SERROR\0C42P01\0Mno such table\0\0"),
  message("N", "SNOTICE\0\0"),
  message("T", `\0\x02frame\0${"x".repeat(18)}vary\0${"x".repeat(18)}`),
  message("D", "\0\x01\0\0\0\x05no\0en"),
  message("D", "x".repeat(3000)),
  message("C", "SELECT 1\0"),
  message("Z", "I"),
  message("1", ""),
];

suite("what a server sends", () => {
  test("is passed on octet for octet, however it is cut, and a message with texts only when it is whole", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...good)), fc.array(fc.integer({ min: 1, max: 700 })), (sent, cuts) => {
        const all = Buffer.concat(sent);
        const whole = createReplyCheck();
        const passed: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          passed.push(whole(all.subarray(at, at + cut)));
          at += cut;
        }
        passed.push(whole(all.subarray(at)));
        assert.deepEqual(Buffer.concat(passed), all);
      }),
    );
    const whole = createReplyCheck();
    assert.equal(whole(good[4]!.subarray(0, 20)).length, 0);
    assert.deepEqual(whole(good[4]!.subarray(20)), good[4]);
  });

  test("is refused where a text has no end or the length is none", () => {
    const bad: readonly (readonly [string, string])[] = [
      ["C", "SELECT 1"],
      ["C", ""],
      ["S", "TimeZone\0UTC"],
      ["A", "\0\0"],
      ["A", "\0\0\0\x01channel\0"],
      ["E", "SERROR\0"],
      ["E", "\xff"],
      ["N", "SNOTICE"],
      ["T", "\0\x02frame\0"],
      ["T", "\0\x01frame"],
      ["T", "\0"],
      ["R", "\0"],
      ["R", "\0\0\0\x0aSCRAM-SHA-256\0"],
    ];
    for (const [kind, body] of bad) assert.throws(() => createReplyCheck()(message(kind, body)), RangeError);
    for (const length of [0, 3, 0xffff_ffff]) {
      const octets = message("D", "");
      octets.writeUInt32BE(length, 1);
      assert.throws(() => createReplyCheck()(octets), RangeError);
    }
    const held = message("E", "");
    held.writeUInt32BE(2 ** 21, 1);
    assert.throws(() => createReplyCheck()(held), RangeError);
  });

  test("of any octets at all is passed on or refused, and never more than came", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const whole = createReplyCheck();
        let came = 0;
        let passed = 0;
        try {
          for (const chunk of chunks) {
            came += chunk.length;
            passed += whole(Buffer.from(chunk)).length;
            assert.ok(passed <= came);
          }
        } catch (thrown) {
          assert.ok(thrown instanceof RangeError);
        }
      }),
    );
  });
});
