import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { standsForGet } from "../../../src/cache/rules/post.ts";

const TARGET = { scheme: "http", authority: "shop.example", path: "/a", query: "?b=1" };
const FRESH = ["Cache-Control", "max-age=60"];

suite("a POST that stands for a later GET, RFC 9110 section 9.3.3", () => {
  const at = (location: string): string[] => [...FRESH, "Content-Location", location];
  const ROWS: [why: string, method: string, status: number, headers: string[], stands: boolean][] = [
    ["the same target, from the root", "POST", 200, at("/a?b=1"), true],
    ["the same target, relative", "POST", 200, at("?b=1"), true],
    ["the same target, in full", "POST", 200, at("http://SHOP.example:80/a?b=1"), true],
    ["Expires", "POST", 200, ["Expires", "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Location", "/a?b=1"], true],
    ["another query", "POST", 200, at("/a"), false],
    ["another host", "POST", 200, at("http://other.example/a?b=1"), false],
    ["another scheme", "POST", 200, at("https://shop.example/a?b=1"), false],
    ["no Content-Location", "POST", 200, FRESH, false],
    ["two of them", "POST", 200, [...at("/a?b=1"), "Content-Location", "/a?b=1"], false],
    ["no explicit freshness", "POST", 200, ["Content-Location", "/a?b=1", "ETag", '"a"'], false],
    ["what was created", "POST", 201, at("/a?b=1"), false],
    ["PUT", "PUT", 200, at("/a?b=1"), false],
    ["QUERY", "QUERY", 200, at("/a?b=1"), false],
  ];
  for (const [why, method, status, headers, stands] of ROWS) {
    test(`${why}: ${stands ? "yes" : "no"}`, () =>
      assert.equal(standsForGet(method, { status, headers }, TARGET), stands));
  }
});
