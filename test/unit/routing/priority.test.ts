import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePriority } from "../../../src/routing/priority.ts";

test("a fixed class does not look at fields", () => {
  assert.equal(compilePriority("critical")(["x-class", "bulk"]), "critical");
});

test("a mapped class is read from its field", () => {
  const classOf = compilePriority({ header: "X-Class", map: { "0": "critical", "9": "bulk" }, default: "sheddable" });
  assert.equal(classOf(["a", "b", "x-CLASS", " 0 "]), "critical");
  assert.equal(classOf(["X-Class", "9"]), "bulk");
  assert.equal(classOf(["X-Class", "9", "X-Class", "0"]), "bulk");
  assert.equal(classOf(["X-Class", "1"]), "sheddable");
  assert.equal(classOf([]), "sheddable");
});

test("names of object properties are no classes", () => {
  const classOf = compilePriority({ header: "x", map: {}, default: "default" });
  for (const value of ["__proto__", "constructor", "toString"]) assert.equal(classOf(["x", value]), "default");
});
