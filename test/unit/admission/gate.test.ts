import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Gate, type GateRules } from "../../../src/admission/gate.ts";
import { fixedLimit } from "../../../src/admission/limits/fixed.ts";
import type { Limit, Sample } from "../../../src/admission/limits/limit.ts";
import { Permit } from "../../../src/admission/permit.ts";
import type { Settled } from "../../../src/admission/waiter.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { PriorityClass } from "../../../src/core/exchange.ts";
import { AT_EASE, type OwnWork } from "../../../src/core/own-work.ts";
import type { Refused } from "../../../src/core/outcome.ts";
import { asking } from "../../support/asking.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const CAPS = [1000, 400, 300, 100, 20];

const seatsOf = (initial: number): Limit => fixedLimit({ initial, min: 1, max: initial });

interface Options {
  readonly seats?: number;
  readonly limit?: Limit;
  readonly rules?: Partial<GateRules>;
  readonly random?: number;
  readonly ownWork?: OwnWork;
}

function gateOf({ seats = 1, limit = seatsOf(seats), rules, random = 0.5, ownWork = AT_EASE }: Options = {}) {
  const clock = new ManualClock({ now: 1000 });
  const bus = createEventBus("gate-test");
  const gate = new Gate(
    limit,
    { mode: "enforce", caps: CAPS, depth: undefined, ...rules },
    {
      clock,
      random: () => random,
      bus,
      ownWork,
    },
  );
  return { gate, clock, bus };
}

function admitted(entry: Permit | Refused | Promise<Settled>): Permit {
  assert.ok(entry instanceof Permit, `no permit but ${JSON.stringify(entry)}`);
  return entry;
}

function refusedBy(entry: unknown): Refused {
  assert.equal((entry as Refused).kind, "refused", JSON.stringify(entry));
  return entry as Refused;
}

/** What became of a wait: undefined while it lasts. */
function watch(entry: Permit | Refused | Promise<Settled>): { settled: Settled | undefined } {
  assert.ok(entry instanceof Promise, "nothing is waited for");
  const watched: { settled: Settled | undefined } = { settled: undefined };
  void entry.then((settled) => (watched.settled = settled));
  return watched;
}

