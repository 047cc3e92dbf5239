import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { readDocument } from "../../../src/config/document.ts";
import { interpolate, plainScalar } from "../../../src/config/interpolate.ts";

const put = (text: string, env: Record<string, string> = {}) => {
  const result = interpolate(text, env);
  if (result.outcome === "failed") return result.messages;
  return result.outcome === "untouched" ? text : result.text;
};

suite("expressions in a scalar", () => {
  test("take the variable, its default, or fail with a message", () => {
    assert.equal(put("${A}", { A: "x" }), "x");
    assert.equal(put("http://${H}:${P:-80}/", { H: "h" }), "http://h:80/");
    assert.equal(put("${A}", { A: "" }), "");
    assert.equal(put("${A:-d}", { A: "" }), "d");
    assert.equal(put("${A:-}"), "");
    assert.equal(put("${A:?why}", { A: "x" }), "x");
    assert.match(put("${A} ${B:?ask Jo}")[1]!, /^environment variable B is not set: ask Jo/);
  });

  test("leave alone what is none", () => {
    for (const text of ["$A", "$", "a$b{c}", "$$", "{A}"]) assert.equal(put(text, { A: "x" }), text);
    assert.equal(put("$${A}", { A: "x" }), "${A}");
    assert.equal(put("$${A}-${A}", { A: "x" }), "${A}-x");
  });

  test("that cannot be read are named", () => {
    for (const text of ["${", "${}", "${A", "${1A}", "${A-b}", "${A:+b}", "${A:-${B}}", "${a b}"]) {
      assert.match(put(text, { A: "x" })[0]!, /^cannot read \$\{/, text);
    }
  });

  test("do not see what objects inherit, and are not read twice", () => {
    assert.match(put("${constructor}")[0]!, /constructor is not set/);
    assert.equal(put("${A}", { A: "${B}", B: "x" }), "${B}");
  });
});

test("a plain scalar becomes a number or a boolean as in YAML's core schema, never more", () => {
  const cases: [string, unknown][] = [
    ["8080", 8080],
    ["-1", -1],
    ["0.5", 0.5],
    ["1e3", 1000],
    ["0x1F", 31],
    ["true", true],
    ["False", false],
    ["yes", "yes"],
    ["", ""],
    ["null", "null"],
    ["~", "~"],
    [".inf", ".inf"],
    [".nan", ".nan"],
    [" 1", " 1"],
    ["1\n", "1\n"],
    ["9007199254740993", "9007199254740993"],
    ["1e999", "1e999"],
    ["[1]", "[1]"],
  ];
  for (const [text, value] of cases) assert.equal(plainScalar(text), value, text);
});

test("no value of the environment changes the structure", () => {
  const text = 'a: ${X}\nb: ["${X}", c]\nd: { e: "<${X}>" }\nf: ${X:-1}\n';
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom("\nz: 1", "{a: 1}", "[1]", "- 1", "&a", "*a", "null", "1")),
      (X) => {
        const { value, issues } = readDocument(text, "f", { X });
        const read = value as Record<string, unknown>;
        assert.deepEqual(issues, []);
        assert.deepEqual(Object.keys(read), ["a", "b", "d", "f"]);
        assert.ok(["string", "number", "boolean"].includes(typeof read["a"]));
        assert.deepEqual(read["b"], [X, "c"]);
        assert.deepEqual(read["d"], { e: `<${X}>` });
      },
    ),
  );
});
