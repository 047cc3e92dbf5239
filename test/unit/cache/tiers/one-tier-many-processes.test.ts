import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Entry } from "../../../../src/cache/entry.ts";
import { Ledger } from "../../../../src/cache/tags/ledger.ts";
import { positionsOf, Tiers } from "../../../../src/cache/tiers/tiers.ts";
import { steadyTime } from "../../../../src/cache/time.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { createFarTier } from "../../../support/library-rig.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const PROCESSES = 3;
const KEYS = 2;
const WALL = Date.UTC(2026, 0, 1);

/** A process without a log: a ledger and a line of time of its own. `skew`: milliseconds that its wall clock is off. */
class Process {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly tiers: Tiers;
  readonly loads: { key: number; version: number; began: number; position: number }[] = [];
  /** By key: the version that was there when it was last purged here. */
  readonly purged: number[] = Array.from({ length: KEYS }, () => 0);
  readonly #time;

  constructor(origin: number, skew: number, far: ReturnType<typeof createFarTier>) {
    this.clock = new ManualClock({ wall: WALL + skew });
    this.#time = steadyTime(this.clock);
    const time = this.#time;
    this.ledger = new Ledger({ origin, wall: () => time.now() });
    this.tiers = new Tiers([{ name: "postgres", tier: far }], time, positionsOf(this.ledger, time));
  }

  begin(key: number, version: number): void {
    this.loads.push({ key, version, began: this.#time.now(), position: this.ledger.position });
  }

  async end(): Promise<void> {
    const load = this.loads.shift();
    if (!load) return;
    const receivedAt = this.#time.now();
    const entry: Entry = {
      ...entryOf(String(load.version)),
      url: `k${load.key}`,
      tags: ["t"],
      position: load.position,
      buildMs: receivedAt - load.began,
      head: { status: 200, headers: [], initialAge: 0, receivedAt },
    };
    if (this.ledger.standing(entry) === "gone") return;
    await this.tiers.place(`k${load.key}`, entry);
  }

  async version(key: number): Promise<number | undefined> {
    const found = await this.tiers.find(`k${key}`, () => "");
    return found && this.ledger.standing(found.entry) === "current" ? Number(String(found.entry.body)) : undefined;
  }
}

function setUp(skews: readonly number[]) {
  const far = createFarTier();
  const processes = skews.map((skew, i) => new Process(i + 1, skew, far));
  const pass = (ms: number): void => processes.forEach(({ clock }) => clock.advance(ms));
  const setBack = (ms: number): void => processes.forEach(({ clock }) => clock.setWall(clock.wall() - ms));
  return { processes, pass, setBack };
}

test("several processes on one tier without a log: none gives what was loaded, anywhere, before a purge of its own, and each reads back what it wrote last", async () => {
  const skew = fc.integer({ min: -500, max: 500 });
  const step = fc.tuple(
    fc.constantFrom("begin", "begin", "end", "end", "change", "purge", "purge all", "write", "pass", "long", "back"),
    fc.nat(PROCESSES - 1),
    fc.nat(KEYS - 1),
  );
  const steps = fc.array(step, { minLength: 5, maxLength: 60, size: "max" });
  await fc.assert(
    fc.asyncProperty(fc.tuple(skew, skew, skew), steps, async (skews, steps) => {
      const { processes, pass, setBack } = setUp(skews);
      const versions = Array.from({ length: KEYS }, () => 1);
      for (const [act, index, key] of steps) {
        const at = processes[index]!;
        if (act === "begin") at.begin(key, versions[key]!);
        else if (act === "end") await at.end();
        else if (act === "change") versions[key]! += 1;
        else if (act === "pass") pass(1);
        else if (act === "long") pass(2000);
        else if (act === "back") setBack(1500);
        else {
          const target =
            act === "purge" ? ({ kind: "url", url: `k${key}` } as const) : ({ kind: "tag", tag: "t" } as const);
          at.ledger.record({ targets: [target], soft: false });
          for (let k = 0; k < KEYS; k++) if (act === "purge all" || k === key) at.purged[k] = versions[k]!;
          if (act !== "write") continue;
          at.loads.length = 0;
          at.begin(key, versions[key]!);
          await at.end();
          assert.equal(await at.version(key), versions[key], "what was written right after a purge is read back");
        }
        for (const one of processes) {
          const [found, purged] = [await one.version(key), one.purged[key]!];
          assert.ok(found === undefined || found >= purged, `${found} was given after a purge at ${purged}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("in one and the same millisecond: a purge is not missed whatever the other process purged before", async () => {
  const { processes } = setUp([0, 0]);
  const [one, other] = processes as [Process, Process];
  for (let i = 0; i < 3; i++) one.ledger.record({ targets: [{ kind: "url", url: "k1" }], soft: false });
  one.begin(0, 1);
  await one.end();
  assert.equal(await other.version(0), 1);
  other.ledger.record({ targets: [{ kind: "tag", tag: "t" }], soft: false });
  assert.equal(await other.version(0), undefined);
});

test("what another process began to load more than 3 s after a purge here is used; sooner it is a miss", async () => {
  const { processes, pass } = setUp([0, 0]);
  const [one, other] = processes as [Process, Process];
  one.ledger.record({ targets: [{ kind: "tag", tag: "t" }], soft: false });
  pass(2999);
  other.begin(0, 2);
  await other.end();
  assert.equal(await one.version(0), undefined);
  pass(2);
  other.begin(0, 3);
  pass(5);
  await other.end();
  assert.equal(await one.version(0), 3);
});

test("after the clock was set back by an hour, an hour more is allowed for", async () => {
  const { processes, pass, setBack } = setUp([0, 0]);
  const [one, other] = processes as [Process, Process];
  other.begin(0, 1);
  await other.end();
  pass(10_000);
  one.ledger.record({ targets: [{ kind: "tag", tag: "t" }], soft: false });
  setBack(3_600_000);
  assert.equal(await one.version(0), undefined);
});
