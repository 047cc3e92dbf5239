import assert from "node:assert/strict";
import { test } from "node:test";
import { rootWarning } from "../../../src/cli/serve.ts";
import { workerCount } from "../../../src/cluster/size.ts";

test("as many workers as the file says; auto is as many as can run at a time", () => {
  assert.equal(workerCount(1, 8), 1);
  assert.equal(workerCount(3, 8), 3);
  assert.equal(workerCount("auto", 8), 8);
  assert.equal(workerCount("auto", 1), 1);
});

test("root that serves other machines is warned, and can say that it knows", () => {
  const root = { isRoot: true, env: {} };
  assert.match(
    rootWarning("0.0.0.0", root) ?? "",
    /runs as root; run it as a user of its own, or set SPILLWAY_ALLOW_ROOT=1/,
  );
  assert.match(rootWarning("::", root) ?? "", /runs as root/);
  assert.equal(rootWarning("127.0.0.1", root), undefined);
  assert.equal(rootWarning("0.0.0.0", { isRoot: true, env: { SPILLWAY_ALLOW_ROOT: "1" } }), undefined);
  assert.equal(rootWarning("0.0.0.0", { isRoot: false, env: {} }), undefined);
  assert.equal(rootWarning("0.0.0.0", { env: {} }), undefined);
});
