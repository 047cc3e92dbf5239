import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { UsageError } from "../../../src/core/errors.ts";
import { compileRoutes, type RouteMatch } from "../../../src/routing/table.ts";
import { processorMs } from "../../support/fair-clock.ts";

interface Match {
  readonly path: string;
  readonly host?: string | undefined;
  readonly methods?: string[] | undefined;
}

const tableOf = (...matches: Match[]) => compileRoutes(matches.map((match, value) => ({ match, value })));
const pathsOf = (...paths: string[]) => tableOf(...paths.map((path) => ({ path })));
const winner = (found: RouteMatch<number>) => (found.kind === "found" ? found.value : found.kind);

suite("route table: paths", () => {
  const cases: readonly [pattern: string, path: string, matches: boolean][] = [
    ["/", "/", true],
    ["/", "/a", false],
    ["/*", "/", true],
    ["/*", "/a/b/c", true],
    ["/a", "/a", true],
    ["/a", "/a/", false],
    ["/a/", "/a/", true],
    ["/a/", "/a", false],
    ["/a", "/A", false],
    ["/api/*", "/api", true],
    ["/api/*", "/api/", true],
    ["/api/*", "/api/x/y", true],
    ["/api/*", "/apix", false],
    ["/api/*", "/", false],
    ["/api*", "/apix", true],
    ["/api*", "/api/x", true],
    ["/api*", "/ap", false],
    ["/files/img*", "/files/img", true],
    ["/files/img*", "/files/img1/a", true],
    ["/files/img*", "/files/im", false],
    ["/files/img*", "/files", false],
    ["/items/:id", "/items/7", true],
    ["/items/:id", "/items/", false],
    ["/items/:id", "/items", false],
    ["/items/:id", "/items/7/8", false],
    ["/a/:x/*", "/a/b", true],
    ["/a/:x/*", "/a/", false],
    ["/a/:x/c", "/a/b/c", true],
    ["/admin/*", "/admin;x/y", true],
    ["/admin/*", "/admin;x", true],
    ["/admin/*", "/;x/admin/y", true],
    ["/admin", "/admin;jsessionid=1", true],
    ["/a/b", "/a;x=y/b;z", true],
    ["/items/:id", "/items/;x", false],
    ["/user@x", "/user%40x", true],
    ["/user@x*", "/user%40xyz", true],
    ["/a", "/a%3Bx", true],
    ["/constructor", "/__proto__", false],
  ];
  for (const [pattern, path, matches] of cases) {
    test(`${pattern} ${matches ? "matches" : "does not match"} ${path}`, () => {
      assert.equal(winner(pathsOf(pattern).match("h", path, "GET")), matches ? 0 : "none");
    });
  }

  test("the first that matches wins, whatever is more exact", () => {
    const table = pathsOf("/a/b", "/:x/c", "/a/*", "/a/c", "/*");
    const winners = ["/a/b", "/a/c", "/a/d", "/z/c", "/q"].map((path) => winner(table.match("h", path, "GET")));
    assert.deepEqual(winners, [0, 1, 2, 1, 4]);
  });

  test("no route, no match", () => {
    assert.deepEqual(pathsOf().match("h", "/", "GET"), { kind: "none" });
  });

  for (const pattern of [
    "a",
    "/a//b",
    "/a/./b",
    "/..",
    "/:",
    "/:a-b",
    "/:a/:a",
    "/:a*",
    "/a*b",
    "/a;b",
    "/%61",
    "/a//*",
    "",
  ]) {
    test(`refuses the pattern ${JSON.stringify(pattern)}`, () => {
      assert.throws(() => pathsOf(pattern), UsageError);
    });
  }
});

