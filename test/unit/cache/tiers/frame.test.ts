import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { arbitraryEntry } from "../../../support/arbitrary-entry.ts";
import { entryOf } from "../../../support/tier-suite.ts";
import {
  FENCE_AT,
  FRAME_VERSION,
  KEEP_UNTIL_AT,
  VERSION_AT,
  decodeFrame,
  encodeFrame,
} from "../../../../src/cache/tiers/frame.ts";

suite("the frame of an entry", () => {
  test("gives back every field as it was, in an allocation of exactly its length", () => {
    fc.assert(
      fc.property(arbitraryEntry(), (entry) => {
        const frame = encodeFrame(entry);
        assert.equal(frame.buffer.byteLength, frame.length);
        assert.deepEqual(decodeFrame(frame), entry);
      }),
    );
  });

  test("keeps a body of all octets as it is, and a list of 5,000 fields", () => {
    const body = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256));
    const headers = Array.from({ length: 10_000 }, (_, i) => `x-${i}-\u00ff\u0080`);
    const entry = { ...entryOf(""), body, head: { ...entryOf("").head, headers } };
    const found = decodeFrame(encodeFrame(entry));
    assert.ok(typeof found === "object");
    assert.equal(Buffer.compare(found.body, body), 0);
    assert.deepEqual(found.head.headers, headers);
  });

  test("fence and keepUntil stand at known places and compare as octets do", () => {
    const number = fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true });
    fc.assert(
      fc.property(number, number, (fence, keepUntil) => {
        const frame = encodeFrame({ ...entryOf("x"), fence, keepUntil });
        assert.equal(frame.readDoubleBE(FENCE_AT), fence);
        assert.equal(frame.readDoubleBE(KEEP_UNTIL_AT), keepUntil);
        const other = encodeFrame({ ...entryOf("x"), fence: keepUntil + 0 });
        const order = Buffer.compare(frame.subarray(FENCE_AT, FENCE_AT + 8), other.subarray(FENCE_AT, FENCE_AT + 8));
        assert.equal(order, Math.sign(fence - keepUntil) + 0);
      }),
    );
  });

  test("another version, a flag of the future, another magic and every truncation are told", () => {
    const frame = encodeFrame(entryOf("hello"));
    const changed = (at: number, octet: number): Buffer => {
      const copy = Buffer.from(frame);
      copy[at] = octet;
      return copy;
    };
    assert.equal(decodeFrame(changed(VERSION_AT, FRAME_VERSION + 1)), "version");
    assert.equal(decodeFrame(changed(3, 1)), "corrupt");
    assert.equal(decodeFrame(changed(0, 0)), "corrupt");
    for (let end = 0; end < frame.length; end++) assert.equal(decodeFrame(frame.subarray(0, end)), "corrupt");
    assert.equal(decodeFrame(Buffer.concat([frame, Buffer.alloc(1)])), "corrupt");
  });

  test("any octets decode without a throw to no more than they hold", () => {
    const start = encodeFrame(entryOf("")).subarray(0, 66);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (rest, plausible) => {
        const bytes = plausible ? Buffer.concat([start, rest]) : Buffer.from(rest);
        if (plausible) bytes.writeUInt32BE(Math.max(0, rest.length - 40), 4);
        const found = decodeFrame(bytes);
        if (typeof found === "string") return;
        const { head, body, tags, url, vary, variant } = found;
        const texts = [...head.headers, ...tags, url, vary, variant];
        assert.ok(body.length + texts.reduce((sum, text) => sum + text.length + 1, 0) <= bytes.length);
      }),
      { numRuns: 5000 },
    );
  });

  test("counts and lengths of gigabytes in a few octets are corrupt at once", () => {
    const start = encodeFrame(entryOf("")).subarray(0, 66);
    for (const huge of [[0xff, 0xff, 0xff, 0xff, 0x07], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0xff]]) {
      for (const before of [[], [0, 0, 0], [0, 0, 0, 0]]) {
        assert.equal(decodeFrame(Buffer.concat([start, Buffer.from([...before, ...huge])])), "corrupt");
      }
    }
  });

  test("the body has memory of its own when the octets are a part of something much larger", () => {
    const frame = encodeFrame({ ...entryOf(""), body: randomBytes(100_000) });
    const slab = Buffer.alloc(1_000_000);
    frame.copy(slab, 500);
    const inSlab = decodeFrame(slab.subarray(500, 500 + frame.length));
    assert.ok(typeof inSlab === "object");
    assert.equal(inSlab.body.buffer.byteLength, 100_000);
    const alone = decodeFrame(frame);
    assert.ok(typeof alone === "object");
    assert.equal(alone.body.buffer, frame.buffer, "copied for nothing");
    const short = decodeFrame(encodeFrame(entryOf("short")));
    assert.ok(typeof short === "object");
    assert.equal(short.body.buffer.byteLength, 5);
  });
});
