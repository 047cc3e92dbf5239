import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencySettings } from "../../../src/dependency/settings.ts";

const read = (...targets: unknown[]) => dependencySettings.safeParse({ http: { targets } });

test("a target is named once, however it is spelt", () => {
  for (const twin of ["http://a:80/", "http://A", { url: "http://a", weight: 2 }]) {
    const { error } = read("http://a", twin);
    assert.match(error?.issues[0]?.message ?? "", /names a target twice/);
  }
  assert.equal(read("http://a", "https://a", "http://a:81").success, true);
});

test("several targets are balanced by load and ejected unless told otherwise; checks are off", () => {
  const { http, health } = read("http://a").data!;
  assert.deepEqual(http.balance, { by: "least-loaded", slowStart: 30_000, panic: 0.5 });
  assert.deepEqual(http.ejection, { consecutive: 5, errorRate: 0.5, minimumCalls: 20, for: 10_000, most: 300_000 });
  assert.deepEqual([http.resolveEvery, health], [30_000, "off"]);
});
