import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asUsability, NO_GRACE, phaseOf, spansOf, type Grace, type Phase } from "../../../src/cache/phase.ts";
import type { Usability } from "../../../src/cache/rules.ts";
import { judgeUsable } from "../../../src/cache/rules/reuse.ts";

const ORDER: readonly Phase[] = [
  "fresh",
  "refresh-ahead",
  "stale-while-revalidate",
  "stale-if-error",
  "fail-safe",
  "drop",
];
const rank = (phase: Phase): number => ORDER.indexOf(phase);

const usable = (age: number, more: Partial<Usability> = {}): Usability => ({
  age,
  lifetime: 10,
  staleWhileRevalidate: 20,
  staleIfError: 40,
  saysHowStale: true,
  mustRevalidate: false,
  ...more,
});

const span = fc.integer({ min: 0, max: 1000 });
const anyUsable = fc.record({
  age: fc.integer({ min: 0, max: 5000 }),
  lifetime: span,
  staleWhileRevalidate: span,
  staleIfError: span,
  saysHowStale: fc.boolean(),
  mustRevalidate: fc.boolean(),
});
const anyGrace: fc.Arbitrary<Grace> = fc.record({ factor: fc.integer({ min: 1, max: 10 }), any: fc.boolean() });

test("an answer goes through its phases, each at its millisecond", () => {
  const at = (age: number, early = 0): Phase => phaseOf(spansOf(usable(age), 80, NO_GRACE), early);
  assert.deepEqual(
    [0, 9, 10, 29, 30, 49, 50, 89, 90, 1e12].map((age) => at(age)),
    [
      "fresh",
      "fresh",
      "stale-while-revalidate",
      "stale-while-revalidate",
      "stale-if-error",
      "stale-if-error",
      "fail-safe",
      "fail-safe",
      "drop",
      "drop",
    ],
  );
  assert.deepEqual(
    [6, 7, 9, 10].map((age) => at(age, 3)),
    ["fresh", "refresh-ahead", "refresh-ahead", "stale-while-revalidate"],
  );
});

test("what must be revalidated is fresh, then dropped, whatever a level or an operator would like", () => {
  fc.assert(
    fc.property(anyUsable, span, anyGrace, (given, failSafe, grace) => {
      const phase = phaseOf(spansOf({ ...given, mustRevalidate: true }, failSafe, grace));
      assert.equal(phase, given.age < given.lifetime ? "fresh" : "drop");
    }),
  );
});

test("with age the phases only go on", () => {
  fc.assert(
    fc.property(anyUsable, span, anyGrace, span, span, (given, failSafe, grace, older, early) => {
      const before = phaseOf(spansOf(given, failSafe, grace), early);
      const after = phaseOf(spansOf({ ...given, age: given.age + older }, failSafe, grace), early);
      assert.ok(rank(before) <= rank(after), `${before}, later ${after}`);
    }),
  );
});

test("a longer window, a fail-safe or a level never makes an answer useless earlier", () => {
  const longer = fc.record({ swr: span, sie: span, failSafe: span, factor: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(anyUsable, span, anyGrace, longer, fc.boolean(), (given, failSafe, grace, more, any) => {
      const before = phaseOf(spansOf(given, failSafe, grace));
      const wider = {
        ...given,
        staleWhileRevalidate: given.staleWhileRevalidate + more.swr,
        staleIfError: given.staleIfError + more.sie,
      };
      const widerGrace = { factor: grace.factor + more.factor, any: grace.any || any };
      const after = phaseOf(spansOf(wider, failSafe + more.failSafe, widerGrace));
      assert.ok(rank(after) <= rank(before), `${before}, with more leave ${after}`);
    }),
  );
});

test("a factor of 2 doubles the windows, and any age is any age", () => {
  const at = (age: number, grace: Grace): Phase => phaseOf(spansOf(usable(age), 80, grace));
  const twice = { factor: 2, any: false };
  assert.deepEqual(
    [49, 50, 89, 90, 169, 170].map((age) => at(age, twice)),
    ["stale-while-revalidate", "stale-if-error", "stale-if-error", "fail-safe", "fail-safe", "drop"],
  );
  assert.equal(at(1e15, { factor: 1, any: true }), "fail-safe");
});

test("the rules of RFC 9111 come to the same for a request without wishes", () => {
  const request = { method: "GET", headers: [] };
  fc.assert(
    fc.property(anyUsable, span, anyGrace, (given, failSafe, grace) => {
      const spans = spansOf(given, failSafe, grace);
      const verdict = judgeUsable(request, asUsability(spans));
      const expected: Readonly<Partial<Record<Phase, string>>> = {
        fresh: "fresh",
        "stale-while-revalidate": "stale-while-revalidate",
        "stale-if-error": "true",
        "fail-safe": "true",
        drop: "false",
      };
      const said = "onError" in verdict ? String(verdict.onError) : verdict.use;
      assert.equal(said, expected[phaseOf(spans)]);
    }),
  );
});
