import assert from "node:assert/strict";
import { test } from "node:test";
import { callersDirectory, configFile } from "../../../src/cli/config-file.ts";

const at = (cwd: string) => ({ cwd }) as Parameters<typeof configFile>[1];

test("a file is called by its way from where the command is run, when it lies there or below", () => {
  assert.deepEqual(configFile(undefined, at("/a")), { path: "/a/spillway.yaml", shownAs: "spillway.yaml" });
  assert.deepEqual(configFile("b/../c.yaml", at("/a")), { path: "/a/c.yaml", shownAs: "c.yaml" });
  assert.deepEqual(configFile("/a/b/c.yaml", at("/a")), { path: "/a/b/c.yaml", shownAs: "b/c.yaml" });
  assert.deepEqual(configFile("../c.yaml", at("/a/b")), { path: "/a/c.yaml", shownAs: "/a/c.yaml" });
  assert.deepEqual(configFile("..c.yaml", at("/a")), { path: "/a/..c.yaml", shownAs: "..c.yaml" });
});

test("relative paths start where npm was called, for the scripts of our own checkout only", () => {
  const env = { npm_lifecycle_event: "start", npm_package_json: "/s/package.json", INIT_CWD: "/home/me" };
  const from = (more: Record<string, string | undefined>) =>
    callersDirectory({ ...env, ...more }, "/s", "/s/package.json");
  assert.equal(from({}), "/home/me");
  assert.equal(from({ npm_lifecycle_event: "spillway" }), "/home/me");
  assert.equal(from({ npm_lifecycle_event: "test" }), "/s", "what a test starts stands where it was put");
  assert.equal(from({ npm_package_json: "/app/package.json" }), "/s", "an application's own npm start");
  assert.equal(from({ INIT_CWD: undefined }), "/s");
  assert.equal(callersDirectory({}, "/s", "/s/package.json"), "/s");
});
