import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseRoot } from "../../../src/cli/serve.ts";
import { workerCount } from "../../../src/cluster/size.ts";

test("as many workers as the file says; auto is as many as can run at a time", () => {
  assert.equal(workerCount(1, 8), 1);
  assert.equal(workerCount(3, 8), 3);
  assert.equal(workerCount("auto", 8), 8);
  assert.equal(workerCount("auto", 1), 1);
});

test("O6: root serves no other machine unless it is said that this is meant", () => {
  const root = { isRoot: true, env: {} };
  const refusal = /will not serve other machines \(listen\.host .+\) as root: .* --allow-root or SPILLWAY_ALLOW_ROOT=1/;
  assert.throws(() => refuseRoot("0.0.0.0", false, root), refusal);
  assert.throws(() => refuseRoot("::", false, root), refusal);
  refuseRoot("127.0.0.1", false, root);
  refuseRoot("0.0.0.0", true, root);
  refuseRoot("0.0.0.0", false, { isRoot: true, env: { SPILLWAY_ALLOW_ROOT: "1" } });
  refuseRoot("0.0.0.0", false, { isRoot: false, env: {} });
  refuseRoot("0.0.0.0", false, { env: {} });
});
