import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Admission } from "../../../../src/cache/tiers/admission.ts";
import { Demotion } from "../../../../src/cache/tiers/demotion.ts";
import { Tiers, type NamedTier } from "../../../../src/cache/tiers/tiers.ts";
import { until } from "../../../support/wait.ts";
import { memoryTier } from "../../../support/memory-tier.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const any = (): string => "";
const KIB = 1024;
const time = { ahead: () => 0 };

/** Memory of `bytes` in front of a roomy tier that stands for one in another process. */
function setUp(bytes: number) {
  const admission = new Admission();
  const [near, far] = [memoryTier(bytes), memoryTier(64 * KIB * KIB)];
  const memory: NamedTier = { name: "memory", tier: near, admits: admission.admits.bind(admission) };
  const tiers = new Tiers([memory, { name: "redis", tier: far }], time);
  const find = async (key: string): Promise<string | undefined> => (await tiers.find(key, any))?.tier;
  return { admission, near, far, find };
}

suite("promotion to memory (C07)", () => {
  test("a small body comes to memory when it is first found, with the life that it has left", async () => {
    const { near, far, find, admission } = setUp(KIB * KIB);
    far.set("a", { ...entryOf("x".repeat(64 * KIB)), keepUntil: 12_345 });
    assert.equal(await find("a"), "redis");
    assert.equal(near.get("a", any)?.keepUntil, 12_345);
    assert.equal(admission.refused, 0);
  });

  test("what another process wrote is on our line of time and at our position; what this one wrote leaves on the wall clock's", async () => {
    const [near, far] = [memoryTier(KIB * KIB), memoryTier(KIB * KIB)];
    const named: NamedTier[] = [
      { name: "memory", tier: near },
      { name: "redis", tier: far },
    ];
    const tiers = new Tiers(
      named,
      { ahead: () => 5000 },
      {
        origin: 9,
        here: ({ position }) => position - 7,
      },
    );
    const entry = { ...entryOf("x"), keepUntil: 90_000, position: 100 };
    const { receivedAt } = entry.head;
    far.set("theirs", entry);
    const found = (await tiers.find("theirs", any))!.entry;
    assert.deepEqual([found.position, found.keepUntil, found.head.receivedAt], [93, 85_000, receivedAt - 5000]);
    assert.deepEqual(near.get("theirs", any), found, "and so is the copy in memory");
    tiers.put("ours", entry);
    assert.equal(near.get("ours", any), entry);
    assert.equal(far.get("ours", any)!.keepUntil, 95_000);
    assert.equal(far.get("ours", any)!.origin, 9, "it says whose position it has");
    assert.equal((await tiers.find("ours", any))!.entry.position, 100, "what is found in memory is as it was");
  });

  test("a large one comes when it is found for the second time", async () => {
    const { near, far, find, admission } = setUp(KIB * KIB);
    far.set("a", entryOf("x".repeat(64 * KIB + 1)));
    assert.equal(await find("a"), "redis");
    assert.equal(near.peek("a"), undefined);
    assert.equal(admission.refused, 1);
    assert.equal(await find("a"), "redis");
    assert.equal(await find("a"), "memory");
    assert.equal(admission.refused, 1);
  });

  test("one-hit wonders do not wash out memory", async () => {
    const { near, far, find, admission } = setUp(KIB * KIB);
    for (let i = 0; i < 100; i++) near.set(`kept${i}`, entryOf("x".repeat(4 * KIB)));
    for (let i = 0; i < 300; i++) far.set(`once${i}`, entryOf("x".repeat(100 * KIB)));
    for (let i = 0; i < 300; i++) assert.equal(await find(`once${i}`), "redis");
    for (let i = 0; i < 100; i++) assert.ok(near.peek(`kept${i}`));
    assert.equal(admission.refused, 300);
  });

  test("what was asked for long ago counts no more", () => {
    const admission = new Admission();
    const large = { body: Buffer.alloc(64 * KIB + 1) };
    assert.equal(admission.admits("a", large), false);
    for (let i = 0; i < 20_000; i++) admission.admits(`k${i}`, large);
    assert.equal(admission.admits("a", large), false);
    assert.ok(admission.refused > 19_500, `${admission.refused} of 20,002: few are taken for others`);
  });
});

suite("demotion out of memory (C08)", () => {
  function behind() {
    const far = memoryTier(KIB * KIB);
    const demotion = new Demotion(new Tiers([{ name: "redis", tier: far }], time));
    return { far, demotion };
  }

  test("what had to give way is put behind, where it is missing; what has ended is not", async () => {
    const { far, demotion } = behind();
    const [one, other] = [entryOf("1", { vary: "x", variant: "1" }), entryOf("2", { vary: "x", variant: "2" })];
    far.set("a", { ...one, fence: 7 });
    demotion.take("a", [one, other], "capacity");
    demotion.take("b", [entryOf("ended")], "expired");
    await until(() => demotion.stats().demoted === 1, { what: "the missing variant is there" });
    assert.equal(far.get("a", () => "1")?.fence, 7, "what is there stays");
    assert.ok(far.get("a", () => "2"));
    assert.equal(far.get("b", any), undefined);
  });

  test("at most 16 are under way; more are dropped and counted", async () => {
    let answer = (): void => {};
    const asked = new Promise<undefined>((resolve) => (answer = () => resolve(undefined)));
    const put: string[] = [];
    const demotion = new Demotion({ find: () => asked, put: (key) => void put.push(key) });
    for (let i = 0; i < 40; i++) demotion.take(`k${i}`, [entryOf("x")], "capacity");
    assert.deepEqual(demotion.stats(), { demoted: 0, dropped: 24 });
    answer();
    await until(() => put.length === 16, { what: "those under way are done" });
    demotion.take("later", [entryOf("x")], "capacity");
    await until(() => demotion.stats().demoted === 17, { what: "there is room again" });
  });
});
