import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readHost } from "../../../src/routing/authority.ts";

suite("readHost", () => {
  const good: readonly [value: string, scheme: "http" | "https", authority: string][] = [
    ["example.org", "http", "example.org"],
    ["EXAMPLE.org", "http", "example.org"],
    ["example.org.", "http", "example.org"],
    ["example.org:80", "http", "example.org"],
    ["example.org.:80", "http", "example.org"],
    ["example.org:80", "https", "example.org:80"],
    ["example.org:443", "https", "example.org"],
    ["example.org:443", "http", "example.org:443"],
    ["a_b-c.example:8080", "http", "a_b-c.example:8080"],
    ["xn--bcher-kva.example", "http", "xn--bcher-kva.example"],
    ["localhost:65535", "http", "localhost:65535"],
    ["127.0.0.1:3000", "http", "127.0.0.1:3000"],
    ["[::1]", "http", "[::1]"],
    ["[2001:DB8::1]:8443", "https", "[2001:db8::1]:8443"],
    ["[::ffff:1.2.3.4]:80", "http", "[::ffff:1.2.3.4]"],
    ["a".repeat(255), "http", "a".repeat(255)],
  ];
  for (const [value, scheme, authority] of good) {
    test(`takes ${scheme} ${value.slice(0, 40)}`, () => {
      assert.deepEqual(readHost(value, scheme), { kind: "ok", authority });
    });
  }

  const bad = [
    "",
    " ",
    "a b",
    "a,b",
    "a, b",
    "a/b",
    "a?b",
    "a#b",
    "user@a",
    "user:pw@a",
    "@evil",
    ".evil",
    "a..b",
    "..",
    ".",
    "a:",
    "a:0",
    "a:080",
    "a:65536",
    "a:99999999",
    "a:b",
    "a:1:2",
    "a%2eb",
    "a\\b",
    "a\tb",
    "a\r\nb",
    "a\0",
    "bücher.example",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "a.1",
    "[::1",
    "::1",
    "[::1]x",
    "[:::1]",
    "[1.2.3.4]",
    "[fe80::1%eth0]",
    "[]",
    "*",
    "a".repeat(256),
    "a|b",
    "http://a",
  ];
  for (const value of bad) {
    test(`refuses ${JSON.stringify(value.slice(0, 40))}`, () => {
      assert.equal(readHost(value, "http").kind, "bad");
    });
  }

  test("an accepted authority is accepted again, unchanged", () => {
    const value = fc.string({ unit: fc.constantFrom(..."aB0.-_:[]18".split("")), maxLength: 16 });
    fc.assert(
      fc.property(value, fc.constantFrom("http" as const, "https" as const), (text, scheme) => {
        const read = readHost(text, scheme);
        if (read.kind === "ok") assert.deepEqual(readHost(read.authority, scheme), read);
      }),
      { numRuns: 5000 },
    );
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void readHost(text, "http")));
  });
});
