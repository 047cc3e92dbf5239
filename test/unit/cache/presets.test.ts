import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePreset, type Preset } from "../../../src/cache/presets.ts";

const POLICY = { by: "operator", ttl: 600_000, staleWhileRevalidate: 60_000, staleIfError: 3_600_000 } as const;
const ORIGIN = [
  ["ETag", '"1"'],
  ["cache-control", "no-cache"],
  ["Expires", "0"],
  ["Pragma", "no-cache"],
  ["Surrogate-Control", "no-store"],
].flat();

const GOLDEN: Readonly<Record<Preset, readonly string[]>> = {
  browser: ["Cache-Control", "private, max-age=600"],
  cdn: [
    ["Cache-Control", "public, max-age=0, s-maxage=600"],
    ["CDN-Cache-Control", "max-age=600"],
    ["Surrogate-Control", "max-age=600"],
  ].flat(),
  shared: ["Cache-Control", "private, no-cache"],
  full: [
    ["Cache-Control", "public, max-age=600, stale-while-revalidate=60, stale-if-error=3600"],
    ["CDN-Cache-Control", "max-age=600, stale-while-revalidate=60, stale-if-error=3600"],
    ["Surrogate-Control", "max-age=600, stale-while-revalidate=60, stale-if-error=3600"],
  ].flat(),
};

for (const [preset, fields] of Object.entries(GOLDEN) as [Preset, readonly string[]][]) {
  test(`${preset}: the fields that clients and caches in front get`, () => {
    assert.deepEqual(compilePreset(preset, () => POLICY)(200, ORIGIN), ["ETag", '"1"', ...fields]);
  });

  test(`${preset}: errors and statuses that the ttl is not for keep the origin's words`, () => {
    for (const status of [500, 503, 403, 302])
      assert.equal(compilePreset(preset, () => POLICY)(status, ORIGIN), ORIGIN);
  });
}

test("windows of no length are not told", () => {
  const policy = { ...POLICY, staleWhileRevalidate: 0, staleIfError: 0 };
  assert.deepEqual(compilePreset("full", () => policy)(200, []).slice(0, 2), ["Cache-Control", "public, max-age=600"]);
});