suite("route table: parameters", () => {
  const params = (pattern: string, path: string) => {
    const found = pathsOf(pattern).match("h", path, "GET");
    return found.kind === "found" ? { ...found.params } : found.kind;
  };

  test("hold what stands in their segments, decoded", () => {
    assert.deepEqual(params("/a/:x/b/:y", "/a/1/b/2"), { x: "1", y: "2" });
    assert.deepEqual(params("/:x", "/%C3%A9%20%2561"), { x: "é %61" });
    assert.deepEqual(params("/:x", "/%FF%20"), { x: "%FF%20" });
    assert.deepEqual(params("/:x", "/a%2Fb"), { x: "a%2Fb" });
    assert.deepEqual(params("/:x/*", "/7;v=1/z"), { x: "7" });
    assert.deepEqual(params("/a/:x/c*", "/;q/a/;r/7;v=1/cd"), { x: "7" });
  });

  test("names of object properties are safe", () => {
    const found = pathsOf("/:__proto__/:constructor").match("h", "/a/b", "GET");
    assert.ok(found.kind === "found");
    assert.equal(Object.getPrototypeOf(found.params), null);
    assert.deepEqual(Object.entries(found.params), [
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("none are one frozen object", () => {
    const table = pathsOf("/a", "/b");
    const [a, b] = [table.match("h", "/a", "GET"), table.match("h", "/b", "GET")];
    assert.ok(a.kind === "found" && b.kind === "found");
    assert.equal(a.params, b.params);
    assert.ok(Object.isFrozen(a.params));
  });
});

suite("route table: methods", () => {
  test("GET brings HEAD with it", () => {
    const table = tableOf({ path: "/a", methods: ["GET"] });
    assert.equal(winner(table.match("h", "/a", "HEAD")), 0);
    assert.equal(winner(tableOf({ path: "/a", methods: ["POST"] }).match("h", "/a", "HEAD")), "wrong-method");
  });

  test("a method that does not fit lets later routes have the request", () => {
    const table = tableOf({ path: "/a", methods: ["GET"] }, { path: "/:x", methods: ["POST"] }, { path: "/a" });
    assert.deepEqual(
      ["GET", "POST", "PUT"].map((method) => winner(table.match("h", "/a", method))),
      [0, 1, 2],
    );
  });

  test("allow is the union of what host and path match", () => {
    const table = tableOf(
      { path: "/a", methods: ["GET"] },
      { path: "/:x", methods: ["POST", "GET"] },
      { path: "/a*", methods: ["PUT"] },
      { path: "/b", methods: ["PATCH"] },
      { path: "/a", methods: ["LINK"], host: "other" },
    );
    assert.deepEqual(table.match("h", "/a", "DELETE"), { kind: "wrong-method", allow: ["GET", "HEAD", "POST", "PUT"] });
    assert.deepEqual(table.match("h", "/c/d", "DELETE"), { kind: "none" });
  });
});

suite("route table: hosts", () => {
  const cases: readonly [host: string, authority: string, matches: boolean][] = [
    ["example.org", "example.org", true],
    ["Example.ORG", "example.org", true],
    ["example.org", "example.org:8080", true],
    ["example.org", "a.example.org", false],
    ["example.org:8080", "example.org:8080", true],
    ["example.org:8080", "example.org", false],
    ["example.org:8080", "example.org:8081", false],
    ["example.org:443", "example.org", true],
    ["example.org:443", "example.org:8080", false],
    ["example.org.", "example.org", true],
    ["*.example.org", "a.example.org", true],
    ["*.example.org", "a.b.example.org:1", true],
    ["*.example.org", "example.org", false],
    ["*.example.org", ".example.org", false],
    ["*.example.org", "aexample.org", false],
    ["*.example.org:81", "a.example.org:81", true],
    ["*.example.org:81", "a.example.org", false],
    ["example.org", "[::1]:80", false],
  ];
  for (const [host, authority, matches] of cases) {
    test(`${host} ${matches ? "matches" : "does not match"} ${authority}`, () => {
      assert.equal(winner(tableOf({ host, path: "/*" }).match(authority, "/", "GET")), matches ? 0 : "none");
    });
  }

  test("order counts across kinds of hosts", () => {
    const table = tableOf({ path: "/a", host: "*.b.c" }, { path: "/*" }, { path: "/*", host: "a.b.c" });
    assert.equal(winner(table.match("a.b.c", "/a", "GET")), 0);
    assert.equal(winner(table.match("a.b.c", "/x", "GET")), 1);
  });
});

/** One after the other, as the configuration reads. */
function tryOneByOne(matches: readonly Match[], authority: string, path: string, method: string): RouteMatch<number> {
  const parts = path
    .split("/")
    .slice(1)
    .map((text) => text.replace(/;.*/, ""));
  const plain = parts
    .filter((text, i) => text !== "" || i === parts.length - 1)
    .map((text) => decodeURIComponent(text));
  const allow = new Set<string>();
  for (const [value, { path: pattern, host, methods }] of matches.entries()) {
    if (host !== undefined && !hostFits(host, authority)) continue;
    const params = fits(pattern, plain);
    if (!params) continue;
    const taken = methods?.includes("GET") ? [...methods, "HEAD"] : methods;
    if (!taken || taken.includes(method)) return { kind: "found", value, params };
    for (const one of taken) allow.add(one);
  }
  return allow.size > 0 ? { kind: "wrong-method", allow: [...allow].sort() } : { kind: "none" };
}

function hostFits(pattern: string, authority: string): boolean {
  const against = pattern.includes(":") ? authority : authority.replace(/:\d+$/, "");
  return pattern.startsWith("*.") ? against.endsWith(pattern.slice(1)) : against === pattern;
}

function fits(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const params = Object.create(null) as Record<string, string>;
  const wanted = pattern.slice(1).split("/");
  const star = wanted.at(-1)!.endsWith("*") ? wanted.pop()!.slice(0, -1) : undefined;
  if (star === undefined && wanted.length !== segments.length) return undefined;
  for (const [i, text] of wanted.entries()) {
    const segment = segments[i];
    if (segment === undefined || (text.startsWith(":") ? segment === "" : segment !== text)) return undefined;
    if (text.startsWith(":")) params[text.slice(1)] = segment;
  }
  if (star) return segments[wanted.length]?.startsWith(star) ? params : undefined;
  return params;
}

suite("route table: as if tried one by one", () => {
  const text = fc.constantFrom("a", "b", "ab", "abc", "@");
  const pattern = fc
    .tuple(fc.array(fc.oneof(text, fc.constant(":"))), fc.constantFrom("", "/", "/*", "*"))
    .map(([segments, end]) => {
      const named = segments.map((segment, i) => (segment === ":" ? `:p${i}` : segment));
      const star = end === "*" && (named.length === 0 || named.at(-1)!.startsWith(":")) ? "/*" : end;
      return `/${named.join("/")}${named.length === 0 && star.startsWith("/") ? star.slice(1) : star}`;
    });
  const method = fc.constantFrom("GET", "HEAD", "POST", "PUT");
  const match = fc.record({
    path: pattern,
    host: fc.option(fc.constantFrom("h.x", "*.x", "*.h.x", "h.x:81", "*.x:81", "y"), { nil: undefined }),
    methods: fc.option(fc.uniqueArray(method, { minLength: 1 }), { nil: undefined }),
  });
  const path = fc
    .tuple(fc.array(fc.oneof(text, fc.constantFrom("%40", "a;v=1", ";v", "%C3%A9", "abcd"))), fc.constantFrom("", "/"))
    .map(([segments, end]) => `/${segments.join("/")}${segments.length > 0 ? end : ""}`);
  const authority = fc.constantFrom("h.x", "h.x:81", "a.h.x", "a.h.x:81", "y", "x", "z");

  test("the index answers what a list would", () => {
    fc.assert(
      fc.property(fc.array(match, { maxLength: 24 }), path, authority, method, (matches, path, authority, method) => {
        const found = tableOf(...matches).match(authority, path, method);
        const sorted = found.kind === "wrong-method" ? { ...found, allow: [...found.allow].sort() } : found;
        assert.deepEqual(sorted, tryOneByOne(matches, authority, path, method));
      }),
      { numRuns: 20_000 },
    );
  });

  test("no path makes a match explode", () => {
    const matches: Match[] = [];
    for (let mask = 0; mask < 512; mask++) {
      const segments = Array.from({ length: 9 }, (_, i) => (mask & (1 << i) ? `:p${i}` : "a"));
      matches.push({ path: `/${segments.join("/")}/z` });
    }
    const table = tableOf(...matches);
    const began = processorMs();
    for (let i = 0; i < 100; i++) table.match("h", `/${"a/".repeat(5000)}`, "GET");
    for (let i = 0; i < 20; i++) table.match("h", "/%40/;x".repeat(4000), "GET");
    assert.ok(processorMs() - began < 2000);
  });
});
