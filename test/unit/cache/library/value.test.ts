import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { decodeValue, encodeValue } from "../../../../src/cache/library/value.ts";

const copyOf = (value: unknown): unknown => decodeValue(encodeValue(value));

const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
const scalar = fc.oneof(
  fc.constantFrom(null, undefined, true, false, Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt(),
  text,
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.uint8Array().map((octets) => Buffer.from(octets)),
);
const key = fc.oneof(text, fc.constantFrom("$", "v", "__proto__", "constructor", "toJSON", "1"));
/** Anything that can be kept. */
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: "value" },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    fc.array(tie("value"), { maxLength: 5 }).map((members) => new Set(members)),
  ),
}));

suite("the octets of a value", () => {
  test("give back whatever can be kept, and share nothing with it", () => {
    fc.assert(
      fc.property(anything, (value) => assert.deepEqual(copyOf(value), value)),
      { numRuns: 2000 },
    );
  });

  test("hold octets once, wherever in the value they are", () => {
    const octets = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
    for (const value of [octets, new Uint8Array(octets), { deep: [{ octets }] }, new Map([["a", octets]])]) {
      const bytes = encodeValue(value);
      assert.ok(bytes.length <= octets.length + 64, `${bytes.length} octets`);
      assert.deepEqual(decodeValue(bytes), value);
      assert.equal(bytes.buffer.byteLength, bytes.length, "no slab is kept alive");
    }
  });

  test("of plain data are its JSON and one octet more", () => {
    const value = { id: 1, name: "é", list: [true, null, { x: 1.5 }] };
    assert.equal(encodeValue(value).toString("utf8", 1), JSON.stringify(value));
  });

  test("what comes back is a copy that changes nothing kept", () => {
    for (const value of [Buffer.from("abc"), new Uint8Array([1, 2]), { b: Buffer.from("abc") }]) {
      const bytes = encodeValue(value);
      const before = Buffer.from(bytes);
      const copy = decodeValue(bytes) as Uint8Array | { b: Buffer };
      ("b" in copy ? copy.b : copy).fill(0);
      assert.deepEqual(bytes, before);
    }
  });

  test("what cannot be kept is refused with its place and what it is", () => {
    class Account {
      readonly owner = "me";
    }
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    // oxlint-disable-next-line no-sparse-arrays
    const hole = [1, , 2];
    const refused: [unknown, RegExp][] = [
      [() => 1, /^the value cannot be kept: it is a function\. Keep plain/],
      [{ a: [{ b: Symbol("s") }] }, /at \.a\[0\]\.b cannot be kept: it is a symbol/],
      [{ user: new Account() }, /at \.user cannot be kept: it is an instance of Account/],
      [new Map([["x", new Account()]]), /at \[1\] .*Account/],
      [{ e: new Error("x") }, /instance of Error/],
      [{ f: new Float64Array(2) }, /instance of Float64Array/],
      [Promise.resolve(), /instance of Promise/],
      [/x/, /instance of RegExp/],
      [hole, /at \[1\] .*a hole in an array/],
      [circle, /deeper than 256 levels, or in a circle/],
      [deep, /deeper than 256 levels, or in a circle/],
    ];
    for (const [value, message] of refused) {
      assert.throws(() => encodeValue(value), { name: "UsageError", message });
    }
  });

  test("any octets are read to a value or an error, never to another prototype", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5), (octets, kind) => {
        try {
          decodeValue(Buffer.from([kind, ...octets]));
        } catch (thrown) {
          assert.ok(thrown instanceof Error);
        }
      }),
      { numRuns: 2000 },
    );
    const json = Buffer.from('{"$":"o","v":{"__proto__":{"polluted":true},"a":{"$":"u"}}}');
    const head = Buffer.alloc(5, 4);
    head.writeUInt32BE(json.length, 1);
    const value = decodeValue(Buffer.concat([head, json])) as { polluted?: boolean };
    assert.equal(value.polluted, undefined);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });
});
