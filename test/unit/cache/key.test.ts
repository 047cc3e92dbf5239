import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { cacheKey } from "../../../src/cache/key.ts";

const request = fc.record({
  scheme: fc.constantFrom("http" as const, "https" as const),
  authority: fc.string({ maxLength: 20 }),
  path: fc.string({ maxLength: 300 }),
  query: fc.string({ maxLength: 20 }),
});

test("two requests share a key only when every part is the same", () => {
  fc.assert(
    fc.property(request, request, (one, other) => {
      const same = (["scheme", "authority", "path", "query"] as const).every((part) => one[part] === other[part]);
      assert.equal(cacheKey(one) === cacheKey(other), same);
    }),
  );
});

test("each part counts by itself: schema and method aside, what differs in one only is another key", () => {
  const one = { scheme: "http" as const, authority: "a.example", path: "/x", query: "?a" };
  const others = [
    cacheKey({ ...one, scheme: "https" }),
    cacheKey({ ...one, authority: "b.example" }),
    cacheKey({ ...one, authority: "a.example:81" }),
    cacheKey({ ...one, path: "/y" }),
    cacheKey({ ...one, query: "?b" }),
    cacheKey({ ...one, query: "" }),
    cacheKey(one, "2"),
    cacheKey(one, "1", ["more"]),
    cacheKey(one),
  ];
  assert.equal(new Set(others).size, others.length);
});

test("a part cannot reach into the next one", () => {
  const at = (path: string, query: string): string => cacheKey({ scheme: "http", authority: "a.example", path, query });
  assert.notEqual(at("/a", "?b"), at("/a?b", ""));
  assert.notEqual(at("/a|2:?b", ""), at("/a", "?b"));
});

test("a key never gets long", () => {
  fc.assert(
    fc.property(request, (one) => {
      assert.ok(cacheKey(one).length <= 250);
    }),
  );
  const long = { scheme: "https" as const, authority: "a", path: `/${"x".repeat(9000)}`, query: "?a" };
  assert.match(cacheKey(long), /^sha256:[\w-]{43}$/);
  assert.notEqual(cacheKey(long), cacheKey({ ...long, query: "?b" }));
});
