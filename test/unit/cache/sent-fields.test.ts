import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSentFields, isWithheld, sentFields } from "../../../src/cache/sent-fields.ts";

const REQUEST = [
  ["Accept", "text/html"],
  ["User-Agent", "curl"],
  ["X-Forwarded-For", "192.0.2.1"],
  ["x-forwarded-host", "shop.example"],
  ["Forwarded", "for=192.0.2.1"],
  ["X-Evil", "1"],
  ["Via", "1.1 spillway"],
].flat();
const AGENT = ["user-agent", "spillway"];

test("a field that is in no key does not arrive, and the client is nobody in particular", () => {
  const fields = sentFields(REQUEST, compileSentFields([]), "");
  assert.deepEqual(fields, [
    "Accept",
    "text/html",
    "x-forwarded-host",
    "shop.example",
    "Via",
    "1.1 spillway",
    ...AGENT,
  ]);
});

test("what the route names, its key holds or Vary names arrives as it was sent", () => {
  const sent = compileSentFields(["User-Agent"], ["x-evil"]);
  assert.deepEqual(sentFields(REQUEST, sent, "").slice(2, 4), ["User-Agent", "curl"]);
  assert.ok(sentFields(REQUEST, sent, "").includes("X-Evil"));
  assert.ok(sentFields(REQUEST, compileSentFields([]), "accept, X-EVIL").includes("X-Evil"));
  assert.equal(sentFields(REQUEST, compileSentFields("all"), ""), REQUEST);
});

test("an answer depends on what it did not see when its Vary names a field the request had", () => {
  const sent = compileSentFields([]);
  assert.equal(isWithheld(REQUEST, sent, "", "X-Evil"), true);
  assert.equal(isWithheld(REQUEST, sent, "X-Evil", "X-Evil"), false);
  assert.equal(isWithheld(REQUEST, sent, "", "Accept"), false);
  assert.equal(isWithheld(REQUEST, sent, "", "X-Absent"), false);
  assert.equal(isWithheld(REQUEST, compileSentFields("all"), "", "X-Evil"), false);
});
