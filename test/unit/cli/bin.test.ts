import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../../bin/spillway.js", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a process; `version` is what it is made to believe that it runs on. */
function run(args: readonly string[], version?: string): Promise<Ended> {
  const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });
    Object.defineProperty(process, "version", { value: "v${version}" });`;
  const before = version === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`];
  return new Promise((resolve) => {
    execFile(process.execPath, [...before, BIN, ...args], (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

test("the command runs as a process, and its exit code is the command's", async () => {
  const { code, out, err } = await run(["--version"]);
  assert.equal(err, "");
  assert.match(out, /^spillway \d+\.\d+\.\d+\n$/);
  assert.equal(code, 0);
  assert.equal((await run(["nonsense"])).code, 2);
});

test("a Node below the floor is told in one line which one is needed", async () => {
  const old = ["12.22.0", "20.19.5", "22.22.9", "23.11.0", "24.16.0", "25.9.0", "26.3.0"];
  const ends = await Promise.all(old.map((version) => run(["--version"], version)));
  for (const [index, end] of ends.entries()) {
    const needs = `spillway needs Node 22.23+, 24.17+ or 26.3.1+; this is v${old[index]}.`;
    assert.deepEqual(end, { code: 1, out: "", err: `${needs} In a checkout, run it through npm: "npm start".\n` });
  }
});

test("a Node from the floor on is taken", async () => {
  const ends = await Promise.all(["22.23.0", "24.17.0", "26.3.1", "27.0.0"].map((v) => run(["--version"], v)));
  for (const { code, err } of ends) assert.deepEqual({ code, err }, { code: 0, err: "" });
});

test("the entry is written in words that old versions understand", () => {
  const text = readFileSync(BIN, "utf8").replace(/^\s*\/\/.*$/gm, "");
  assert.doesNotMatch(text, /\?\.|\?\?|\bawait\b|"node:|=>|`|\bconst\b|\blet\b|#(?!!)/);
});
