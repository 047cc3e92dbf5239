import assert from "node:assert/strict";
import { test } from "node:test";
import type { Purge, PurgeTarget } from "../../../../src/cache/tags/ledger.ts";
import { MOST_WAITING, Outbox, purgesOf } from "../../../../src/cache/tags/outbox.ts";
import { marksOfEntry, marksOfPurge, readPurge, writePurge } from "../../../../src/cache/tags/purge-text.ts";

const tag = (name: string): PurgeTarget => ({ kind: "tag", tag: name });
const hard = (...names: string[]): Purge => ({ targets: names.map(tag), soft: false, changed: false });
const soft = (...names: string[]): Purge => ({ targets: names.map(tag), soft: true, changed: false });

test("purges leave in order, neighbours of one kind together", () => {
  const outbox = new Outbox();
  for (const purge of [hard("a"), hard("b", "c"), soft("d"), hard("e")]) outbox.add(purge);
  assert.deepEqual(purgesOf(outbox.take()), [hard("a", "b", "c"), soft("d"), hard("e")]);
  assert.deepEqual(purgesOf(outbox.take()), []);
});

test("of one target the latest is kept, and what was hard stays hard", () => {
  const outbox = new Outbox();
  for (const purge of [hard("a"), soft("b"), soft("a"), hard("b")]) outbox.add(purge);
  assert.equal(outbox.size, 2);
  assert.deepEqual(purgesOf(outbox.take()), [hard("a", "b")]);
});

test("what could not be sent comes before what was added meanwhile", () => {
  const outbox = new Outbox();
  outbox.add(hard("a", "b"));
  const parcel = outbox.take();
  outbox.add(soft("c"));
  outbox.add(soft("a"));
  outbox.putBack(parcel);
  assert.deepEqual(purgesOf(outbox.take()), [hard("b"), soft("c"), hard("a")]);
});

test("beyond 50,000 targets the oldest give way to one soft purge of everything, which stays", () => {
  const outbox = new Outbox();
  assert.equal(MOST_WAITING, 50_000);
  for (let i = 0; i < MOST_WAITING; i++) outbox.add(hard(`t${i}`));
  assert.deepEqual([outbox.size, outbox.dropped], [MOST_WAITING, 0]);
  for (let i = 0; i < 1000; i++) outbox.add(hard(`more${i}`));
  assert.deepEqual([outbox.size, outbox.dropped], [MOST_WAITING, 1001]);
  const purges: Purge[] = [];
  for (let parcel = outbox.take(); parcel.length > 0; parcel = outbox.take()) purges.push(...purgesOf(parcel));
  const everything = purges.filter(({ targets }) => targets.some(({ kind }) => kind === "all"));
  assert.deepEqual(everything, [{ targets: [{ kind: "all" }], soft: true, changed: false }]);
});

test("a purge comes out of its text as it went in; one that cannot be read is a soft purge of everything", () => {
  const purge: Purge = {
    targets: [tag("a"), { kind: "url", url: "http://a/" }, { kind: "prefix", prefix: "/p" }, { kind: "all" }],
    soft: false,
    changed: true,
  };
  assert.deepEqual(readPurge(writePurge(purge, "one")), purge);
  const everything: Purge = { targets: [{ kind: "all" }], soft: true };
  const known = { kind: "tag", tag: "a" };
  for (const text of [
    "",
    "null",
    "[]",
    "{}",
    JSON.stringify({ soft: false }),
    JSON.stringify({ soft: "no", targets: [known] }),
    JSON.stringify({ soft: false, targets: [known, { kind: "planet", planet: "mars" }] }),
    JSON.stringify({ soft: false, targets: [{ kind: "tag" }] }),
    JSON.stringify({ soft: false, targets: [{ kind: "__proto__", __proto__: "x" }] }),
  ]) {
    assert.deepEqual(readPurge(text), everything, text);
  }
});

test("every purge about an entry sets one of the marks that the entry is held against", () => {
  const long = `http://shop.example/${"x".repeat(300)}`;
  const entry = { url: long, tags: ["a", "b"] };
  const marks = new Set(marksOfEntry(entry));
  const targets: PurgeTarget[] = [
    tag("a"),
    tag("b"),
    { kind: "url", url: long },
    { kind: "prefix", prefix: "http://shop.example/x" },
    { kind: "pattern", pattern: "*x*" },
    { kind: "all" },
  ];
  for (const target of targets) {
    for (const isSoft of [true, false]) {
      const [mark, ...more] = marksOfPurge({ targets: [target], soft: isSoft });
      assert.deepEqual(more, []);
      assert.equal(mark![0], isSoft ? "s" : "h");
      assert.ok(marks.has(mark!.slice(1)), `${target.kind} sets ${mark}`);
    }
  }
  assert.ok([...marks].every((mark) => mark.length < 150));
  assert.equal(marks.has(marksOfPurge({ targets: [tag("c")], soft: false })[0]!.slice(1)), false);
});
