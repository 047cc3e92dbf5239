import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { headerValue, isToken, joinedHeader, listMembers, withoutHeaders } from "../../../src/core/headers.ts";

const LIST = ["Host", "a", "X-One", "1", "x-one", "2", "Set-Cookie", "a=1", "X-ONE", ""];

suite("header list", () => {
  test("finds the first value without regard to case, an empty one too", () => {
    assert.equal(headerValue(LIST, "x-one"), "1");
    assert.equal(headerValue(LIST, "host"), "a");
    assert.equal(headerValue(["A", ""], "a"), "");
    assert.equal(headerValue(LIST, "x-on"), undefined);
  });

  test("does not take a value for a name", () => {
    assert.equal(headerValue(["a", "host", "host", "b"], "host"), "b");
    assert.equal(joinedHeader(["a", "host", "host", "b"], "host"), "b");
    assert.deepEqual(withoutHeaders(["a", "host", "host", "b"], new Set(["host"])), ["a", "host"]);
  });

  test("joins all lines in order", () => {
    assert.equal(joinedHeader(LIST, "x-one"), "1, 2, ");
    assert.equal(joinedHeader(LIST, "absent"), undefined);
  });

  test("leaves out without touching the original", () => {
    const copy = [...LIST];
    assert.deepEqual(withoutHeaders(LIST, new Set(["x-one", "set-cookie"])), ["Host", "a"]);
    assert.deepEqual(LIST, copy);
  });

  test("members are trimmed and empty ones left out", () => {
    assert.deepEqual(listMembers(" a ,, b,\tc,"), ["a", "b", "c"]);
    assert.deepEqual(listMembers(""), []);
  });

  test("a token has no separators, no controls, no letters beyond ASCII and is not empty", () => {
    for (const good of ["a", "X-Y", "!#$%&'*+-.^_`|~09"]) assert.ok(isToken(good), good);
    for (const bad of ["", " a", "a ", "a:b", "a\n", "é", "a/b", "(", "\0"])
      assert.ok(!isToken(bad), JSON.stringify(bad));
  });

  test("for any list: what is left out is not found, what is kept keeps its order", () => {
    const name = fc.constantFrom("A", "a", "B", "b", "Cc", "cC");
    const fields = fc.array(fc.tuple(name, fc.string({ maxLength: 3 })), { maxLength: 12 });
    fc.assert(
      fc.property(fields, fc.subarray(["a", "b", "cc"]), (pairs, names) => {
        const kept = withoutHeaders(pairs.flat(), new Set(names));
        const expected = pairs.filter(([field]) => !names.includes(field.toLowerCase())).flat();
        assert.deepEqual(kept, expected);
        for (const gone of names) assert.equal(headerValue(kept, gone), undefined);
      }),
    );
  });
});
