import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { arbitraryEntry } from "../../../support/arbitrary-entry.ts";
import { entryOf } from "../../../support/tier-suite.ts";
import { FENCE_AT, FRAME_VERSION, VERSION_AT } from "../../../../src/cache/tiers/frame.ts";
import { SEAL_LENGTH, createFrameCodec, type FrameCodec } from "../../../../src/cache/tiers/seal.ts";

const OLD = "the former secret of all gateways";
const NEW = "the present secret of all gateways";

function rig(...secrets: string[]): { readonly codec: FrameCodec; readonly rejections: string[] } {
  const rejections: string[] = [];
  const codec = createFrameCodec({ secrets, rejected: (key, reason) => rejections.push(`${key} ${reason}`) });
  return { codec, rejections };
}

for (const [name, secrets] of [
  ["with a secret", [NEW]],
  ["without a secret", []],
] as const) {
  suite(`a sealed frame, ${name}`, () => {
    test("gives back every field under its key, in one allocation", () => {
      const { codec, rejections } = rig(...secrets);
      fc.assert(
        fc.property(arbitraryEntry(), fc.string({ unit: "grapheme" }), (entry, key) => {
          const bytes = codec.encode(key, entry);
          assert.equal(bytes.buffer.byteLength, bytes.length);
          assert.deepEqual(codec.decode(key, bytes), entry);
        }),
      );
      assert.deepEqual(rejections, []);
    });

    test("is a miss with any one bit flipped, and at any length but its own", () => {
      const { codec, rejections } = rig(...secrets);
      const entry = entryOf("some body", { vary: "accept", variant: "3:x|" });
      const bytes = codec.encode("key", entry);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(codec.decode("key", flipped), undefined, `bit ${bit}`);
      }
      for (let end = 0; end < bytes.length; end++) assert.equal(codec.decode("key", bytes.subarray(0, end)), undefined);
      assert.equal(codec.decode("key", Buffer.concat([bytes, bytes])), undefined);
      assert.equal(rejections.length, bytes.length * 9 + 1, "each of them counted");
    });

    test("is a miss under another key", () => {
      const { codec, rejections } = rig(...secrets);
      const bytes = codec.encode("a", entryOf("secret of a"));
      assert.equal(codec.decode("b", bytes), undefined);
      assert.equal(codec.decode("a1", bytes), undefined);
      assert.deepEqual(rejections, ["b seal", "a1 seal"]);
    });

    test("tells another version and what is no frame from a broken seal", () => {
      const { codec, rejections } = rig(...secrets);
      const bytes = codec.encode("a", entryOf("x"));
      bytes[VERSION_AT] = FRAME_VERSION + 1;
      codec.decode("a", bytes);
      codec.decode("a", Buffer.from("PK\u0003\u0004"));
      codec.decode("a", Buffer.alloc(0));
      assert.deepEqual(rejections, ["a version", "a corrupt", "a corrupt"]);
    });

    test("costs 64 octets at most beside body, texts and the head as it is on the wire", () => {
      const { codec } = rig(...secrets);
      const headers = ["Content-Type", "application/json", "Cache-Control", "public, max-age=60", "ETag", '"abc"'];
      const head = { status: 200, headers, initialAge: 0, receivedAt: 1.7e12 };
      const entry = { ...entryOf(""), head, tags: [], body: Buffer.alloc(100_000, 0xfe) };
      const wire = `HTTP/1.1 200 OK\r\n${headers.map((text, i) => text + (i % 2 ? "\r\n" : ": ")).join("")}\r\n`;
      const cost = codec.encode("key", entry).length - 100_000 - wire.length - entry.url.length;
      assert.ok(cost <= 64, `${cost} octets`);
    });
  });
}

suite("the secrets of frames", () => {
  test("what was sealed with a former secret is used, new entries are sealed with the first one", () => {
    const before = rig(OLD);
    const during = rig(NEW, OLD);
    const after = rig(NEW);
    const old = before.codec.encode("a", entryOf("x"));
    const young = during.codec.encode("a", entryOf("y"));
    assert.ok(during.codec.decode("a", old));
    assert.ok(during.codec.decode("a", young));
    assert.ok(after.codec.decode("a", young));
    assert.equal(before.codec.decode("a", young), undefined);
    assert.equal(after.codec.decode("a", old), undefined);
    assert.deepEqual(after.rejections, ["a seal"]);
  });

  test("a frame without a secret, whole as it is, is no frame for those who have one", () => {
    const forged = rig().codec.encode("a", entryOf("forged"));
    assert.equal(rig(NEW).codec.decode("a", forged), undefined);
  });

  test("a fence cannot be raised by who has no secret", () => {
    const { codec } = rig(NEW);
    const bytes = codec.encode("a", entryOf("x"));
    bytes.writeDoubleBE(1e15, FENCE_AT);
    assert.equal(codec.decode("a", bytes), undefined);
  });

  test("neither seal nor frame holds the secret", () => {
    const bytes = rig(NEW).codec.encode("a", entryOf("x"));
    assert.equal(bytes.indexOf(NEW), -1);
    assert.equal(SEAL_LENGTH, 16);
  });
});
