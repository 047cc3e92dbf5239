import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import type { Entry } from "../../../../src/cache/entry.ts";
import { Backplane } from "../../../../src/cache/tags/backplane.ts";
import { Ledger, type PurgeTarget } from "../../../../src/cache/tags/ledger.ts";
import { steadyTime } from "../../../../src/cache/time.ts";
import { createEventBus } from "../../../../src/core/events.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { SimulatedLogs, type SimulatedLog, type Way } from "../../../support/purge-log.ts";
import { entryOf } from "../../../support/tier-suite.ts";

const INSTANCES = 3;
const KEYS = 3;

interface Instance {
  readonly way: SimulatedLog;
  readonly ledger: Ledger;
  readonly backplane: Backplane;
  readonly memory: Map<number, Entry>;
  readonly loads: { key: number; entry: Entry }[];
  /** By key: what a purge that was asked for here has outdated. */
  readonly outdated: number[];
}

/** What a request would have been given. */
interface Given {
  readonly version: number;
  readonly fresh: boolean;
}

/** Instances, the tier that they share and the data behind them. The version of a key counts its purges. */
class Fleet {
  readonly clock = new ManualClock();
  readonly logs = new SimulatedLogs(() => this.clock.wall());
  readonly shared = new Map<number, Entry>();
  readonly versions: number[] = Array.from({ length: KEYS }, () => 0);
  readonly hard: number[] = Array.from({ length: KEYS }, () => 0);
  readonly instances: Instance[];
  flushed = false;
  durable = 0;
  forgot = false;

  constructor() {
    this.instances = Array.from({ length: INSTANCES }, () => this.#start());
  }

  #start(): Instance {
    const way = this.logs.way();
    const ledger = new Ledger();
    const time = steadyTime(this.clock);
    const bus = createEventBus("fleet");
    const backplane = new Backplane({ ledger, log: way, clock: this.clock, time, bus, lease: 5000 });
    return { way, ledger, backplane, memory: new Map(), loads: [], outdated: Array.from({ length: KEYS }, () => 0) };
  }

  begin(at: Instance, key: number): void {
    const entry: Entry = {
      ...entryOf(String(this.versions[key])),
      url: `http://shop.example/${key}`,
      tags: [`t${key % 2}`],
      position: at.ledger.position,
      head: { status: 200, headers: [], initialAge: 0, receivedAt: this.clock.wall() },
      buildMs: 0,
    };
    at.loads.push({ key, entry });
  }

  /** Whatever is in the shared tier gives way: an older copy, too. */
  end(at: Instance): void {
    const load = at.loads.shift();
    if (!load || at.ledger.standing(load.entry) === "gone") return;
    at.memory.set(load.key, load.entry);
    this.shared.set(load.key, load.entry);
  }

  async serve(at: Instance, key: number): Promise<Given | undefined> {
    let entry = at.memory.get(key);
    if (!entry) {
      const far = this.shared.get(key);
      if (!far) return undefined;
      entry = { ...far, position: at.ledger.positionHere(far) };
      at.memory.set(key, entry);
    }
    let standing: string = at.ledger.standing(entry);
    if (standing !== "gone" && at.backplane.doubts(entry)) {
      const settled = await at.backplane.settle(entry);
      standing = settled.standing;
      if (at.memory.get(key) === entry) at.memory.set(key, settled.entry);
    }
    if (standing === "gone") {
      at.memory.delete(key);
      return undefined;
    }
    return { version: Number(String(entry.body)), fresh: standing === "current" };
  }

  purge(at: Instance, key: number, kind: number, soft: boolean): void {
    const targets: PurgeTarget[] = [
      { kind: "url", url: `http://shop.example/${key}` } as const,
      { kind: "tag", tag: `t${key % 2}` } as const,
      { kind: "all" } as const,
      { kind: "prefix", prefix: `http://shop.example/${key}` } as const,
    ].slice(kind, kind + 1);
    for (let other = 0; other < KEYS; other++) {
      if (other !== key && kind !== 2 && (kind !== 1 || other % 2 !== key % 2)) continue;
      const version = (this.versions[other]! += 1);
      at.outdated[other] = version;
      if (!soft) this.hard[other] = version;
    }
    void at.backplane.purge({ targets, soft });
  }

  /** Everyone is connected, told, and has read all there is. */
  async settle(): Promise<void> {
    for (const { way } of this.instances) way.way = "open";
    for (let round = 0; round < 6; round++) {
      for (const { way, backplane } of this.instances) {
        backplane.look();
        await nextTurn();
        while (way.pass()) await nextTurn();
      }
    }
    for (const { way, backplane } of this.instances) {
      assert.deepEqual([way.waiting, backplane.status().waiting], [0, 0], "all is told");
    }
  }

