import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { createNameReader } from "../../../src/dependency/names.ts";

suite("field names of answers", () => {
  test("read the same however often, in whatever order, and beside whatever other names came", () => {
    const names = fc.array(fc.string({ unit: fc.constantFrom("a", "B", "-", "x", "\xe9"), maxLength: 70 }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(names, (list) => {
        const read = createNameReader();
        for (const name of [...list, ...list.toReversed()]) {
          assert.equal(read(Buffer.from(name, "latin1")).text, name);
        }
      }),
    );
  });

  test("mean the same in any spelling, as octets and as text", () => {
    const read = createNameReader();
    for (const spelling of ["Content-Length", "content-length", "CONTENT-LENGTH"]) {
      for (const name of [spelling, Buffer.from(spelling), Buffer.from(spelling)]) {
        assert.deepEqual(read(name), { text: spelling, kind: "content-length" });
      }
    }
    assert.equal(read(Buffer.from("Keep-Alive")).kind, "hop");
    assert.equal(read(Buffer.from("X-Keep-Alive")).kind, "plain");
  });

  test("that fall on one place in memory are told apart", () => {
    const read = createNameReader();
    // Same length, first, middle and last octet.
    for (const name of ["x-abcd-z", "x-cbad-z", "x-abcd-z", "x-dbca-z"]) {
      assert.equal(read(Buffer.from(name)).text, name);
    }
  });
});
