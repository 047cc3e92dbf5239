import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { continueTrace, formatTraceparent, parseTraceparent, passTracestate } from "../../../src/core/trace.ts";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...Array.from("0123456789abcdef")), { minLength: length, maxLength: length })
    .map((d) => d.join(""));
const id = (length: number) => hex(length).filter((text) => !/^0+$/.test(text));
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const fresh16 = (): string => "a".repeat(32);
const fresh8 = (): string => "b".repeat(16);

test("a valid traceparent is continued: same trace, same sampling, a span of our own", () => {
  fc.assert(
    fc.property(id(32), id(16), hex(2), (trace, parent, flags) => {
      const found = continueTrace(`00-${trace}-${parent}-${flags}`, fresh16, fresh8);
      const sampled = (Number.parseInt(flags, 16) & 1) === 1;
      assert.deepEqual(found, { traceId: trace, parentId: parent, spanId: fresh8(), sampled });
    }),
  );
});

test("what is formatted parses back", () => {
  fc.assert(
    fc.property(id(32), id(16), fc.boolean(), (trace, span, sampled) => {
      const text = formatTraceparent({ traceId: trace, spanId: span, parentId: undefined, sampled });
      assert.deepEqual(parseTraceparent(text), { traceId: trace, parentId: span, sampled });
    }),
  );
});

test("whatever comes in, the trace that goes out is valid", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: "binary" })), (text) => {
      assert.ok(parseTraceparent(formatTraceparent(continueTrace(text, fresh16, fresh8))));
    }),
  );
});

const invalid: Readonly<Record<string, string>> = {
  empty: "",
  "version ff": `ff-${traceId}-${spanId}-01`,
  "version 00 with more": `00-${traceId}-${spanId}-01-more`,
  "a later version without a dash": `01-${traceId}-${spanId}-01more`,
  "trace of zeros": `00-${"0".repeat(32)}-${spanId}-01`,
  "span of zeros": `00-${traceId}-${"0".repeat(16)}-01`,
  "capital letters": `00-${traceId.toUpperCase()}-${spanId}-01`,
  "short trace": `00-${traceId.slice(1)}-${spanId}-01`,
  "two values": `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  "a line break": `00-${traceId}-${spanId}-01\n`,
  "a long tail": `01-${traceId}-${spanId}-01-${"x".repeat(10_000)}`,
};

for (const [what, value] of Object.entries(invalid)) {
  test(`invalid: ${what}: a new sampled trace begins`, () => {
    assert.equal(parseTraceparent(value), undefined);
    const begun = continueTrace(value, fresh16, fresh8);
    assert.deepEqual(begun, { traceId: fresh16(), parentId: undefined, spanId: fresh8(), sampled: true });
  });
}

test("a later version is read by its first four members", () => {
  for (const tail of ["", "-", "-what-is-to-come"]) {
    assert.deepEqual(parseTraceparent(`cc-${traceId}-${spanId}-03${tail}`), {
      traceId,
      parentId: spanId,
      sampled: true,
    });
  }
});

test("a source that draws zeros does not make an invalid trace", () => {
  const begun = continueTrace(
    undefined,
    () => "0".repeat(32),
    () => "0".repeat(16),
  );
  assert.ok(parseTraceparent(formatTraceparent(begun)));
});

test("tracestate goes on untouched with its parent only, and up to 512 characters", () => {
  const state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
  assert.equal(passTracestate({ parentId: spanId }, state), state);
  assert.equal(passTracestate({ parentId: undefined }, state), undefined);
  assert.equal(passTracestate({ parentId: spanId }, undefined), undefined);
  assert.equal(passTracestate({ parentId: spanId }, "x".repeat(512)), "x".repeat(512));
  assert.equal(passTracestate({ parentId: spanId }, "x".repeat(513)), undefined);
});
