import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readTarget } from "../../../src/routing/target.ts";

const read = (raw: string) => readTarget(raw, "GET", "example.org");

/** Pieces that make trouble, among plain ones. */
const pathish = fc
  .array(
    fc.oneof(
      fc.constantFrom("/", "//", ".", "..", ";", "a", "Z", "~", "%", "%2", "%2e", "%2F", "%5c", "%61", "%41", "%7e"),
      fc.constantFrom(
        "%25",
        "%252e",
        "%c3%a9",
        "%C0%AE",
        "%e0%80%80",
        "%00",
        "%0d%0a",
        "%3b",
        "%20",
        "\\",
        "#",
        "|",
        "é",
      ),
      fc.string({ minLength: 1, maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => `/${pieces.join("")}`);

suite("readTarget", () => {
  const canonical: readonly [raw: string, path: string][] = [
    ["/", "/"],
    ["/a/b.html", "/a/b.html"],
    ["/a/", "/a/"],
    ["//", "/"],
    ["//a///b//", "/a/b/"],
    ["/%61dmin", "/admin"],
    ["/%41%7a%30%2d%2E%5f%7E", "/Az0-._~"],
    ["/a%2cb%3a", "/a%2Cb%3A"],
    ["/%c3%a9", "/%C3%A9"],
    ["/%f0%9f%98%80x", "/%F0%9F%98%80x"],
    ["/%2561", "/%2561"],
    ["/%25%36%31", "/%2561"],
    ["/%252e%252e", "/%252e%252e"],
    ["/.well-known/x", "/.well-known/x"],
    ["/...", "/..."],
    ["/a../b", "/a../b"],
    ["/a;x=1/b;y", "/a;x=1/b;y"],
    ["/!$&'()*+,;=:@[]|^`{}<>\"", "/!$&'()*+,;=:@[]|^`{}<>\""],
  ];
  for (const [raw, path] of canonical) {
    test(`${raw} is ${path}`, () => {
      assert.deepEqual(read(raw), { kind: "ok", target: raw, path, query: "" });
      assert.deepEqual(read(`${raw}?q=%zz&//../`), {
        kind: "ok",
        target: `${raw}?q=%zz&//../`,
        path,
        query: "?q=%zz&//../",
      });
    });
  }

  test("an empty query keeps its mark", () => {
    assert.deepEqual(read("/a?"), { kind: "ok", target: "/a?", path: "/a", query: "?" });
    assert.deepEqual(read("/a??b"), { kind: "ok", target: "/a??b", path: "/a", query: "??b" });
  });

  const bad = [
    "",
    "a",
    "admin",
    "@evil",
    ".evil",
    "?q",
    "example.org:443",
    "/a b",
    "/a\tb",
    "/a\0",
    "/a\x7f",
    "/é",
    "/a\u{10000}",
    "/a#b",
    "/a?b#c",
    "/a?b c",
    "/a?é",
    "/a?\r\n",
    "/a\\b",
    "/.",
    "/..",
    "/./admin",
    "/c/../admin",
    "/a/.",
    "/a/..",
    "/%2e/admin",
    "/%2E%2e/admin",
    "/.%2e",
    "/..;/admin",
    "/.;/admin",
    "/..;x=y",
    "/%2e%2e;x/a",
    "/..%3bx/a",
    "//../a",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a%00",
    "/a%0d%0ab",
    "/a%1f",
    "/a%7f",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%u0061",
    "/%c0%ae%c0%ae/",
    "/%c0%af",
    "/%e0%80%af",
    "/%f0%80%80%af",
    "/%ed%a0%80",
    "/%f4%90%80%80",
    "/%f5%80%80%80",
    "/%80",
    "/%ff",
    "/%c3",
    "/%c3x",
    "/%c3%41",
    "/%e2%82",
  ];
  for (const raw of bad) test(`refuses ${JSON.stringify(raw)}`, () => assert.equal(read(raw).kind, "bad"));

  test("takes * for OPTIONS only", () => {
    assert.deepEqual(readTarget("*", "OPTIONS", "a"), { kind: "asterisk" });
    assert.equal(readTarget("*", "GET", "a").kind, "bad");
    assert.equal(readTarget("*/", "OPTIONS", "a").kind, "bad");
  });

  const absolute: readonly [raw: string, host: string, target: string][] = [
    ["http://example.org/%61//b?q", "example.org", "/%61//b?q"],
    ["HTTP://EXAMPLE.org:80/a", "example.org", "/a"],
    ["http://example.org:80/a", "example.org", "/a"],
    ["http://example.org:8080/a", "example.org:8080", "/a"],
    ["http://example.org", "example.org", "/"],
    ["http://example.org?q=1", "example.org", "/?q=1"],
    ["http://[::1]:81/", "[::1]:81", "/"],
  ];
  for (const [raw, host, target] of absolute) {
    test(`${raw} for ${host} is ${target}`, () => {
      const found = readTarget(raw, "GET", host);
      assert.equal(found.kind === "ok" && found.target, target);
    });
  }

  const badAbsolute = [
    "http://other.example/",
    "http://example.org:81/",
    "http://example.org:443/",
    "http://user@example.org/",
    "http://example.org@evil/",
    "http:///a",
    "http://",
    "http:/a",
    "ftp://example.org/",
    "http://example.org#a",
    "http://example.org\\@evil/",
    "http://example.org/../a",
    "http://example.org/ a",
    " http://example.org/",
  ];
  for (const raw of badAbsolute) test(`refuses ${raw}`, () => assert.equal(read(raw).kind, "bad"));

  test("keeps a plain path as the same text", () => {
    const found = read("/api/products/123");
    assert.equal(found.kind === "ok" && found.path, "/api/products/123");
  });

  test("the canonical form is a fixpoint", () => {
    fc.assert(
      fc.property(pathish, (raw) => {
        const found = read(raw);
        if (found.kind !== "ok") return;
        const again = read(found.path);
        assert.deepEqual(again, { kind: "ok", target: found.path, path: found.path, query: "" });
      }),
      { numRuns: 20_000 },
    );
  });

  test("an accepted path holds no slashes in a row, no dot segments and no escaped unreserved octets", () => {
    fc.assert(
      fc.property(pathish, (raw) => {
        const found = read(raw);
        if (found.kind !== "ok") return;
        assert.doesNotMatch(`${found.path}/`.replace(/\/\/$/, "/"), /\/\/|\/\.{1,2}(?:;[^/]*)?\//);
        const decoded = found.path.replace(/%[0-9A-F]{2}/g, (hex) => {
          const text = String.fromCharCode(Number.parseInt(hex.slice(1), 16));
          return /[A-Za-z0-9._~-]/.test(text) ? text : hex;
        });
        assert.equal(decoded, found.path);
        assert.match(found.path, /^[!-~]+$/);
        decodeURIComponent(found.path);
      }),
      { numRuns: 20_000 },
    );
  });

  test("agrees with a plain implementation on what is accepted", () => {
    fc.assert(
      fc.property(pathish, (raw) => {
        assert.equal(read(raw).kind === "ok", naivelyAccepted(raw), raw);
      }),
      { numRuns: 20_000 },
    );
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (raw, host) => {
        readTarget(raw, "GET", host);
        readTarget(`/${raw}`, "OPTIONS", host);
        readTarget(`http://${raw}`, "OPTIONS", host);
      }),
    );
  });
});

function naivelyAccepted(raw: string): boolean {
  const [path = "", ...rest] = raw.split("?");
  if (!/^[!-~]*$/.test(raw) || raw.includes("#") || path.includes("\\")) return false;
  if (rest.join("?").includes("#") || /%(?![0-9A-Fa-f]{2})/.test(path)) return false;
  if (/%(?:[01].|7f|2f|5c)/i.test(path)) return false;
  try {
    decodeURIComponent(path);
  } catch {
    return false;
  }
  const segments = path.replace(/%2e/gi, ".").split("/");
  return segments.every((segment) => !/^(?:\.{1,2}(?:$|;|%3b)|%3b)/i.test(segment));
}
