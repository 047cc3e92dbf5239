import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyHash } from "../../../src/limits/key-hash.ts";

const valueOf = (hash: KeyHash, text: string): string => {
  hash.of(text);
  return `${hash.high.toString(16)} ${hash.low.toString(16)}`;
};

test("one text has one hash, and another under another secret", () => {
  assert.equal(valueOf(new KeyHash(7, 9), "192.0.2.1"), valueOf(new KeyHash(7, 9), "192.0.2.1"));
  assert.notEqual(valueOf(new KeyHash(7, 9), "192.0.2.1"), valueOf(new KeyHash(7, 8), "192.0.2.1"));
  assert.notEqual(valueOf(new KeyHash(7, 9), "192.0.2.1"), valueOf(new KeyHash(6, 9), "192.0.2.1"));
});

test("texts that differ in length, order or one unit do not meet", () => {
  const hash = new KeyHash(1, 2);
  const texts = ["", "\0", "\0\0", "a", "b", "ab", "ba", "aba", "aab", "\u0100", "\u0001\u0000", "\ud83d\ude00"];
  assert.equal(new Set(texts.map((text) => valueOf(hash, text))).size, texts.length);
});

test("of 300,000 texts none meet, and sets of a table fill evenly", () => {
  const hash = new KeyHash(0x1234, 0x5678);
  const seen = new Set<string>();
  const sets = new Uint32Array(256);
  for (let at = 0; at < 300_000; at++) {
    seen.add(valueOf(hash, `c10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`));
    sets[hash.low & 255]! += 1;
  }
  assert.equal(seen.size, 300_000);
  const mean = 300_000 / 256;
  for (const count of sets) assert.ok(Math.abs(count - mean) < mean / 4, `${count} of ${mean}`);
});
