import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { settings } from "../../../tools/docs/settings.ts";

const root = new URL("../../../", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  engines: { node: string };
  scripts: Record<string, string>;
};

test("the configuration on the first screen is one", () => {
  const yaml = /```yaml\n([^`]+)```/.exec(readme)?.[1] ?? "";
  assert.ok(parseConfig(yaml, "README.md", {}).routes.length > 0);
  assert.ok(yaml.trim().split("\n").length <= 12, "it stays short");
});

test("settings that the README names exist", () => {
  const known = new Set(settings().map(({ key }) => key));
  const named = [...readme.matchAll(/`((?:listen|ops|drain|dependencies|routes)(?:\[\])?\.[A-Za-z.[\]]+)`/g)];
  assert.ok(named.length > 10);
  for (const [, key] of named) assert.ok(known.has(key!), `${key} is no setting`);
});

test("links, scripts and commands that the README names exist", () => {
  for (const [, path] of readme.matchAll(/\]\(((?!http)[^)]+)\)/g)) {
    assert.ok(existsSync(new URL(path!, root)), `${path} is there`);
  }
  for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g)) {
    assert.ok(Object.hasOwn(manifest.scripts, script!), `script ${script}`);
  }
  const names = new Set(commands.map(({ name }) => name));
  for (const [, name] of readme.matchAll(/npm run spillway -- ([a-z]+)/g)) {
    assert.ok(names.has(name!), `command ${name}`);
  }
});

test("the README names the exit codes and the Nodes that hold", () => {
  for (const code of Object.values(EXIT)) assert.match(readme, new RegExp(`^\\| ${code} \\|`, "m"));
  assert.ok(readme.includes(`\`${manifest.engines.node}\``));
});

test("the script of the continuous integration does what the README says", () => {
  const script = readFileSync(new URL(".ci/run", root), "utf8");
  assert.match(script, /^set -euo pipefail$/m);
  assert.match(script, /^npm ci\nnpm test$/m);
});
