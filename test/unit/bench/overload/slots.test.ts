import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Slots, type SlotsClock, type SlotsState } from "../../../../loadtests/bench/overload/slots.ts";

const STATE: SlotsState = { slots: 2, factor: 1, retrograde: 0, hang: false };

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that stands until it is moved; every timer fires `late` milliseconds after it should. */
class LateClock implements SlotsClock {
  #now = 0;
  #timers: Timer[] = [];
  readonly #late: number;

  constructor(late = 0) {
    this.#late = late;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): void {
    this.#timers.push({ at: this.#now + milliseconds + this.#late, run });
  }

  advance(to: number): void {
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > to) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = to;
  }
}

function served(slots: Slots, count: number, service: number, clock: LateClock): number[] {
  const ends: number[] = [];
  for (let i = 0; i < count; i++) slots.offer(service, () => ends.push(clock.now()));
  return ends;
}

suite("slots of a simulated dependency", () => {
  test("as many at once as there are slots, the others in the order of their coming", () => {
    const clock = new LateClock();
    const ends = served(new Slots(STATE, clock), 5, 50, clock);
    clock.advance(1000);
    assert.deepEqual(ends, [50, 50, 100, 100, 150]);
  });

  test("what waits for a client that has gone is done all the same, and counted as wasted", () => {
    const clock = new LateClock();
    const slots = new Slots({ ...STATE, slots: 1 }, clock);
    slots.offer(50, () => {});
    const second = slots.offer(20, () => {});
    second.gone = true;
    clock.advance(1000);
    const { served: count, wasted, servedMs, wastedMs } = slots.read();
    assert.deepEqual({ count, wasted, servedMs, wastedMs }, { count: 2, wasted: 1, servedMs: 70, wastedMs: 20 });
  });

  test("timers that fire late do not make it slower than it says: 10 slots of 50 ms are 200 a second", () => {
    const clock = new LateClock(0.7);
    const slots = new Slots({ ...STATE, slots: 10 }, clock);
    const ends = served(slots, 4000, 50, clock);
    clock.advance(10_000);
    assert.ok(Math.abs(ends.length / 10 - 200) < 2, `${ends.length / 10} a second`);
  });

  test("a slot that was free for a while after a late timer is not faster than its service by more than that lateness", () => {
    const clock = new LateClock(5);
    const slots = new Slots({ ...STATE, slots: 1 }, clock);
    const ends = served(slots, 1, 50, clock);
    clock.advance(1000);
    slots.offer(50, () => ends.push(clock.now()));
    clock.advance(2000);
    assert.deepEqual(ends, [55, 1050]);
  });

  test("fewer slots let what is under way finish and begin nothing more", () => {
    const clock = new LateClock();
    const slots = new Slots(STATE, clock);
    const ends = served(slots, 4, 50, clock);
    slots.set({ slots: 1 });
    clock.advance(1000);
    assert.deepEqual(ends, [50, 50, 100, 150]);
  });

  test("more slots take what waits at once", () => {
    const clock = new LateClock();
    const slots = new Slots({ ...STATE, slots: 1 }, clock);
    const ends = served(slots, 3, 50, clock);
    clock.advance(10);
    slots.set({ slots: 3 });
    clock.advance(1000);
    assert.deepEqual(ends, [50, 60, 60]);
  });

  test("one that hangs takes requests and does nothing with them until it no longer does", () => {
    const clock = new LateClock();
    const slots = new Slots({ ...STATE, hang: true }, clock);
    const ends = served(slots, 2, 50, clock);
    clock.advance(500);
    assert.deepEqual([ends.length, slots.read().queued], [0, 2]);
    slots.set({ hang: false });
    clock.advance(1000);
    assert.deepEqual(ends, [550, 550]);
  });

  test("a factor makes it slower, and a retrograde one more so the more wait", () => {
    const clock = new LateClock();
    const slower = new Slots({ ...STATE, slots: 1, factor: 2 }, clock);
    const worse = new Slots({ ...STATE, slots: 1, retrograde: 0.1 }, clock);
    const [ends, retrograde] = [served(slower, 1, 50, clock), served(worse, 3, 50, clock)];
    clock.advance(1000);
    assert.deepEqual(ends, [100]);
    // The first began when nothing waited, the second when one did.
    assert.deepEqual(retrograde, [50, 105, 155]);
  });

  test("the most in flight is counted from one reading to the next", () => {
    const clock = new LateClock();
    const slots = new Slots(STATE, clock);
    served(slots, 5, 50, clock);
    assert.equal(slots.read().mostInFlight, 5);
    clock.advance(100);
    assert.equal(slots.read().mostInFlight, 5);
    assert.equal(slots.read().mostInFlight, 1);
  });
});
