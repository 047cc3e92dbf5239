import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const source = (file: string): string =>
  JSON.stringify(new URL(`../../../src/telemetry/${file}`, import.meta.url).href);

/** Writes twenty chunks of two thousand lines, every line of one letter. */
const writer = `
  import { openSink } from ${source("sink.ts")};
  import { wholeLines } from ${source("whole-lines.ts")};
  const sink = wholeLines(openSink(1));
  const line = process.env.LETTER.repeat(99) + "\\n";
  const chunk = Buffer.from(line.repeat(2000));
  const write = (left) => sink.write(chunk, () => left > 1 && write(left - 1));
  write(20);
`;

test("processes that share a pipe do not write into each other's lines", async () => {
  // A shell's pipe is one: what child_process calls so is a socket. The reader starts late, so that all three writers
  // find the pipe full and have to take turns.
  const script = '(LETTER=a "$0" "$@" & LETTER=b "$0" "$@" & LETTER=c "$0" "$@" & wait) | (sleep 0.5; cat)';
  const args = ["-c", script, process.execPath, "--input-type=module", "-e", writer];
  const { stdout } = await promisify(execFile)("sh", args, {
    maxBuffer: 1 << 26,
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
  });
  const lines = stdout.split("\n").slice(0, -1);
  assert.deepEqual([...new Set(lines)].sort(), ["a".repeat(99), "b".repeat(99), "c".repeat(99)]);
  assert.equal(lines.length, 3 * 20 * 2000);
});
