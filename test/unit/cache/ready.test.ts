import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ReadyAnswers, type ReadyFor } from "../../../src/cache/ready.ts";
import { headerValue } from "../../../src/core/headers.ts";
import type { CachePolicy } from "../../../src/cache/rules.ts";
import { entryOf } from "../../support/tier-suite.ts";

const ORIGIN: CachePolicy = { by: "origin" };
const at = (age: number, more: Partial<ReadyFor> = {}): ReadyFor => ({
  age,
  lifetime: 60_000,
  policy: ORIGIN,
  dress: undefined,
  ...more,
});

suite("ready answers", () => {
  test("one is made once a second: until Age or the freshness left would say something else", () => {
    const ready = new ReadyAnswers();
    const entry = entryOf("one");
    const first = ready.of(entry, at(1000));
    assert.equal(headerValue(first.headers, "age"), "1");
    assert.equal(headerValue(first.headers, "cache-status"), "spillway; hit; ttl=59");
    const half = ready.of(entry, at(1500));
    assert.equal(headerValue(half.headers, "age"), "1");
    assert.equal(headerValue(half.headers, "cache-status"), "spillway; hit; ttl=58");
    assert.equal(ready.of(entry, at(1999)), half);
    const next = ready.of(entry, at(2000));
    assert.equal(headerValue(next.headers, "age"), "2");
    assert.equal(next.text, "one");
  });

  test("another policy or preset makes another", () => {
    const ready = new ReadyAnswers();
    const entry = entryOf("one");
    ready.of(entry, at(0));
    const policy: CachePolicy = { by: "operator", ttl: 60_000, staleWhileRevalidate: 0, staleIfError: 0 };
    const operators = ready.of(entry, at(0, { policy }));
    assert.equal(headerValue(operators.headers, "cache-status"), "spillway; hit; ttl=60; detail=operator-ttl");
    const dressed = ready.of(entry, at(0, { policy, dress: (_, headers) => [...headers, "X-Dress", "1"] }));
    assert.equal(headerValue(dressed.headers, "x-dress"), "1");
  });

  test("a copy of an entry with another head has an answer of its own", () => {
    const ready = new ReadyAnswers();
    const entry = entryOf("one");
    ready.of(entry, at(0));
    const head = { ...entry.head, headers: ["ETag", '"2"'] };
    const renewed = ready.of({ ...entry, head, body: Buffer.from("two") }, at(0));
    assert.equal(headerValue(renewed.headers, "etag"), '"2"');
    assert.equal(renewed.text, "two");
    assert.equal(ready.of(entry, at(0)).text, "one");
  });

  test("1,024 are ready at a time, and what gave way is made again", () => {
    const ready = new ReadyAnswers();
    const entries = Array.from({ length: 1025 }, (_, i) => entryOf(`body ${i}`));
    const made = entries.map((entry) => ready.of(entry, at(0)));
    assert.equal(ready.of(entries[1]!, at(0)), made[1]);
    assert.notEqual(ready.of(entries[0]!, at(0)), made[0]);
    assert.equal(ready.of(entries[0]!, at(0)).text, "body 0");
  });

  test("a body of 4 KiB is text as well, octet for octet; a longer one is not", () => {
    const ready = new ReadyAnswers();
    const octets = Buffer.from(Array.from({ length: 4096 }, (_, i) => i % 256));
    const { text } = ready.of({ ...entryOf(""), body: octets }, at(0));
    assert.deepEqual(Buffer.from(text!, "latin1"), octets);
    assert.equal(ready.of({ ...entryOf(""), body: Buffer.alloc(4097) }, at(0)).text, undefined);
  });
});
