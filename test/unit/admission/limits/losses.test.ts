import assert from "node:assert/strict";
import { test } from "node:test";
import { Losses } from "../../../../src/admission/limits/losses.ts";

test("more than one call in fifty dropped is unusual", () => {
  const losses = new Losses();
  assert.deepEqual(
    [2, 3].map((dropped) => losses.unusual(dropped, 100)),
    [false, true],
  );
});

test("where a tenth is dropped without load, a fifth is usual", () => {
  const losses = new Losses();
  for (let call = 0; call < 200; call++) losses.saw(call % 10 === 0);
  assert.deepEqual(
    [18, 23].map((dropped) => losses.unusual(dropped, 100)),
    [false, true],
  );
});
