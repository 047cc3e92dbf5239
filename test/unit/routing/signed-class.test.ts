import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readSignedClass } from "../../../src/routing/signed-class.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const WALL = Date.UTC(2026, 0, 1);
const SECONDS = WALL / 1000;
const REQUEST = { method: "GET", target: "/api/orders?id=7" };

/** As an internal caller makes it. */
function signed(cls = "critical", expires = SECONDS + 60, secret = SECRET, { method, target } = REQUEST): string {
  const text = ["spillway-class", cls, String(expires), method, target].join("\n");
  return `${cls};exp=${expires};sig=${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const read = (value: string, request = REQUEST, secrets = [SECRET]) => readSignedClass(value, request, secrets, WALL);

suite("a signed class", () => {
  test("counts when the secret has signed it for this request and this time", () => {
    for (const cls of ["system", "critical", "default", "sheddable", "bulk"]) assert.equal(read(signed(cls)), cls);
  });

  test("counts with a former secret, and with none without secrets", () => {
    const former = "f".repeat(32);
    assert.equal(read(signed("bulk", SECONDS + 1, former), REQUEST, [SECRET, former]), "bulk");
    assert.equal(read(signed("bulk", SECONDS + 1, former)), undefined);
    assert.equal(read(signed(), REQUEST, []), undefined);
  });

  test("is over when its time is, and may have five minutes at most", () => {
    assert.equal(read(signed("critical", SECONDS)), undefined);
    assert.equal(read(signed("critical", SECONDS - 1)), undefined);
    assert.equal(read(signed("critical", SECONDS + 300)), "critical");
    assert.equal(read(signed("critical", SECONDS + 301)), undefined);
  });

  test("is for its method and its target alone", () => {
    const value = signed();
    assert.equal(read(value, { ...REQUEST, method: "POST" }), undefined);
    assert.equal(read(value, { ...REQUEST, target: "/api/orders?id=8" }), undefined);
    assert.equal(read(value, { method: "GET\n/api", target: "" }), undefined);
  });

  test("with anything changed says nothing", () => {
    const value = signed();
    assert.equal(read(value.replace("critical", "system")), undefined);
    assert.equal(read(value.replace("critical", "urgent")), undefined);
    for (const bad of [
      "",
      "critical",
      `${value} `,
      ` ${value}`,
      value.slice(0, -1),
      `${value}A`,
      value.replace("sig=", "sig=="),
      value.toUpperCase(),
      "critical;exp=;sig=",
      "x".repeat(10_000),
    ]) {
      assert.equal(read(bad), undefined, bad.slice(0, 80));
    }
    fc.assert(
      fc.property(fc.nat(value.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        const changed = value.slice(0, at) + other + value.slice(at + 1);
        // The last character of 256 bits in base64url has two bits to spare.
        fc.pre(changed !== value && at < value.length - 1);
        assert.equal(read(changed), undefined);
      }),
    );
  });

  test("no text throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => read(text) === undefined));
  });
});
