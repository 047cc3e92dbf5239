import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { bodyOf, keptHeaders } from "../../../src/cache/entry.ts";
import { runChild } from "../../support/child.ts";

test("what is accounted for is what 10,000 entries of 1 KiB take, within a tenth", async () => {
  const program = fileURLToPath(new URL("../../support/entry-memory.ts", import.meta.url));
  const { accounted, real } = JSON.parse(await runChild(process.execPath, ["--expose-gc", program])) as {
    accounted: number;
    real: number;
  };
  const ratio = real / accounted;
  assert.ok(ratio <= 1.1 && ratio >= 0.7, `real / accounted is ${ratio.toFixed(3)}`);
});

test("a body is put together in an allocation of its own", () => {
  const body = bodyOf([Buffer.from("ab"), Buffer.from("cde")], 5);
  assert.equal(String(body), "abcde");
  assert.equal(body.buffer.byteLength, 5);
});

test("the length that is kept is the body's", () => {
  assert.deepEqual(keptHeaders(["content-length", "9", "ETag", '"a"'], 3), ["ETag", '"a"', "Content-Length", "3"]);
});
