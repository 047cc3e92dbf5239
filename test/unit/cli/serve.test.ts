import assert from "node:assert/strict";
import { test } from "node:test";
import { workerCount } from "../../../src/cli/serve.ts";

test("as many workers as the file says; auto is as many as can run at a time", () => {
  assert.equal(workerCount(1, 8), 1);
  assert.equal(workerCount(3, 8), 3);
  assert.equal(workerCount("auto", 8), 8);
  assert.equal(workerCount("auto", 1), 1);
});
