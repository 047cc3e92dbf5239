import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCascade } from "../../../../src/cache/tags/cascade.ts";
import { tagsOf, withoutTags } from "../../../../src/cache/tags/origin-tags.ts";
import { compileTags } from "../../../../src/cache/tags/route-tags.ts";

test("Surrogate-Key is separated by blanks, Cache-Tag by commas, and each tag counts once", () => {
  const own = ["route:a"];
  assert.equal(tagsOf(["Content-Type", "text/plain"], own), own, "the same list when there are none");
  const headers = ["surrogate-key", "p1 p2", "Surrogate-Key", "p3", "Cache-Tag", "p1, two words ,route:a,"];
  assert.deepEqual(tagsOf(headers, own), ["route:a", "p1", "p2", "p3", "two words"]);
});

test("64 tags of 256 characters are taken, not one more nor one longer", () => {
  const tags = (count: number): string[] => [
    "Surrogate-Key",
    Array.from({ length: count }, (_, i) => `t${i}`).join(" "),
  ];
  assert.equal(tagsOf(tags(63), ["own"])?.length, 64);
  assert.equal(tagsOf(tags(64), ["own"]), undefined);
  assert.equal(tagsOf(["Cache-Tag", "x".repeat(256)], [])?.length, 1);
  assert.equal(tagsOf(["Cache-Tag", "x".repeat(257)], []), undefined);
  assert.equal(tagsOf([], ["x".repeat(257)]), undefined, "a parameter of the path made it too long");
});

test("clients get neither field, and an answer without them is not copied", () => {
  const plain = ["Content-Type", "text/plain"];
  assert.equal(withoutTags(plain), plain);
  assert.deepEqual(withoutTags([...plain, "SURROGATE-KEY", "a", "cache-tag", "b"]), plain);
});

test("a route's tags take parameters of the path; without any it is one list for all requests", () => {
  const fixed = compileTags(["route:a"], ["products"]);
  assert.deepEqual(fixed({ id: "1" }), ["route:a", "products"]);
  assert.equal(fixed({}), fixed({}));
  const filled = compileTags(["route:a"], ["product:{id}", "{shop}-{id}"]);
  assert.deepEqual(filled({ id: "7", shop: "s" }), ["route:a", "product:7", "s-7"]);
});

test("C53: a cascade reaches the end of each chain, by the shortest way, and cycles end", () => {
  const cascade = compileCascade({
    "table:users": ["user-list", "dashboard"],
    dashboard: ["home"],
    home: ["table:users"],
    self: ["self"],
  });
  const spread = cascade.spread(["table:users"]);
  assert.deepEqual(spread.tags.toSorted(), ["dashboard", "home", "table:users", "user-list"]);
  assert.deepEqual([spread.depth, spread.count], [2, 3]);
  assert.deepEqual(cascade.spread(["home", "dashboard"]).count, 2);
  assert.deepEqual(cascade.spread(["self"]), { tags: ["self"], depth: 0, count: 0 });
  assert.deepEqual(cascade.spread(["other", "other"]), { tags: ["other"], depth: 0, count: 0 });
});

test("C53: a chain of 256 is followed to its end", () => {
  const chain = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`t${i}`, [`t${i + 1}`]]));
  const { depth, count } = compileCascade(chain).spread(["t0"]);
  assert.deepEqual([depth, count], [256, 256]);
});
