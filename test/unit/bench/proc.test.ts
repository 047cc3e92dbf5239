import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { descendants, parseResident, parseStat } from "../../../loadtests/bench/proc.ts";

const STAT = "4242 (node (a) b) S 17 4242 4242 0 -1 4194560 100 0 0 0 250 50 7 9 20 0 11 0 100 0 0";

suite("reading /proc", () => {
  test("a command with spaces and brackets shifts no field", () => {
    assert.deepEqual(parseStat(STAT), { pid: 4242, parent: 17, cpuMicros: 3_000_000 });
  });

  test("the tree is the root and all below it, and nothing beside it", () => {
    const stat = (pid: number, parent: number) => ({ pid, parent, cpuMicros: 1 });
    const all = [stat(1, 0), stat(10, 1), stat(11, 10), stat(12, 11), stat(20, 1)];
    assert.deepEqual(
      descendants(all, 10).map(({ pid }) => pid),
      [10, 11, 12],
    );
    assert.deepEqual(descendants(all, 99), []);
  });

  test("resident memory is in MiB, and 0 for a process on its way out", () => {
    assert.equal(parseResident("Name:\tnode\nVmRSS:\t   92160 kB\nThreads:\t11\n"), 90);
    assert.equal(parseResident("Name:\tnode\nState:\tZ (zombie)\n"), 0);
  });
});
