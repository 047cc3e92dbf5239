import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readDictionary } from "../../../src/core/dictionary.ts";
import { cacheStatus, type CacheStatus } from "../../../src/cache/rules/status.ts";

const ROWS: [members: CacheStatus, value: string][] = [
  [{}, "spillway"],
  [{ hit: true, ttl: 12_900 }, "spillway; hit; ttl=12"],
  [{ hit: true, ttl: -1 }, "spillway; hit; ttl=-1"],
  [{ hit: true, ttl: -0 }, "spillway; hit; ttl=0"],
  [{ hit: true, ttl: Infinity }, "spillway; hit; ttl=999999999999999"],
  [{ hit: true, ttl: Number.NaN }, "spillway; hit"],
  [{ fwd: "miss", fwdStatus: 200, stored: true }, "spillway; fwd=miss; fwd-status=200; stored"],
  [{ fwd: "uri-miss", collapsed: true }, "spillway; fwd=uri-miss; collapsed"],
  [{ fwd: "stale", detail: "stale-if-error", ttl: -60_000 }, "spillway; fwd=stale; ttl=-60; detail=stale-if-error"],
  [{ fwd: "bypass", detail: "set cookie" }, 'spillway; fwd=bypass; detail="set cookie"'],
  [{ fwd: "bypass", detail: "" }, 'spillway; fwd=bypass; detail=""'],
  [{ hit: true, key: 'GET /a?b="c\\' }, 'spillway; hit; key="GET /a?b=\\"c\\\\"'],
  [{ hit: true, key: "é\n😀" }, 'spillway; hit; key="???"'],
  [{ hit: false, stored: false }, "spillway"],
];

suite("Cache-Status, RFC 9211", () => {
  for (const [members, value] of ROWS) test(value, () => assert.equal(cacheStatus(members), value));

  test("goes behind what came with the answer (2)", () => {
    assert.equal(cacheStatus({ hit: true }, "origin; hit"), "origin; hit, spillway; hit");
    assert.equal(cacheStatus({ hit: true }, " "), "spillway; hit");
  });

  test("is well-formed whatever it says (RFC 9651)", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(fc.double(), fc.double(), text, text, (ttl, fwdStatus, key, detail) => {
        const value = cacheStatus({ hit: true, ttl, fwdStatus, key, detail, collapsed: true });
        assert.ok(readDictionary(`a;${value.slice("spillway; ".length)}`), value);
      }),
    );
  });
});
