import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, type Purgeable } from "../../../../src/cache/tags/ledger.ts";

const kept = (position: number, facts: Partial<Purgeable> = {}): Purgeable => ({
  url: "http://shop.example/a",
  tags: ["products", "route:all"],
  position,
  ...facts,
});

test("a purge is about what was loaded before it, by any of its tags, its url or everything", () => {
  const ledger = new Ledger();
  const before = ledger.position;
  assert.equal(ledger.standing(kept(before)), "current");
  ledger.record({ targets: [{ kind: "tag", tag: "products" }], soft: true });
  assert.equal(ledger.standing(kept(before)), "stale");
  assert.equal(ledger.standing(kept(before, { tags: ["others"] })), "current");
  assert.equal(ledger.standing(kept(ledger.position)), "current", "a load that began after it");
  ledger.record({ targets: [{ kind: "url", url: "http://shop.example/a" }], soft: false });
  assert.equal(ledger.standing(kept(before)), "gone", "the harder of the two");
  assert.equal(ledger.standing(kept(before, { url: "http://shop.example/b" })), "stale");
  ledger.record({ targets: [{ kind: "all" }], soft: true });
  assert.equal(ledger.standing(kept(before, { url: "http://shop.example/b", tags: [] })), "stale");
});

test("a soft purge after a hard one takes nothing back, nor does an older one that comes late", () => {
  const ledger = new Ledger();
  const targets = [{ kind: "tag", tag: "products" }] as const;
  ledger.record({ targets, soft: false }, 10);
  ledger.record({ targets, soft: true }, 11);
  assert.equal(ledger.standing(kept(9)), "gone");
  assert.equal(ledger.standing(kept(10)), "stale");
  ledger.record({ targets, soft: false }, 5);
  assert.equal(ledger.position, 11);
  assert.deepEqual([ledger.standing(kept(9)), ledger.standing(kept(11))], ["gone", "current"]);
});
