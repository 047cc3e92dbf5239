import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { invalidatedBy, type UnsafeTarget } from "../../../src/cache/rules/unsafe.ts";

const TARGET: UnsafeTarget = { scheme: "http", authority: "a.example:8080", path: "/x/y", query: "?q=1" };
const OWN = "/x/y?q=1";

const METHODS: [method: string, unsafe: boolean][] = [
  ["POST", true],
  ["PUT", true],
  ["DELETE", true],
  ["PATCH", true],
  ["M-SEARCH", true],
  ["FOO", true],
  ["get", true],
  ["GET", false],
  ["HEAD", false],
  ["OPTIONS", false],
  ["TRACE", false],
];

const REFERENCES: [why: string, reference: string, target: string | undefined][] = [
  ["an absolute path", "/z", "/z"],
  ["a path and a query", "/z?a=b", "/z?a=b"],
  ["a relative path", "z", "/x/z"],
  ["dots", "../z", "/z"],
  ["a query", "?r=2", "/x/y?r=2"],
  ["a fragment", "/z#f", "/z"],
  ["the same origin", "http://a.example:8080/z", "/z"],
  ["another case of the host", "HTTP://A.EXAMPLE:8080/z", "/z"],
  ["another host", "http://b.example:8080/z", undefined],
  ["another port", "http://a.example/z", undefined],
  ["another scheme", "https://a.example:8080/z", undefined],
  ["another host without a scheme", "//b.example/z", undefined],
  ["no URL", "http://[", undefined],
  ["no hierarchy", "mailto:a@b.example", undefined],
  ["nothing", "", undefined],
];

suite("invalidation, RFC 9111 section 4.4", () => {
  for (const [method, unsafe] of METHODS) {
    test(`${method} ${unsafe ? "invalidates" : "does not"}`, () => {
      assert.deepEqual(invalidatedBy(method, 200, TARGET, []), unsafe ? [OWN] : []);
    });
  }
  for (const status of [200, 201, 204, 299, 301, 303, 399]) {
    test(`after ${String(status)}`, () => assert.deepEqual(invalidatedBy("POST", status, TARGET, []), [OWN]));
  }
  for (const status of [100, 199, 400, 404, 500, 503, 599]) {
    test(`not after ${String(status)}`, () =>
      assert.deepEqual(invalidatedBy("POST", status, TARGET, ["Location", "/z"]), []));
  }
  for (const [why, reference, target] of REFERENCES) {
    for (const field of ["Location", "content-location"]) {
      test(`${field}: ${why}`, () => {
        const expected = target === undefined ? [OWN] : [OWN, target];
        assert.deepEqual(invalidatedBy("POST", 201, TARGET, [field, reference]), expected);
      });
    }
  }

  test("each target once, all lines", () => {
    const headers = ["Content-Location", "/b", "Location", "/a", "Location", OWN, "location", "/b"];
    assert.deepEqual(invalidatedBy("PUT", 200, TARGET, headers), [OWN, "/a", "/b"]);
  });

  test("the port of the scheme is no other origin", () => {
    const target = { ...TARGET, scheme: "https", authority: "a.example" };
    assert.deepEqual(invalidatedBy("PUT", 200, target, ["Location", "https://a.example:443/z"]), [OWN, "/z"]);
  });

  test("no reference and no target make it throw", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string(),
        fc.string(),
        fc.string(),
        (scheme, authority, path, query, reference) => {
          const list = invalidatedBy("PUT", 200, { scheme, authority, path, query }, ["Location", reference]);
          assert.equal(list[0], path + query);
          invalidatedBy("PUT", 200, TARGET, ["Location", reference]);
        },
      ),
    );
  });
});
