import assert from "node:assert/strict";
import { test } from "node:test";
import { compileVersion } from "../../../src/cache/roll-over.ts";
import { validateConfig } from "../../../src/config/load.ts";

const URLS = Array.from({ length: 10_000 }, (_, i) => ({
  scheme: "http" as const,
  authority: "shop.example",
  path: `/api/products/${i}`,
  query: i % 3 === 0 ? "?page=1" : "",
}));

const gone = (percent: number): readonly number[] => {
  const versionOf = compileVersion({ from: "1", to: "2", percent });
  return URLS.flatMap((url, at) => (versionOf(url) === "2" ? [at] : []));
};

test("C21: a roll-over takes its share of the URLs, always the same ones, and none that has gone over returns", () => {
  let before: ReadonlySet<number> = new Set();
  for (const percent of [0, 1, 10, 50, 90, 100]) {
    const now = gone(percent);
    assert.deepEqual(gone(percent), now);
    assert.ok(Math.abs(now.length / URLS.length - percent / 100) < 0.015, `${now.length} of ${URLS.length}`);
    const all = new Set(now);
    assert.ok([...before].every((at) => all.has(at)));
    before = all;
  }
  assert.equal(gone(0).length, 0);
  assert.equal(gone(100).length, URLS.length);
});

test("one version is that of every URL, and what is no version is refused with its place", () => {
  assert.ok(URLS.every((url) => compileVersion("7")(url) === "7"));
  const load = (version: unknown) =>
    validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 204 } }], cache: { version } }).config.cache;
  assert.equal(load(undefined).version, "1");
  assert.deepEqual(load({ from: "1", to: "2", percent: 10 }).version, { from: "1", to: "2", percent: 10 });
  assert.throws(() => load({ from: "1", to: "2", percent: 101 }), /cache\.version/);
  assert.throws(() => load({ from: "1", to: "2" }), /cache\.version/);
  assert.throws(() => load("two words"), /cache\.version/);
});
