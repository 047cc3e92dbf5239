import assert from "node:assert/strict";
import { test } from "node:test";
import { Caution } from "../../../src/admission/caution.ts";

const [critical, standard, bulk] = [1, 2, 4];

test("each that waits in vain takes a tenth off, down to 0.4, and 20 s give it back", () => {
  const caution = new Caution();
  assert.equal(caution.share(standard, 0), 1);
  caution.late(standard, 0);
  assert.ok(Math.abs(caution.share(standard, 0) - 0.9) < 1e-9);
  for (let i = 0; i < 10; i++) caution.late(standard, 0);
  assert.equal(caution.share(standard, 0), 0.4);
  assert.ok(Math.abs(caution.share(standard, 10_000) - 0.7) < 1e-9);
  assert.equal(caution.share(standard, 20_000), 1);
  assert.equal(caution.share(standard, 1e9), 1);
});

test("a class has its own, and the two highest have none", () => {
  const caution = new Caution();
  for (let i = 0; i < 10; i++) for (const rank of [critical, bulk]) caution.late(rank, 0);
  assert.deepEqual([caution.share(critical, 0), caution.share(standard, 0), caution.share(bulk, 0)], [1, 1, 0.4]);
});
