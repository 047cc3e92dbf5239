import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startChild } from "../../support/child.ts";
import { temporaryDirectory } from "../../support/directory.ts";
import { until } from "../../support/wait.ts";

const program = fileURLToPath(new URL("write-back-child.ts", import.meta.url));
const FLUSH_EVERY = 200;
/** Milliseconds, while the process gets ahead, that a write may be late. */
const LATE = 300;

/** The highest number that the writer got of each key. */
async function written(file: string): Promise<Map<string, number>> {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const newest = new Map<string, number>();
  for (const [key, n] of lines.map((line) => line.split(" "))) newest.set(key!, Number(n));
  return newest;
}

suite("write-back and the end of the process", { timeout: 120_000 }, () => {
  test("killed, it has lost what was set in the last 200 ms and nothing older", async (t) => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "source");
    await using child = startChild(process.execPath, [program, file, "never"]);
    await until(() => Number(child.stdout().trim().split("\n").at(-1)?.split(" ")[1]) > 1500, {
      timeoutMs: 60_000,
      what: "a second and a half of writes",
    });
    child.process.kill("SIGKILL");
    await child.ended();
    const said = child
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" ").map(Number));
    const [last, lastAt] = said.at(-1)!;
    const newest = await written(file);
    let lost = 0;
    for (const [n, at] of said) {
      const isThere = (newest.get(`k${n! % 10}`) ?? 0) >= n!;
      if (!isThere) lost++;
      assert.ok(isThere || lastAt! - at! < FLUSH_EVERY + LATE, `${n} was set ${lastAt! - at!} ms before the end`);
    }
    t.diagnostic(`${lost} of ${last} writes lost, ${newest.size} keys`);
    assert.ok(last! > 100);
    const lines = (await readFile(file, "utf8")).trim().split("\n").length;
    assert.ok(lines < last! / 2, `${lines} writes at the source for ${last} calls: they were not made one`);
  });

  test("closed, it has lost nothing, and the process ends by itself", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "source");
    await using child = startChild(process.execPath, [program, file, "close"]);
    assert.equal(await child.ended(), 0, child.stderr());
    const newest = await written(file);
    assert.deepEqual(
      [...newest.values()].sort((a, b) => a - b),
      Array.from({ length: 10 }, (_, i) => 491 + i),
    );
  });
});
