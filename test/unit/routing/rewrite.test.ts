import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { UsageError } from "../../../src/core/errors.ts";
import { compileRewrite } from "../../../src/routing/rewrite.ts";
import { compileRoutes } from "../../../src/routing/table.ts";
import { readTarget } from "../../../src/routing/target.ts";

type Setting = Parameters<typeof compileRewrite>[1];

/** The whole way: target, match, rewrite. */
function rewrite(pattern: string, setting: Setting, raw: string): string | undefined {
  const read = readTarget(raw, "GET", "h");
  if (read.kind !== "ok") return undefined;
  const found = compileRoutes([{ match: { path: pattern }, value: 0 }]).match("h", read.path, "GET");
  if (found.kind !== "found") return undefined;
  return compileRewrite(pattern, setting)(read.target, read.path, read.query, found.params);
}

test("without a setting the raw target goes on", () => {
  assert.equal(rewrite("/*", undefined, "//a/%61;x?q#".slice(0, -1)), "//a/%61;x?q");
});

suite("rewrite prefix", () => {
  const cases: readonly [pattern: string, prefix: string, raw: string, target: string][] = [
    ["/api/*", "/v2/", "/api/x?q=%2e", "/v2/x?q=%2e"],
    ["/api/*", "/v2", "/api/x", "/v2/x"],
    ["/api/*", "/v2", "/api", "/v2"],
    ["/api/*", "/v2", "/api?q", "/v2?q"],
    ["/api/*", "/v2", "/api/", "/v2/"],
    ["/api/*", "/v2/", "/api", "/v2/"],
    ["/api/*", "/", "/api/x", "/x"],
    ["/api/*", "/", "/api", "/"],
    ["/api/*", "/", "/api//evil.example/x", "/evil.example/x"],
    ["/*", "/v2", "/x", "/v2/x"],
    ["/*", "/v2", "/", "/v2/"],
    ["/api/*", "/v2", "/api/x//y/%61", "/v2/x//y/%61"],
    ["/api/*", "/v2", "/%61pi/x//y/%61", "/v2/x/y/a"],
    ["/api/*", "/v2", "//api/x//y?q", "/v2/x/y?q"],
    ["/api/*", "/v2", "/api;v=1/x;w", "/v2/x;w"],
    ["/api/*", "/v2", "/api;v=1?q", "/v2?q"],
    ["/api/*", "/v2", "/;v/api/x%2Cy", "/v2/x%2Cy"],
    ["/t/:tenant/*", "/v2", "/t/%61/%62?q", "/v2/b?q"],
    ["/t/:tenant/*", "/v2", "/t/a/%62?q", "/v2/%62?q"],
    ["/files/img*", "/p", "/files/img%2e./x", "/p%2e./x"],
    ["/files/img*", "/p", "/files/img..", "/p.."],
    ["/files/img*", "/p", "/files/img//x", "/p//x"],
    ["/user@*", "/u-", "/user%40x%2c", "/u-x%2c"],
  ];
  for (const [pattern, prefix, raw, target] of cases) {
    test(`${pattern} -> ${prefix}: ${raw} becomes ${target}`, () => {
      assert.equal(rewrite(pattern, { prefix }, raw), target);
    });
  }

  for (const prefix of [
    "",
    "v2",
    "/a//b",
    "/a/../b",
    "/.",
    "/a?b",
    "/a#b",
    "/a;b",
    "/a%2f",
    "/%61",
    "/a%",
    "/a\\b",
    "/a*",
  ]) {
    test(`refuses ${JSON.stringify(prefix)}`, () => {
      assert.throws(() => compileRewrite("/a/*", { prefix }), UsageError);
    });
  }

  test("refuses what does not go with the pattern", () => {
    assert.throws(() => compileRewrite("/a", { prefix: "/b" }), UsageError);
    assert.throws(() => compileRewrite("/img*", { prefix: "/b/" }), UsageError);
  });
});

suite("rewrite path", () => {
  const cases: readonly [pattern: string, path: string, raw: string, target: string][] = [
    ["/items/:id", "/v2/item/:id", "/items/7?q=1", "/v2/item/7?q=1"],
    ["/:a/:b", "/:b/x/:a/", "/1/2", "/2/x/1/"],
    ["/items/:id", "/v2/:id", "/items/a%20%3Fb;v=1", "/v2/a%20%3Fb"],
    ["/items/:id", "/v2/:id", "/items/%252e%252e", "/v2/%252e%252e"],
    ["/items/*", "/v2/all", "/items/9?q", "/v2/all?q"],
    ["/:__proto__", "/:__proto__", "/x", "/x"],
  ];
  for (const [pattern, path, raw, target] of cases) {
    test(`${pattern} -> ${path}: ${raw} becomes ${target}`, () => {
      assert.equal(rewrite(pattern, { path }, raw), target);
    });
  }

  for (const path of ["", "x", "/:other", "/:", "/*", "/a/*", "/a?b", "/a/../:id", "/a//b", "/a;b", "/a#"]) {
    test(`refuses ${JSON.stringify(path)}`, () => {
      assert.throws(() => compileRewrite("/a/:id", { path }), UsageError);
    });
  }

  test("no value adds a segment, a query or dots", () => {
    const write = compileRewrite("/a/:id", { path: "/v2/:id/end" });
    const dots = fc.constantFrom(".", "..", "", "a/b", "?", "#", "\\", "\0", "%2e%2e", ";", "..;", "\ud800");
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), dots), (id) => {
        const written = write("/raw", "/raw", "", { id });
        assert.match(written, /^\/v2\/[^/?#\\]+\/end$/);
        assert.equal(readTarget(written, "GET", "h").kind, "ok");
      }),
    );
  });
});

suite("rewritten targets", () => {
  const piece = fc.constantFrom(
    "/",
    "//",
    ".",
    "..",
    ";",
    ";x",
    "api",
    "%61pi",
    "img",
    "%69mg",
    "@",
    "%40",
    "%2561",
    "%c3%a9",
    "x",
    "?",
    "&",
  );
  const raw = fc.tuple(
    fc.constantFrom("/", "/api", "/%61pi/", "/api/img", "//api;v/"),
    fc.array(piece, { maxLength: 10 }),
  );
  const rule = fc.constantFrom<[string, string]>(
    ["/*", "/v2"],
    ["/api/*", "/"],
    ["/api/*", "/v2"],
    ["/api/*", "/v2/"],
    ["/:x/*", "/v2/deep/"],
    ["/api/img*", "/pictures/p"],
    ["/:x/@*", "/q"],
    ["/a*", "/.x"],
  );

  test("stand below their prefix and mean the path that was judged", () => {
    let rewritten = 0;
    fc.assert(
      fc.property(rule, raw, ([pattern, prefix], [start, pieces]) => {
        const text = start + pieces.join("");
        const target = rewrite(pattern, { prefix }, text);
        if (target === undefined) return;
        rewritten++;
        assert.ok(target.startsWith(prefix));
        assert.match(target, /^[!-~]+$/);
        assert.ok(!target.startsWith("//"));
        const before = readTarget(text, "GET", "h");
        const after = readTarget(target, "GET", "h");
        assert.ok(after.kind === "ok" && before.kind === "ok");
        assert.ok(after.path.startsWith(prefix));
        assert.equal(after.query, before.query);
        const rest = after.path.slice(prefix.length).replace(/^\//, "");
        assert.ok(before.path.endsWith(rest), `${before.path} does not end with ${rest}`);
      }),
      { numRuns: 20_000 },
    );
    assert.ok(rewritten > 1000);
  });
});
