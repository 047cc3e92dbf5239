import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, type Purgeable, type PurgeTarget } from "../../../../src/cache/tags/ledger.ts";

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

test("a prefix or a pattern that begins with a slash is about paths on every host, any other about whole urls", () => {
  const standings = (target: PurgeTarget, urls: readonly string[]): string[] => {
    const ledger = new Ledger();
    ledger.record({ targets: [target], soft: false });
    return urls.map((url) => ledger.standing(kept(0, { url })));
  };
  const urls = ["http://shop.example/a/b?c", "https://other.example/a/", "http://shop.example/b"];
  assert.deepEqual(standings({ kind: "prefix", prefix: "/a/" }, urls), ["gone", "gone", "current"]);
  assert.deepEqual(standings({ kind: "prefix", prefix: "http://shop.example/" }, urls), ["gone", "current", "gone"]);
  assert.deepEqual(standings({ kind: "pattern", pattern: "/?" }, urls), ["current", "current", "gone"]);
  assert.deepEqual(standings({ kind: "pattern", pattern: "*?c" }, urls), ["gone", "current", "current"]);
  assert.deepEqual(standings({ kind: "pattern", pattern: "http*/a/*" }, urls), ["gone", "gone", "current"]);
});
