import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ledger, type Purge, type Purgeable } from "../../../src/cache/tags/ledger.ts";
import { processorMs } from "../../support/fair-clock.ts";
import { runChild } from "../../support/child.ts";

const entry = (position: number, tags: readonly string[] = [], url = "http://a.example/x"): Purgeable => ({
  url,
  tags,
  position,
});
const ofTag = (name: string, soft = false): Purge => ({ targets: [{ kind: "tag", tag: name }], soft });
const ofPrefix = (prefix: string, soft = false): Purge => ({ targets: [{ kind: "prefix", prefix }], soft });

test("a million tags are remembered one by one, and one more makes the oldest eighth the floor", () => {
  const ledger = new Ledger();
  const before = entry(ledger.position);
  for (let i = 0; i < 1_000_000; i++) ledger.record(ofTag(`tag-${i}`));
  assert.equal(ledger.size().tags, 1_000_000);
  assert.deepEqual(ledger.size().floor, { soft: 0, hard: 0 });
  assert.equal(ledger.standing(before), "current", "none of its tags was purged");
  assert.equal(ledger.standing(entry(0, ["tag-0"])), "gone");
  assert.equal(ledger.standing(entry(999_999, ["tag-999999"])), "gone");
  ledger.record(ofTag("one more"));
  assert.equal(ledger.size().tags, 875_001);
  assert.equal(ledger.size().floor.hard, 125_000);
  assert.equal(ledger.standing(before), "gone", "what is older than the floor counts as purged");
  assert.equal(ledger.standing(entry(125_000)), "current");
  assert.equal(ledger.standing(entry(125_000, ["tag-125000"])), "gone");
});

test("soft marks that are dropped make a soft floor", () => {
  const ledger = new Ledger({ marks: 8 });
  for (let i = 0; i < 9; i++) ledger.record(ofTag(`tag-${i}`, true));
  assert.deepEqual([ledger.size().tags, ledger.size().floor], [8, { soft: 1, hard: 0 }]);
  assert.equal(ledger.standing(entry(0)), "stale");
});

test("a tag that is purged again is the newest, however old its first purge", () => {
  const ledger = new Ledger({ marks: 8 });
  for (const name of ["a", "b", "c", "d", "e", "f", "g", "h", "a", "i"]) ledger.record(ofTag(name));
  assert.equal(ledger.size().floor.hard, 2, "b went, not a");
  assert.deepEqual(
    ledger.newest(2).tags.map(({ name }) => name),
    ["i", "a"],
  );
});

test("a thousand bans are held; there is no room for more, and one that comes all the same makes the oldest the floor", () => {
  const ledger = new Ledger();
  for (let i = 0; i < 1000; i++) ledger.record(ofPrefix(`http://b.example/${i}/`));
  assert.deepEqual([ledger.size().bans, ledger.room()], [1000, 0]);
  const old = entry(0);
  assert.equal(ledger.standing(old), "current");
  ledger.record(ofPrefix("http://b.example/more/"));
  assert.deepEqual([ledger.size().bans, ledger.size().floor.hard], [1000, 1]);
  assert.equal(ledger.standing(old), "gone");
});

test("a ban goes when the last entry that it can be about has gone, after seven days at most", () => {
  const clock = { wall: 1000 };
  const ledger = new Ledger({ wall: () => clock.wall });
  ledger.kept(60_000);
  ledger.record(ofPrefix("/x"));
  ledger.kept(90_000);
  clock.wall = 59_999;
  assert.equal(ledger.size().bans, 1);
  clock.wall = 60_000;
  assert.equal(ledger.size().bans, 0);
  assert.equal(ledger.standing(entry(0, [], "http://a.example/y")), "gone", "what others still keep is older");
  ledger.kept(Number.MAX_SAFE_INTEGER);
  ledger.record(ofPrefix("/x"));
  clock.wall += 7 * 86_400_000 - 1;
  assert.equal(ledger.size().bans, 1);
  clock.wall += 1;
  assert.equal(ledger.size().bans, 0);
});

test("an entry is held against a ban once", () => {
  const ledger = new Ledger();
  let looked = 0;
  const kept: Purgeable = {
    tags: [],
    position: 0,
    get url() {
      looked++;
      return "http://a.example/x";
    },
  };
  for (let i = 0; i < 100; i++) ledger.record(ofPrefix(`/other/${i}`));
  ledger.standing(kept);
  const once = looked;
  const startedAt = processorMs();
  for (let i = 0; i < 100_000; i++) ledger.standing(kept);
  assert.ok(processorMs() - startedAt < 1000);
  assert.ok(once <= 2 && looked <= once + 100_000 * 2);
  ledger.record(ofPrefix("/x", true));
  assert.equal(ledger.standing(kept), "stale");
});

test("a long url takes no more room than a short one and is found again", () => {
  const ledger = new Ledger();
  const url = `http://a.example/${"x".repeat(8000)}`;
  ledger.record({ targets: [{ kind: "url", url }], soft: false });
  assert.equal(ledger.standing(entry(0, [], url)), "gone");
  assert.equal(ledger.standing(entry(0, [], `${url}y`)), "current");
});

test("why an entry is gone: purged by a person, changed data, or a pattern", () => {
  const ledger = new Ledger();
  ledger.record(ofTag("t"));
  assert.equal(ledger.cause(entry(0, ["t"])), "purged");
  ledger.record({ ...ofTag("t"), changed: true });
  assert.equal(ledger.cause(entry(0, ["t"])), "changed");
  ledger.record({ targets: [{ kind: "pattern", pattern: "*/x" }], soft: false });
  assert.equal(ledger.cause(entry(1, ["u"])), "pattern");
});

test("a storm of purges leaves what it is not about, and each costs microseconds", () => {
  const ledger = new Ledger();
  const kept = entry(0, ["calm"]);
  const startedAt = processorMs();
  for (let i = 0; i < 200_000; i++) {
    ledger.record(ofTag(`storm-${i % 1000}`));
    if (i % 100 === 0) ledger.record(ofPrefix(`/storm/${i % 500}`));
  }
  assert.ok(processorMs() - startedAt < 3000);
  assert.equal(ledger.size().tags, 1000);
  assert.equal(ledger.size().bans, 1000);
  assert.equal(ledger.standing(entry(ledger.position, ["storm-1"])), "current");
  assert.equal(ledger.standing(kept), "gone", "it is older than the bans that there was no room for");
  assert.equal(ledger.standing(entry(ledger.size().floor.hard, ["calm"])), "current");
});

test("a million marks take 100 octets each at most, names of 16 characters included", async (t) => {
  const program = fileURLToPath(new URL("../../support/mark-memory.ts", import.meta.url));
  const { each, tags } = JSON.parse(await runChild(process.execPath, ["--expose-gc", program])) as Record<
    string,
    number
  >;
  t.diagnostic(`${each!.toFixed(1)} octets a mark`);
  assert.equal(tags, 1_000_000);
  assert.ok(each! <= 100, `${each}`);
});

test("where others keep entries, too, a ban lasts a day at least, whatever was met so far", () => {
  const clock = { wall: 1000 };
  const ledger = new Ledger({ wall: () => clock.wall, leastBan: 86_400_000 });
  ledger.record(ofPrefix("/x"), 10);
  clock.wall += 86_399_999;
  assert.equal(ledger.size().bans, 1);
  assert.equal(ledger.standing(entry(9, [], "http://a.example/y")), "current");
  clock.wall += 1;
  assert.equal(ledger.size().bans, 0);
  assert.equal(ledger.standing(entry(9, [], "http://a.example/y")), "gone");
});