function admittedLater({ settled }: ReturnType<typeof watch>): Permit {
  assert.ok(settled instanceof Permit, `no permit but ${JSON.stringify(settled)}`);
  return settled;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Calls that took so long, one after the other, so that the gate knows the pace of its dependency. */
function teach(gate: Gate, clock: ManualClock, ms: number): void {
  for (let i = 0; i < 100; i++) {
    const permit = admitted(gate.enter(asking("bulk")));
    clock.advance(ms);
    permit.answered("success");
    permit.free();
  }
}

suite("a gate of a process that is itself full", () => {
  test("learns nothing of its dependency from what it has no time for, but for what is lost", () => {
    const samples: Sample[] = [];
    const limit: Limit = { seats: () => 5, began() {}, ended: (sample) => void samples.push(sample) };
    const ownWork = { full: true, seats: Number.POSITIVE_INFINITY };
    const { gate, clock } = gateOf({ limit, ownWork });
    const endings = ["success", "dropped", "success"] as const;
    for (const [i, ending] of endings.entries()) {
      ownWork.full = i < 2;
      const permit = admitted(gate.enter(asking()));
      clock.advance(30);
      permit.answered(ending);
      permit.free();
    }
    assert.deepEqual(
      samples.map(({ ending }) => ending),
      ["dropped", "success"],
    );
  });

  test("gives as many seats as the process can bear where the limit finds itself, never more than its most", () => {
    const ownWork = { full: true, seats: 70 };
    const seats = (rules: Partial<GateRules>) => gateOf({ seats: 5, rules, ownWork }).gate.read().limit;
    assert.equal(seats({ most: 1000 }), 70);
    assert.equal(seats({ most: 40 }), 40);
    assert.equal(seats({}), 5, "a fixed limit holds");
    ownWork.seats = Number.POSITIVE_INFINITY;
    assert.equal(seats({ most: 1000 }), 5);
  });
});

suite("a gate", () => {
  test("gives seats at once up to the limit, and has the next wait until one is free", async () => {
    const { gate } = gateOf({ seats: 2 });
    const first = admitted(gate.enter(asking()));
    const second = admitted(gate.enter(asking()));
    assert.deepEqual([first.seen.inFlight, second.seen.inFlight], [0, 1]);
    const third = watch(gate.enter(asking()));
    await turn();
    assert.equal(third.settled, undefined);
    assert.deepEqual([gate.inFlight, gate.queued], [2, 1]);
    first.free();
    assert.deepEqual([gate.inFlight, gate.queued], [2, 0]);
    await turn();
    admittedLater(third).free();
    second.free();
    assert.equal(gate.inFlight, 0);
  });

  test("counts a seat once, however often it is given back", () => {
    const { gate } = gateOf({ seats: 2 });
    const permit = admitted(gate.enter(asking()));
    admitted(gate.enter(asking()));
    permit.free();
    permit.free();
    assert.equal(gate.inFlight, 1);
  });

  test("refuses on arrival what would wait for longer than its class may: turns over the pace of the seats", () => {
    const { gate, clock } = gateOf({ seats: 4 });
    teach(gate, clock, 100);
    for (let i = 0; i < 4; i++) admitted(gate.enter(asking("bulk")));
    // 25 ms a turn: four sheddable ones wait for 25, 50, 75 and 100 ms; a fifth would be beyond the cap of 100.
    for (let i = 0; i < 4; i++) watch(gate.enter(asking("sheddable")));
    const refusal = refusedBy(gate.enter(asking("sheddable")));
    assert.equal(refusal.reason, "wait");
    assert.deepEqual(
      { ...refusal.admission, estimateMs: Math.round(refusal.admission!.estimateMs) },
      { limit: 4, inFlight: 4, ahead: 4, estimateMs: 125, capMs: 100, waitedMs: 0 },
    );
    assert.equal(refusedBy(gate.enter(asking("bulk"))).reason, "wait");
    watch(gate.enter(asking("default")));
  });

  test("whoever waits in vain has the next of its class refused at a forecast of less, for a while; not critical ones", () => {
    const { gate, clock } = gateOf({ seats: 10 });
    const forecastAt = (cls: PriorityClass): number => {
      for (;;) {
        const entry = gate.enter(asking(cls));
        if (entry instanceof Promise) watch(entry);
        else return Math.round(refusedBy(entry).admission!.estimateMs);
      }
    };
    const measure = (cls: PriorityClass): number => {
      const holders = Array.from({ length: 10 }, () => admitted(gate.enter(asking("bulk"))));
      const foreseen = forecastAt(cls);
      clock.advance(1000);
      for (const holder of holders) holder.free();
      return foreseen;
    };
    teach(gate, clock, 200);
    assert.equal(measure("default"), 320);
    // All sixteen were in vain, and six would have been enough.
    assert.equal(measure("default"), 140);
    clock.advance(10_000);
    assert.equal(measure("default"), 220);
    assert.deepEqual([measure("critical"), measure("critical")], [420, 420]);
  });

  test("a tenant that floods and waits in vain has none of the others refused that have nobody waiting", () => {
    const { gate, clock } = gateOf({ seats: 10 });
    teach(gate, clock, 200);
    const seated = (): Permit[] => Array.from({ length: 10 }, () => admitted(gate.enter(asking("bulk"))));
    const holders = seated();
    const flood = Array.from({ length: 30 }, () => gate.enter(asking("default", { tenant: "flood" })));
    assert.equal(flood.filter((entry) => entry instanceof Promise).length, 15);
    clock.advance(1000);
    for (const holder of holders) holder.free();
    seated();
    for (let i = 0; i < 6; i++) watch(gate.enter(asking("default", { tenant: "flood" })));
    assert.equal(refusedBy(gate.enter(asking("default", { tenant: "flood" }))).reason, "wait");
    // 20 ms a turn: the last of them has ten turns to wait, which is more than the flood may now.
    for (let i = 0; i < 8; i++) watch(gate.enter(asking("default", { tenant: `small-${i}` })));
  });

  test("critical ones wait up to their whole cap where the others would have been refused on arrival", () => {
    const { gate, clock } = gateOf({ seats: 1 });
    teach(gate, clock, 100);
    admitted(gate.enter(asking("critical")));
    // 100 ms a turn, caps of 400 and 300 ms.
    for (let i = 0; i < 3; i++) watch(gate.enter(asking("critical")));
    assert.equal(gate.queued, 3);
    assert.equal(refusedBy(gate.enter(asking("default"))).reason, "wait");
    watch(gate.enter(asking("critical")));
    assert.equal(refusedBy(gate.enter(asking("critical"))).reason, "wait");
  });

  test("a class whose share goes to the ones above it is refused before it waits in vain", () => {
    const { gate, clock } = gateOf({ seats: 1 });
    // Nine tenths of the only seat go to critical requests of 9 ms: what is left is a tenth of its pace.
    for (let i = 0; i < 200; i++) {
      const permit = admitted(gate.enter(asking("critical")));
      clock.advance(9);
      permit.answered("success");
      permit.free();
      clock.advance(1);
    }
    admitted(gate.enter(asking("critical")));
    for (let i = 0; i < 3; i++) watch(gate.enter(asking("default")));
    const refusal = refusedBy(gate.enter(asking("default")));
    assert.equal(refusal.reason, "wait");
    assert.ok(Math.abs(refusal.admission!.estimateMs - 360) < 40, `${refusal.admission!.estimateMs} ms`);
  });

  test("refuses what could not be answered before its deadline, and what is past it already", () => {
    const { gate, clock } = gateOf({ seats: 1 });
    teach(gate, clock, 50);
    const now = clock.now();
    admitted(gate.enter(asking("default", { deadline: now + 1 })));
    // 50 ms for a seat and 50 for the answer.
    assert.equal(refusedBy(gate.enter(asking("default", { deadline: now + 90 }))).reason, "deadline");
    watch(gate.enter(asking("default", { deadline: now + 120 })));
    assert.equal(refusedBy(gate.enter(asking("system", { deadline: now }))).reason, "deadline");
  });

  test("a dependency that hangs is seen before any of its calls has ended", () => {
    const { gate, clock } = gateOf({ seats: 10 });
    teach(gate, clock, 10);
    for (let i = 0; i < 10; i++) admitted(gate.enter(asking()));
    watch(gate.enter(asking("system")));
    clock.advance(990);
    // Of ten seats none has come free for a second: a turn takes a tenth of that, as far as is known.
    watch(gate.enter(asking("default")));
    assert.equal(refusedBy(gate.enter(asking())).reason, "wait");
  });

  test("whoever has waited as long as its class may is refused by the next sweep, and the sweep rests when nobody waits", async () => {
    const { gate, clock } = gateOf();
    const holder = admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking("sheddable")));
    assert.equal(clock.pending, 1);
    clock.advance(99);
    await turn();
    assert.equal(waits.settled, undefined);
    clock.advance(11);
    await turn();
    const refusal = refusedBy(waits.settled);
    assert.equal(refusal.reason, "wait");
    assert.ok(refusal.admission!.waitedMs >= 100 && refusal.admission!.waitedMs <= 110);
    assert.equal(clock.pending, 0);
    holder.free();
    assert.equal(clock.pending, 0);
  });

  test("nobody waits beyond a deadline less the usual time of an answer", async () => {
    const { gate, clock } = gateOf();
    teach(gate, clock, 40);
    admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking("critical", { deadline: clock.now() + 100 })));
    clock.advance(50);
    await turn();
    assert.equal(waits.settled, undefined);
    clock.advance(20);
    await turn();
    assert.equal(refusedBy(waits.settled).reason, "deadline");
  });

  test("no timer and no promise while seats are free", () => {
    const { gate, clock } = gateOf({ seats: 3 });
    for (let i = 0; i < 3; i++) admitted(gate.enter(asking()));
    assert.equal(clock.pending, 0);
  });

  test("a client that leaves takes its place with it at once, and what listened for it is let go", async () => {
    const { gate, clock } = gateOf();
    const holder = admitted(gate.enter(asking()));
    const leaves = asking("critical");
    const gone = watch(gate.enter(leaves));
    const stays = asking();
    const waits = watch(gate.enter(stays));
    leaves.departure.leave();
    assert.equal(gate.queued, 1);
    holder.free();
    await turn();
    assert.deepEqual(
      [(gone.settled as { reason?: string }).reason, waits.settled instanceof Permit],
      ["client-gone", true],
    );
    assert.equal(stays.departure.listeners, 0);
    assert.deepEqual([gate.inFlight, gate.queued, clock.pending], [1, 0, 0]);
  });

  test("a seat that comes free because a client leaves is not lost on what else that client waits for", async () => {
    const { gate } = gateOf();
    const one = asking();
    const holder = admitted(gate.enter(one));
    one.departure.onGone(() => holder.free());
    const waits = watch(gate.enter(one));
    one.departure.leave();
    await turn();
    // It was given its seat before it could be told that it waits no more; whoever uses a permit sees that its client is gone.
    admittedLater(waits).free();
    assert.deepEqual([gate.inFlight, gate.queued], [0, 0]);
  });

  test("whoever has waited in vain gets no seat, though the sweep comes late", async () => {
    const { gate, clock } = gateOf();
    const holder = admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking("sheddable")));
    clock.advance(90);
    clock.setNow(clock.now() + 15);
    holder.free();
    await turn();
    assert.equal(refusedBy(waits.settled).reason, "wait");
    assert.deepEqual([gate.inFlight, gate.queued, clock.pending], [0, 0, 0]);
  });

  test("while the process itself stands still nobody waits in vain, and no dependency seems to hang", async () => {
    const { gate, clock } = gateOf({ seats: 10 });
    teach(gate, clock, 10);
    const holders = Array.from({ length: 10 }, () => admitted(gate.enter(asking())));
    const waits = watch(gate.enter(asking()));
    clock.setNow(clock.now() + 5000);
    const later = watch(gate.enter(asking()));
    clock.advance(1);
    await turn();
    assert.deepEqual([waits.settled, later.settled], [undefined, undefined]);
    for (const holder of holders) holder.free();
    await turn();
    assert.equal(admittedLater(waits).seen.waitedMs, 5001);
    admittedLater(later);
  });

  test("a deadline passes while the process stands still, too", async () => {
    const { gate, clock } = gateOf();
    const holder = admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking("default", { deadline: clock.now() + 200 })));
    clock.setNow(clock.now() + 500);
    holder.free();
    await turn();
    assert.equal(refusedBy(waits.settled).reason, "deadline");
  });

  test("a client that has left before it asked gets no place", async () => {
    const { gate, clock } = gateOf();
    admitted(gate.enter(asking()));
    const late = asking();
    late.departure.leave();
    const gone = watch(gate.enter(late));
    await turn();
    assert.equal((gone.settled as { reason?: string }).reason, "client-gone");
    assert.deepEqual([gate.queued, clock.pending], [0, 0]);
  });

  test("a full queue sheds the newest of the lowest class for a better one, and refuses the lowest", async () => {
    const { gate } = gateOf({ rules: { depth: 2 } });
    admitted(gate.enter(asking()));
    const kept = watch(gate.enter(asking("sheddable")));
    const shed = watch(gate.enter(asking("sheddable")));
    assert.equal(refusedBy(gate.enter(asking("sheddable"))).reason, "full");
    const better = watch(gate.enter(asking("critical")));
    await turn();
    assert.equal(refusedBy(shed.settled).reason, "shed");
    assert.deepEqual([kept.settled, better.settled], [undefined, undefined]);
    assert.equal(gate.queued, 2);
  });

  test("five times the limit may wait, 20 at least, and all that have their turn within 150 ms", () => {
    for (const [seats, ms, depth] of [
      [1, 100, 20],
      [4, 100, 20],
      [10, 100, 50],
      [10, 10, 150],
    ] as const) {
      const { gate, clock } = gateOf({ seats, rules: { caps: CAPS.map(() => 1e9) } });
      teach(gate, clock, ms);
      for (let i = 0; i < seats + depth; i++) void gate.enter(asking());
      assert.deepEqual([gate.inFlight, gate.queued], [seats, depth]);
      assert.equal(refusedBy(gate.enter(asking())).reason, "full");
    }
  });

  test("a limit that falls lets nobody in until enough have left, and one that rises wakes those who wait", async () => {
    let seats = 4;
    const limit: Limit = { ...seatsOf(1), seats: () => seats };
    const { gate, clock } = gateOf({ limit });
    const holders = Array.from({ length: 4 }, () => admitted(gate.enter(asking())));
    const waits = [watch(gate.enter(asking())), watch(gate.enter(asking())), watch(gate.enter(asking()))];
    seats = 2;
    holders[0]!.free();
    holders[1]!.free();
    await turn();
    assert.deepEqual([gate.inFlight, gate.queued], [2, 3]);
    holders[2]!.free();
    assert.deepEqual([gate.inFlight, gate.queued], [2, 2]);
    seats = 4;
    clock.advance(10);
    await turn();
    assert.deepEqual([gate.inFlight, gate.queued], [4, 0]);
    assert.ok(waits.every(({ settled }) => settled instanceof Permit));
  });

  test("nobody who comes later passes those who wait when a limit has risen", async () => {
    let seats = 1;
    const { gate } = gateOf({ limit: { ...seatsOf(1), seats: () => seats } });
    admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking()));
    seats = 2;
    const later = watch(gate.enter(asking()));
    await turn();
    assert.ok(waits.settled instanceof Permit);
    assert.equal(later.settled, undefined);
  });

  test("the limit is told of the route, the time to the head and the seats taken; of what tells nothing it is not", () => {
    const began: unknown[] = [];
    const samples: Sample[] = [];
    const limit: Limit = {
      seats: () => 2,
      began: (...told) => void began.push(told),
      ended: (sample) => void samples.push(sample),
    };
    const { gate, clock } = gateOf({ limit });
    const [first, second] = [admitted(gate.enter(asking())), admitted(gate.enter(asking()))];
    clock.advance(30);
    first.answered("success");
    clock.advance(70);
    first.free();
    second.answered("ignore");
    second.free();
    admitted(gate.enter(asking())).answered("dropped");
    assert.deepEqual(began, [
      ["route", 1000, 1],
      ["route", 1000, 2],
      ["route", 1100, 1],
    ]);
    assert.deepEqual(samples, [
      { route: "route", startedAt: 1000, latency: 30, inFlight: 1, ending: "success" },
      { route: "route", startedAt: 1100, latency: 0, inFlight: 1, ending: "dropped" },
    ]);
  });

  test("says when to come again by class, spread out by chance; not to whom coming again cannot help", () => {
    const hints = [0, 0.999].map((random) => {
      const { gate } = gateOf({ rules: { depth: 0 }, random });
      admitted(gate.enter(asking()));
      return (["system", "critical", "default", "sheddable", "bulk"] as const).map((cls) =>
        Math.round(refusedBy(gate.enter(asking(cls))).retryAfterMs! / 100),
      );
    });
    assert.deepEqual(hints, [
      [5, 5, 10, 25, 75],
      [15, 15, 30, 75, 225],
    ]);
    const { gate } = gateOf();
    assert.equal(refusedBy(gate.enter(asking("default", { deadline: 0 }))).retryAfterMs, undefined);
  });

  test("in shadow everybody gets a seat, and who would have been refused is counted by reason and class", (t) => {
    const { gate, clock, bus } = gateOf({
      seats: 2,
      rules: { mode: "shadow", depth: 3, caps: [1000, 400, 600, 100, 20] },
    });
    teach(gate, clock, 100);
    const told: string[] = [];
    t.after(bus.subscribe("spillway:would-refuse", (event) => told.push(`${event.reason} ${event.class}`)));
    for (let i = 0; i < 4; i++) admitted(gate.enter(asking("default")));
    admitted(gate.enter(asking("bulk")));
    admitted(gate.enter(asking("default", { deadline: clock.now() })));
    admitted(gate.enter(asking("default")));
    admitted(gate.enter(asking("critical")));
    const { mode, limit, inFlight, refused, wouldRefuse } = gate.read();
    assert.deepEqual({ mode, limit, inFlight, refused }, { mode: "shadow", limit: 2, inFlight: 8, refused: [] });
    assert.deepEqual(wouldRefuse, [
      { reason: "shed", class: "bulk", count: 2 },
      { reason: "wait", class: "bulk", count: 1 },
      { reason: "deadline", class: "default", count: 1 },
    ]);
    assert.deepEqual(told, ["wait bulk", "deadline default", "shed bulk", "shed bulk"]);
  });

  test("when it is off everybody gets a seat and nothing is counted but who is in flight", () => {
    const { gate } = gateOf({ rules: { mode: "off" } });
    for (let i = 0; i < 5; i++) admitted(gate.enter(asking("bulk")));
    const { limit, inFlight, wouldRefuse } = gate.read();
    assert.deepEqual({ limit, inFlight, wouldRefuse }, { limit: undefined, inFlight: 5, wouldRefuse: [] });
  });

  test("other rules are in force at once: who waits is let in when the gate is turned off, or the limit rises", async () => {
    const { gate, clock } = gateOf();
    admitted(gate.enter(asking()));
    const waits = [watch(gate.enter(asking())), watch(gate.enter(asking()))];
    gate.configure({ mode: "enforce", caps: CAPS, depth: undefined }, seatsOf(2));
    await turn();
    assert.deepEqual([waits[0]!.settled instanceof Permit, waits[1]!.settled], [true, undefined]);
    gate.configure({ mode: "off", caps: CAPS, depth: undefined });
    await turn();
    assert.ok(waits[1]!.settled instanceof Permit);
    assert.deepEqual([gate.inFlight, gate.queued, clock.pending], [3, 0, 0]);
  });

  test("once closed it refuses those who wait and those who come, and leaves no timer", async () => {
    const { gate, clock } = gateOf();
    const holder = admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking()));
    gate.close();
    assert.equal(refusedBy(gate.enter(asking("system"))).reason, "shed");
    await turn();
    assert.equal(refusedBy(waits.settled).reason, "shed");
    holder.free();
    assert.deepEqual([gate.inFlight, gate.queued, clock.pending], [0, 0, 0]);
  });

  test("a reading tells seats, waits and refusals", async () => {
    const { gate, clock } = gateOf({ rules: { depth: 1 } });
    const holder = admitted(gate.enter(asking()));
    const waits = watch(gate.enter(asking()));
    refusedBy(gate.enter(asking()));
    const { queued, refused } = gate.read();
    assert.equal(queued.default, 1);
    assert.deepEqual(refused, [{ reason: "full", class: "default", count: 1 }]);
    clock.advance(7);
    holder.answered("success");
    holder.free();
    await turn();
    admittedLater(waits).free();
    const { waits: buckets, waitedMs, serviceMs } = gate.read();
    assert.deepEqual([buckets[0], buckets[4], waitedMs, serviceMs], [1, 1, 7, 7]);
  });
});
