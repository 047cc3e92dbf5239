import assert from "node:assert/strict";
import { test } from "node:test";
import { isSigned, signatureOf } from "../../../src/ops/signature.ts";

const SECRET = "s".repeat(32);
const BODY = Buffer.from('{"id":"1"}');
const WALL = Date.UTC(2026, 0, 1);
const NOW = WALL / 1000;

const field = (seconds: number, secret = SECRET, body = BODY): string =>
  `t=${seconds},v1=${signatureOf(secret, seconds, body)}`;

test("a signature counts for its body and its time, for five minutes either way", () => {
  for (const seconds of [NOW, NOW - 300, NOW + 300]) assert.equal(isSigned(field(seconds), SECRET, BODY, WALL), true);
  for (const seconds of [NOW - 301, NOW + 301, 0]) assert.equal(isSigned(field(seconds), SECRET, BODY, WALL), false);
  assert.equal(isSigned(field(NOW), SECRET, Buffer.from('{"id":"2"}'), WALL), false, "another body");
  assert.equal(isSigned(field(NOW, "t".repeat(32)), SECRET, BODY, WALL), false, "another secret");
  assert.equal(isSigned(field(NOW).replace(`t=${NOW}`, `t=${NOW + 1}`), SECRET, BODY, WALL), false, "another time");
});

test("it is the HMAC-SHA-256 over time, dot and body, as other libraries have it", () => {
  const known = "4d583a269f4f276a3fa80ff31b5a01879a848096983222a17893d198418939aa";
  assert.equal(signatureOf("key", 1_700_000_000, Buffer.from("hello")), known);
});

test("anything else in the field is no signature, and throws nothing", () => {
  const good = field(NOW);
  for (const bad of [
    undefined,
    "",
    "v1=",
    good.toUpperCase(),
    `${good} `,
    `${good},v1=00`,
    good.slice(0, -1),
    `t=1e9,v1=${good.slice(-64)}`,
  ]) {
    assert.equal(isSigned(bad, SECRET, BODY, WALL), false, String(bad));
  }
});
