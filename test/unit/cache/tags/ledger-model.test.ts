import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { globMatches } from "../../../../src/cache/tags/glob.ts";
import { Ledger, matcherOf, type Purge, type Purgeable } from "../../../../src/cache/tags/ledger.ts";
import { processorMs } from "../../../support/fair-clock.ts";

const ORDER = ["current", "stale", "gone"] as const;
const url = fc.constantFrom("http://a/x", "http://a/x/1", "http://b/x", "http://b/y?q=1");
const tag = fc.constantFrom("t1", "t2", "t3", "t4");
const target = fc.oneof(
  tag.map((name) => ({ kind: "tag" as const, tag: name })),
  url.map((text) => ({ kind: "url" as const, url: text })),
  fc.constantFrom("http://a/", "/x", "/y").map((prefix) => ({ kind: "prefix" as const, prefix })),
  fc.constantFrom("*/x*", "/?", "http://?/x", "/y?q=*").map((pattern) => ({ kind: "pattern" as const, pattern })),
  fc.constant({ kind: "all" as const }),
);
const purge = fc.record({ targets: fc.array(target, { maxLength: 3 }), soft: fc.boolean() });
const entryFacts = fc.record({ url, tags: fc.uniqueArray(tag, { maxLength: 3 }) });
const step = fc.oneof(
  purge.map((what) => ({ do: "purge" as const, what })),
  entryFacts.map((facts) => ({ do: "load" as const, facts })),
  fc.nat(5).map((which) => ({ do: "ask" as const, which })),
);

/** As regular expressions have it. */
const MEANING: Readonly<Record<string, string>> = { "*": "[^]*", "?": "[^]", ".": "\\.", "[": "\\[" };

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** All purges in a list, looked through for each question. */
class Model {
  readonly purges: Purge[] = [];
  standing(entry: Purgeable): number {
    const since = this.purges.slice(entry.position).filter(({ targets }) => matcherOf(targets)(entry));
    return Math.max(0, ...since.map(({ soft }) => (soft ? 1 : 2)));
  }
}

function run(ledger: Ledger, steps: readonly Step[], judge: (real: number, model: number) => void) {
  const model = new Model();
  const entries: Purgeable[] = [];
  const ask = (entry: Purgeable | undefined): void => {
    if (entry) judge(ORDER.indexOf(ledger.standing(entry)), model.standing(entry));
  };
  for (const one of steps) {
    if (one.do === "purge") {
      model.purges.push(one.what);
      ledger.record(one.what);
    } else if (one.do === "load") entries.push({ ...one.facts, position: ledger.position });
    else ask(entries[one.which]);
  }
  for (const entry of entries) {
    ask(entry);
    const cause = ledger.standing(entry) === "gone" ? ledger.cause(entry) : "purged";
    assert.ok(cause === "purged" || cause === "pattern");
  }
}

test("the ledger says of every entry what a list of all purges says, whenever it is asked", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => run(new Ledger(), steps, assert.equal)),
    { numRuns: 500 },
  );
});

test("a ledger with room for little says never less than a list of all purges", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) =>
      run(new Ledger({ marks: 2, bans: 1 }), steps, (real, model) => assert.ok(real >= model, `${real} < ${model}`)),
    ),
    { numRuns: 500 },
  );
});

test("a pattern is what a regular expression of the same meaning says", () => {
  const piece = fc.constantFrom("a", "b", "*", "?", ".", "[");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.string({ unit: fc.constantFrom("a", "b", ".", "[", "*"), maxLength: 10 }),
      (pieces, text) => {
        const source = pieces.map((mark) => MEANING[mark] ?? mark).join("");
        assert.equal(globMatches(pieces.join(""), text), new RegExp(`^${source}$`).test(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a hostile pattern on a long url takes no more steps than their lengths multiplied", () => {
  const startedAt = processorMs();
  assert.equal(globMatches(`${"*a".repeat(500)}b`, "a".repeat(8000)), false);
  assert.ok(processorMs() - startedAt < 500);
});
