import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { bodyOf, keptHeaders } from "../../../src/cache/entry.ts";
import { runChild } from "../../support/child.ts";

interface Taken {
  readonly accounted: number;
  readonly real: number;
  readonly limit: number;
  readonly kept: number;
}

async function fill(...args: string[]): Promise<Taken> {
  const program = fileURLToPath(new URL("../../support/entry-memory.ts", import.meta.url));
  return JSON.parse(await runChild(process.execPath, ["--expose-gc", program, ...args])) as Taken;
}

for (const eviction of ["lru", "s3fifo"]) {
  test(`what is accounted for is what 10,000 entries of 1 KiB take, within a tenth (${eviction})`, async () => {
    const { accounted, real, kept } = await fill(eviction);
    const ratio = real / accounted;
    assert.equal(kept, 10_000);
    assert.ok(ratio <= 1.1 && ratio >= 0.7, `real / accounted is ${ratio.toFixed(3)}`);
  });
}

test("memory stays within the budget while 100,000 entries come and go", async () => {
  const { accounted, real, limit, kept } = await fill("s3fifo", "100000", "8");
  assert.ok(accounted <= limit && accounted >= limit * 0.9);
  assert.ok(kept < 10_000);
  // Beside it, tables that grow by powers of two and the ghosts of what went.
  assert.ok(real <= limit * 1.2, `8 MiB came to ${(real / 2 ** 20).toFixed(1)} MiB`);
});

test("a body is put together in an allocation of its own", () => {
  const body = bodyOf([Buffer.from("ab"), Buffer.from("cde")], 5);
  assert.equal(String(body), "abcde");
  assert.equal(body.buffer.byteLength, 5);
});

test("the length that is kept is the body's", () => {
  assert.deepEqual(keptHeaders(["content-length", "9", "ETag", '"a"'], 3), ["ETag", '"a"', "Content-Length", "3"]);
});