  async given(at: Instance, key: number): Promise<Given | undefined> {
    const serving = this.serve(at, key);
    await nextTurn();
    while (at.way.pass()) await nextTurn();
    return serving;
  }

  async check(): Promise<void> {
    for (const at of this.instances) {
      for (let key = 0; key < KEYS; key++) {
        const given = await this.given(at, key);
        if (given?.fresh) assert.equal(given.version, this.versions[key], "fresh after a purge that is known");
        if (given && !this.flushed) assert.ok(given.version >= this.hard[key]!, "stale after a hard purge");
      }
    }
  }

  /** What is loaded now is kept and used: nothing is lost for good. */
  async checkUse(): Promise<void> {
    for (const at of this.instances) {
      at.loads.length = 0;
      for (let key = 0; key < KEYS; key++) {
        this.begin(at, key);
        this.end(at);
        assert.deepEqual(await this.given(at, key), { version: this.versions[key], fresh: true });
      }
    }
  }

  trim(most: number): void {
    // Not before everyone has seen that a failover lost something: both together leave no trace.
    if (!this.forgot) this.logs.trim(most);
  }

  forget(count: number): void {
    this.forgot = true;
    this.logs.forget(Math.max(0, Math.min(count, this.logs.size - this.durable)));
  }

  /** Another instance in its place, with nothing in memory. What the old one knew was told. */
  async replace(index: number): Promise<void> {
    await this.settle();
    // What all have read who could tell is not lost in a failover that comes later.
    this.durable = this.logs.size;
    this.forgot = false;
    await this.instances[index]!.backplane.close();
    this.instances[index] = this.#start();
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map(({ backplane }) => backplane.close()));
  }
}

type Act = readonly [kind: number, instance: number, key: number, more: number];

const WAYS: readonly Way[] = ["open", "cut", "unheard"];

async function act(fleet: Fleet, [kind, index, key, more]: Act): Promise<void> {
  const at = fleet.instances[index]!;
  if (kind < 4) fleet.begin(at, key);
  else if (kind < 6) fleet.end(at);
  else if (kind < 8) {
    fleet.begin(at, key);
    fleet.end(at);
  } else if (kind < 12) await promised(fleet, at, key);
  else if (kind < 17) fleet.purge(at, key, more % 4, more > 7);
  else if (kind < 22) at.way.pass();
  else if (kind < 25) for (let i = 0; i < 4; i++) await passed(at);
  else if (kind < 27) at.way.nudge();
  else if (kind < 29) at.way.way = WAYS[more % 3]!;
  else if (kind < 30) fleet.clock.advance(more * 100);
  else if (kind < 32) at.memory.delete(key);
  else if (kind < 34) fleet.trim(more % 3);
  else if (kind < 36) {
    fleet.forget(1 + (more % 2));
    // No failover is over so soon that the clock is behind what was given out before it.
    fleet.clock.advance(200);
  } else if (kind < 37) {
    fleet.logs.flush();
    fleet.flushed = true;
    fleet.clock.advance(200);
  } else if (kind < 38) await fleet.replace(index);
  await nextTurn();
}

/** A request, whose answer may take until the log answers: never fresh from before a purge that was asked for here. */
async function promised(fleet: Fleet, at: Instance, key: number): Promise<void> {
  const outdated = at.outdated[key]!;
  void fleet.serve(at, key).then((given) => {
    if (given?.fresh && given.version < outdated) broken.push(`${given.version} was given after ${outdated}`);
  });
}

const broken: string[] = [];

async function passed(at: Instance): Promise<void> {
  at.way.pass();
  await nextTurn();
}

test("whatever is delayed, lost, cut, trimmed, forgotten or replaced: nothing from before a purge is fresh once its instance has caught up, nor ever where the purge was asked for", async () => {
  const acts = fc.array(fc.tuple(fc.nat(37), fc.nat(INSTANCES - 1), fc.nat(KEYS - 1), fc.nat(15)), {
    minLength: 20,
    maxLength: 90,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(acts, async (steps) => {
      const fleet = new Fleet();
      try {
        broken.length = 0;
        await fleet.settle();
        for (const step of steps) await act(fleet, step);
        await fleet.settle();
        await fleet.check();
        await fleet.checkUse();
        assert.deepEqual(broken, []);
      } finally {
        await fleet.close();
      }
    }),
    { numRuns: Number(process.env["FLEET_RUNS"] ?? 120) },
  );
});
