import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { pages } from "../../../tools/docs/pages.ts";
import { settings } from "../../../tools/docs/settings.ts";

const folder = new URL("../../../docs/", import.meta.url);

test("the pages under docs/ say what the code says", async () => {
  for (const [file, text] of await pages()) {
    assert.equal(readFileSync(new URL(file, folder), "utf8"), text, `docs/${file} is old: npm run docs:write`);
  }
});

/** Guides: written by hand, because they tell what no single key or call does. */
const GUIDES = [
  "admission.md",
  "balancing.md",
  "breakers.md",
  "deadlines.md",
  "priority.md",
  "purging.md",
  "quotas.md",
  "retries.md",
];

test("no page is left under docs/ that nobody makes", async () => {
  assert.deepEqual(readdirSync(folder).toSorted(), [...(await pages()).keys(), ...GUIDES].toSorted());
});

test("every key of the configuration has a meaning", () => {
  const silent = settings().filter(({ meaning }) => meaning === "");
  assert.deepEqual(
    silent.map(({ key }) => key),
    [],
    "add .describe() where the key is declared",
  );
});

test("every duration and size is shown with its bounds and a default with its unit", () => {
  const found = settings().find(({ key }) => key === "listen.headTimeout");
  assert.equal(found?.type, "duration, 10ms to 10m");
  assert.match(found?.fallback ?? "", /^\d+s$/);
});
