import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { PriorityClass } from "../../../src/core/exchange.ts";
import { CLASSES } from "../../../src/routing/priority-settings.ts";
import { readPriority, urgent } from "../../../src/routing/urgency.ts";

const rank = (cls: PriorityClass): number => CLASSES.indexOf(cls);
const by = (cls: PriorityClass, priority: string, mayRaise = false) => urgent(cls, ["priority", priority], mayRaise);

suite("Priority (RFC 9218)", () => {
  test("the urgency is read, whatever stands beside it", () => {
    for (const [text, urgency] of [
      ["u=0", 0],
      ["u=1, i", 1],
      ["u=7", 7],
      ["i, u=5", 5],
      ["u=2,i=?0", 2],
      [" u=4 ", 4],
      ["u=3;x=1, foo=bar", 3],
      ["u=1, u=6", 6],
      ['other="u=0", u=2', 2],
    ] as const) {
      assert.equal(readPriority(text), urgency, text);
    }
  });

  test("what is malformed, of another type or out of range says nothing", () => {
    const bad = [
      "",
      "i",
      "u",
      "u=8",
      "u=-1",
      "u=1.0",
      'u="1"',
      "u=?1",
      "u=(1)",
      "u=1,",
      "u=1 i",
      "U=1",
      "u = 1",
      "u=1; ",
      "u=:1:",
      "u=99999999999999999",
      "u=9, i",
      "\u0000",
      "u=1\n",
      `u=1${", a".repeat(2000)}`,
    ];
    for (const text of bad) assert.equal(readPriority(text), undefined, JSON.stringify(text));
  });

  test("from anybody it only lowers: 4 and 5 to sheddable, 6 and 7 to bulk", () => {
    const after = (cls: PriorityClass) => Array.from({ length: 8 }, (_, u) => by(cls, `u=${u}`));
    const [c, d, s, b] = ["critical", "default", "sheddable", "bulk"] as const;
    assert.deepEqual(after("critical"), [c, c, c, c, s, s, b, b]);
    assert.deepEqual(after("default"), [d, d, d, d, s, s, b, b]);
    assert.deepEqual(after("sheddable"), [s, s, s, s, s, s, b, b]);
    assert.deepEqual(after("bulk"), [b, b, b, b, b, b, b, b]);
  });

  test("where it may raise, 0 and 1 are critical, 2 and 3 default; nothing is raised to system", () => {
    const after = (cls: PriorityClass) => Array.from({ length: 8 }, (_, u) => by(cls, `u=${u}`, true));
    const [c, d, s, b] = ["critical", "default", "sheddable", "bulk"] as const;
    assert.deepEqual(after("bulk"), [c, c, d, d, s, s, b, b]);
    assert.deepEqual(after("default"), [c, c, d, d, s, s, b, b]);
    assert.deepEqual(after("critical"), [c, c, c, c, s, s, b, b]);
    assert.equal(by("system", "u=0", true), "system");
    assert.equal(by("bulk", "i", true), "bulk");
  });

  test("lines are one field", () => {
    assert.equal(urgent("default", ["priority", "u=1", "priority", "u=6"], false), "bulk");
    assert.equal(urgent("default", ["priority", "u=6", "priority", "("], false), "default");
  });

  test("no text throws, or raises a class that may not be raised", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[ui=0-9?,; "():a-z.-]{0,24}$/),
      fc.constantFrom("u=0", "u=3", "u=5", "u=7, i"),
    );
    const name = fc.constantFrom("priority", "x-retry-attempt", "x-envoy-attempt-count", "grpc-timeout");
    const fields = fc.array(fc.tuple(name, text)).map((pairs) => pairs.flat());
    fc.assert(
      fc.property(fc.constantFrom(...CLASSES), fields, (cls, list) => {
        assert.ok(rank(urgent(cls, list, false)) >= rank(cls));
        assert.ok(rank(urgent(cls, list, true)) >= Math.min(rank(cls), rank("critical")));
      }),
    );
  });
});

suite("a repetition", () => {
  test("takes one class down, but for system and critical", () => {
    assert.deepEqual(
      CLASSES.map((cls) => urgent(cls, ["x-retry-attempt", "1"], false)),
      ["system", "critical", "sheddable", "bulk", "bulk"],
    );
  });

  test("is X-Retry-Attempt from 1 and X-Envoy-Attempt-Count from 2", () => {
    const after = (name: string, value: string) => urgent("default", [name, value], false);
    assert.equal(after("x-retry-attempt", "0"), "default");
    assert.equal(after("x-retry-attempt", " 3 "), "sheddable");
    assert.equal(after("x-envoy-attempt-count", "1"), "default");
    assert.equal(after("x-envoy-attempt-count", "2"), "sheddable");
    assert.equal(urgent("default", ["x-retry-attempt", "1", "x-envoy-attempt-count", "2"], false), "sheddable");
    for (const bad of ["", "-1", "1.5", "one", "0x1", "99999", "1, 2"]) {
      assert.equal(after("x-retry-attempt", bad), "default", bad);
    }
  });

  test("counts after Priority", () => {
    assert.equal(urgent("default", ["x-retry-attempt", "1", "priority", "u=4"], false), "bulk");
    assert.equal(urgent("bulk", ["x-retry-attempt", "1", "priority", "u=2"], true), "sheddable");
  });
});
