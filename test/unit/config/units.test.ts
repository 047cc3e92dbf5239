import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatDuration, parseBytes, parseDuration } from "../../../src/core/units.ts";

test("a duration that was written is read again as it was", () => {
  fc.assert(fc.property(fc.nat(), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
});

test("a size in any unit is that many octets", () => {
  const units = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, KB: 1e3, MB: 1e6, GB: 1e9 };
  const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
  fc.assert(fc.property(fc.nat(1_000_000), unit, (n, u) => assert.equal(parseBytes(`${n}${u}`), n * units[u])));
});

test("neither takes a number without a unit, nor half an octet", () => {
  fc.assert(
    fc.property(fc.double(), (n) => {
      assert.equal(parseDuration(String(n)), undefined);
      assert.equal(parseBytes(String(n)), undefined);
    }),
  );
  assert.equal(parseBytes("0.5B"), undefined);
});
