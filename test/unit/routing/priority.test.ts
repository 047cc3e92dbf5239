import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePriority } from "../../../src/routing/priority.ts";

test("a fixed class does not look at fields", () => {
  assert.equal(compilePriority("critical")(["x-class", "bulk"], "GET"), "critical");
});

test("a mapped class is read from its field", () => {
  const classOf = compilePriority({ header: "X-Class", map: { "0": "critical", "9": "bulk" }, default: "sheddable" });
  assert.equal(classOf(["a", "b", "x-CLASS", " 0 "], "GET"), "critical");
  assert.equal(classOf(["X-Class", "9"], "GET"), "bulk");
  assert.equal(classOf(["X-Class", "9", "X-Class", "0"], "GET"), "bulk");
  assert.equal(classOf(["X-Class", "1"], "GET"), "sheddable");
  assert.equal(classOf([], "GET"), "sheddable");
});

test("names of object properties are no classes", () => {
  const classOf = compilePriority({ header: "x", map: {}, default: "default" });
  for (const value of ["__proto__", "constructor", "toString"]) assert.equal(classOf(["x", value], "GET"), "default");
});

test("a route without a priority has that of the method, else default", () => {
  const classOf = compilePriority(undefined, { OPTIONS: "sheddable", PUT: "critical" });
  assert.deepEqual(
    ["OPTIONS", "PUT", "GET", "constructor"].map((method) => classOf([], method)),
    ["sheddable", "critical", "default", "default"],
  );
  assert.equal(compilePriority(undefined)([], "GET"), "default");
  assert.equal(compilePriority("bulk", { GET: "critical" })([], "GET"), "bulk");
});
