import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Entry } from "../../../../src/cache/entry.ts";
import { Sampler } from "../../../../src/cache/tiers/sampler.ts";
import type { Tier } from "../../../../src/cache/tiers/tier.ts";
import { Tiers } from "../../../../src/cache/tiers/tiers.ts";
import { steadyTime } from "../../../../src/cache/time.ts";
import { createEventBus, type TiersCompared } from "../../../../src/core/events.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { entryOf } from "../../../support/tier-suite.ts";

/** A tier that holds what it was given last. */
function oneSlot(): Tier & { entry: Entry | undefined; asked: number } {
  const tier = {
    entry: undefined as Entry | undefined,
    asked: 0,
    get() {
      tier.asked += 1;
      return tier.entry;
    },
    set(_key: string, entry: Entry) {
      tier.entry = entry;
    },
    delete: () => void (tier.entry = undefined),
    clear: () => void (tier.entry = undefined),
    close: () => {},
  };
  return tier;
}

function setUp(t: TestContext, rate = 2) {
  const clock = new ManualClock();
  const time = steadyTime(clock);
  const bus = createEventBus(t.name);
  const results: TiersCompared["result"][] = [];
  t.after(bus.subscribe("spillway:cache-compared", ({ result }) => void results.push(result)));
  const sampler = new Sampler({ clock, time, bus, rate });
  const [near, far] = [oneSlot(), oneSlot()];
  const tiers = new Tiers(
    [
      { name: "memory", tier: near },
      { name: "redis", tier: far },
    ],
    time,
  );
  const version = (body: string, facts: Partial<Entry> & { at?: number } = {}): Entry => ({
    ...entryOf(body),
    ...facts,
    head: { status: 200, headers: [], initialAge: 0, receivedAt: time.now() - 60_000 + (facts.at ?? 0) },
  });
  const hit = async (): Promise<void> => {
    clock.advance(500);
    sampler.saw(tiers, "k", near.entry!);
    await nextTurn();
  };
  return { clock, sampler, tiers, near, far, results, version, hit };
}

test("copies of one version are the same, though a position was raised here", async (t) => {
  const { near, far, results, version, hit } = setUp(t);
  far.entry = version("a");
  near.entry = { ...far.entry, position: 9999 };
  await hit();
  assert.deepEqual(results, ["same"]);
});

test("memory that is older by fence, or by time, takes the other copy", async (t) => {
  const { near, far, results, version, hit } = setUp(t);
  near.entry = version("old", { fence: 3, at: 5000 });
  far.entry = version("new", { fence: 4 });
  await hit();
  assert.equal(String(near.entry.body), "new");
  near.entry = version("old");
  far.entry = version("new", { at: 5000 });
  await hit();
  assert.equal(String(near.entry.body), "new");
  assert.deepEqual(results, ["behind", "behind"]);
});

test("a farther tier that is older takes memory's copy; one without it stays so", async (t) => {
  const { near, far, results, version, hit } = setUp(t);
  near.entry = version("new", { fence: 2 });
  far.entry = version("old", { fence: 1 });
  await hit();
  assert.equal(String(far.entry.body), "new");
  far.entry = undefined;
  await hit();
  assert.deepEqual(results, ["ahead", "absent"]);
  assert.equal(far.entry, undefined);
});

test("two a second are compared, however many hits there are, and none that came within the last second", async (t) => {
  const { clock, sampler, tiers, near, far, results, version } = setUp(t);
  far.entry = near.entry = version("a");
  for (let ms = 0; ms < 10_000; ms += 10) {
    clock.advance(10);
    sampler.saw(tiers, "k", near.entry);
  }
  await nextTurn();
  assert.equal(results.length, 20);
  assert.equal(far.asked, 20);
  sampler.saw(tiers, "k", version("new", { at: 60_000 }));
  clock.advance(500);
  sampler.saw(tiers, "k", version("new", { at: 59_600 }));
  await nextTurn();
  assert.equal(results.length, 20);
  sampler.close();
  assert.equal(clock.pending, 0);
});
