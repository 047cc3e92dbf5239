import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isSilent } from "../../../src/cache/rules/silent.ts";

const HEEDED = [
  "Authorization",
  "Cache-Control",
  "Cookie",
  "If-Match",
  "If-Modified-Since",
  "If-None-Match",
  "If-Range",
  "If-Unmodified-Since",
  "Pragma",
  "Range",
];
const OTHERS = ["Accept", "Accept-Encoding", "User-Agent", "X-Forwarded-Proto", "CDN-Loop", "Via", "X-".repeat(40)];

const spelt = (name: string) =>
  fc.constantFrom(name, name.toLowerCase(), name.toUpperCase()).map((spelling) => [spelling, ""]);

test("a request is silent only without directives, conditions, parts and credentials, however they are spelt", () => {
  const others = fc.array(fc.constantFrom(...OTHERS).chain(spelt));
  fc.assert(fc.property(others, (fields) => isSilent(fields.flat())));
  fc.assert(
    fc.property(others, fc.constantFrom(...HEEDED).chain(spelt), others, (before, heeded, behind) => {
      assert.equal(isSilent([...before, heeded, ...behind].flat()), false);
    }),
  );
});
