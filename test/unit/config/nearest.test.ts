import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../../src/config/nearest.ts";

test("a slip of the fingers is understood, another word is not", () => {
  const known = ["timeout", "host", "http", "headTimeout"];
  assert.equal(nearest("timeuot", known), "timeout");
  assert.equal(nearest("TIMEOUT", known), "timeout");
  assert.equal(nearest("htpt", known), "http");
  assert.equal(nearest("headtimeout", known), "headTimeout");
  assert.equal(nearest("zebra", known), undefined);
  assert.equal(nearest("", known), undefined);
  assert.equal(nearest("x".repeat(100_000), known), undefined);
});
