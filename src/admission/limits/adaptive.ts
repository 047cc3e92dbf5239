import type { Random } from "../../core/clock.ts";
import { Baselines } from "./baseline.ts";
import { Drain } from "./drain.ts";
import { within, type Bounds, type Limit, type Sample } from "./limit.ts";
import { Load, type Reading } from "./load.ts";
import { Losses } from "./losses.ts";

/** Seats for what the dependency uses: half a root or a tenth more, so that its queue is hardly ever empty and always short. */
const roomy = (used: number): number => used + Math.max(1.5 + 0.5 * Math.sqrt(used), 0.1 * used);

/** Growth a window until calls wait for the first time. */
const SLOW_START = 1.5;
/** Share of the way to a new limit that one window goes, and the farthest it may go at once. */
const SMOOTHING = 0.5;
const MOST_UP = 1.5;
const MOST_DOWN = 0.5;
/** What is left of the limit after a window with drops. */
const BACKOFF = 0.9;
/** Of the limit, the mean of seats taken from which on it is what holds the load back. */
const FULL = 0.85;
/** The limit grows to so many times what was used at most. */
const BEYOND = 2;
/** Slowdown that shows a queue inside the dependency, and one that shows none. */
const QUEUE = 1.25;
const NO_QUEUE = 1.2;
/** Growth a window later, while calls are no slower than that, less what may be chance. */
const GROWTH = 1.15;
const CLEAR = 1.05;
/** Of the seats taken, those in use from which on a drain has shown that nobody waits: slow start again. */
const NO_DOUBT = 0.9;
/** Growth in all, of slow start, before a drain has to prove that nobody waits. */
const PROOF = 8;
/** Share of the last proven capacity below which a reading is proven by a drain at once. */
const DOUBTFUL = 0.7;
/** Milliseconds: shortest window, longest one, and a silence after which a window starts anew. */
const SHORTEST = 100;
/** The same in slow start: the requests that come to a gateway that has just started must not wait for its windows. */
const SHORTEST_START = 20;
const LONGEST = 10_000;
const SILENCE = 5000;
/** The first window lasts so many mean latencies: until the slow ones of the first calls have ended, too. */
const FRESH = 4;
/** Calls of a window: four a seat within these bounds. */
const FEWEST = 30;
const ENOUGH = 200;
/** Share of the seats up to which a call is sure to meet nobody waiting. */
const CALM = 0.5;
/** Share of them up to which a call that is dropped is none of an overload. */
const LONE = 0.1;
/** Calm in seats, before anything is known. */
const FIRST = 10;

/**
 * As many seats as the dependency makes use of, and a few more. What calls wait inside it shows by how much slower they are
 * than their route's baseline, so that a heavier mix of routes is no overload; the baseline is taken while little is under
 * way, and under lasting load by short drains, so that it does not drift. Little's law does the rest: seats that are taken
 * less seats whose calls wait inside = seats in use.
 */
export function adaptiveLimit(bounds: Bounds, random: Random): Limit {
  const limit = new AdaptiveLimit(bounds, random);
  return {
    seats: (now) => limit.seats(now),
    began: (route, now, inFlight) => limit.began(route, now, inFlight),
    ended: (sample, now) => limit.ended(sample, now),
  };
}

class AdaptiveLimit implements Limit {
  readonly #bounds: Bounds;
  readonly #baselines = new Baselines();
  readonly #load = new Load(this.#baselines);
  readonly #losses = new Losses();
  readonly #drain: Drain;
  #exact: number;
  #starting = true;
  /** The limit when a drain last proved it. */
  #proof: number;
  #fresh = true;
  /** The limit, not the load, says how many calls are under way. */
  #held = true;
  /** Seats in use when the limit last held the load back; undefined before. */
  #proven: number | undefined;
  #slowdown = 1;
  /** Mean milliseconds to the head. */
  #latency = 0;
  #heard = Number.NEGATIVE_INFINITY;
  /** Successes that began before that tell nothing: the clock, or this process, stood still. */
  #ignored = Number.NEGATIVE_INFINITY;
  #settled = Number.NEGATIVE_INFINITY;

  constructor(bounds: Bounds, random: Random) {
    this.#bounds = bounds;
    this.#exact = within(bounds, bounds.initial);
    this.#proof = this.#exact;
    this.#drain = new Drain(bounds.min, random);
  }

  seats(now: number): number {
    return within(this.#bounds, this.#drain.cap(this.#exact, now));
  }

  began(_route: string, now: number, inFlight: number): void {
    this.#hear(now);
    if (!(inFlight >= 1 && inFlight < Infinity)) return;
    this.#drain.began(now, inFlight, this.#alone, this.#latency);
    if (now >= this.#settled) this.#load.began(inFlight);
  }

  ended(sample: Sample, now: number): void {
    this.#hear(now);
    const { latency, inFlight } = sample;
    if (!(latency >= 0 && latency < Infinity && inFlight >= 1)) return;
    this.#learn(sample, Math.max(latency, Number.MIN_VALUE), now);
    if (this.#drain.active) {
      if (this.#drain.over(now, this.#latency)) this.#judge(now);
      return;
    }
    if (this.#ready(now)) this.#decide(this.#load.read(now), now);
  }

  /** After a silence what was gathered is no window any more. */
  #hear(now: number): void {
    if (now - this.#heard > Math.max(SILENCE, 10 * this.#latency)) {
      this.#ignored = now;
      this.#settled = now;
      this.#load.start(now);
      this.#drain.stop();
    }
    if (now > this.#heard) this.#heard = now;
  }

  #learn({ route, startedAt, inFlight, ending }: Sample, latency: number, now: number): void {
    const baseline = this.#baselines.of(route);
    const success = ending === "success";
    if (success && startedAt < this.#ignored) return;
    const measured = this.#drain.measures(startedAt, inFlight);
    const calm = measured || inFlight <= this.#calm;
    if (measured) this.#drain.ended();
    if (measured || inFlight <= Math.max(this.#bounds.min, LONE * this.#exact)) this.#losses.saw(!success);
    if (success && measured) baseline.drained.add(latency);
    else if (success && calm) baseline.learn(latency);
    else if (success) baseline.guess(latency, this.#slowdown);
    if (now < this.#settled || this.#drain.active) return;
    if (!success) this.#load.dropped();
    if (success || latency > baseline.mean) this.#load.ended(latency, baseline);
  }

  /** Seats taken up to which a call is held to have met nobody waiting. */
  get #calm(): number {
    if (this.#proven !== undefined) return Math.max(1, CALM * Math.min(this.#exact, this.#proven));
    return this.#held ? Math.min(this.#exact, FIRST) : CALM * this.#exact;
  }

  #ready(now: number): boolean {
    const { since, calls, latency } = this.#load;
    const gathered = now - since;
    const shortest = this.#starting ? SHORTEST_START : SHORTEST;
    if (gathered < Math.max(shortest, (this.#fresh ? FRESH : 1) * latency)) return false;
    if (gathered >= Math.max(LONGEST, 20 * latency)) return true;
    if (this.#starting) return calls >= Math.min(20, Math.max(8, this.#exact));
    return calls >= Math.min(ENOUGH, Math.max(FEWEST, 4 * this.#exact));
  }

  #decide(reading: Reading, now: number): void {
    const before = this.#exact;
    this.#fresh = false;
    if (reading.calls > 0) {
      this.#slowdown = Math.max(1, reading.slowdown);
      this.#latency = reading.latency;
    }
    if (reading.steady && reading.slowdown + 3 * reading.error < 0.9) {
      for (const baseline of this.#baselines.all()) baseline.scale(reading.slowdown);
      this.#drain.soon(now, this.#alone);
    } else if (reading.calls + reading.dropped >= 5) this.#adjust(reading, now);
    if (this.#losses.unusual(reading.dropped, reading.calls + reading.dropped)) {
      this.#starting = false;
      this.#set(Math.min(this.#exact, before * BACKOFF));
    } else if (this.#exact < CALM * (this.#proven ?? 0)) this.#starting = true;
    this.#next(now, before);
  }

  #adjust(reading: Reading, now: number): void {
    const { slowdown, error, mean, most, used } = reading;
    const limit = within(this.#bounds, this.#exact);
    this.#held = mean >= FULL * limit;
    if (reading.calls === 0) {
      if (reading.dropped === 0 && this.#held) this.#set(limit + 1);
      return;
    }
    if (!this.#held) {
      if (most >= limit && slowdown < NO_QUEUE) this.#grow(this.#exact * QUEUE, most);
      else if (slowdown - 2 * error > BEYOND && roomy(used) < this.#exact) this.#set(Math.max(mean, roomy(used)));
      return;
    }
    const doubtful = used < DOUBTFUL * (this.#proven ?? used);
    if (this.#starting) {
      const queue = slowdown > 2 * QUEUE || slowdown - error > QUEUE;
      if (!queue && !this.#unproven) {
        this.#grow(this.#exact * SLOW_START, most);
        return;
      }
      if (this.#unproven || this.#proven === undefined) this.#drain.now(now);
      this.#starting = !queue;
    }
    if (this.#drain.start(now, { used, taken: mean }, this.#alone, this.#latency, doubtful)) return;
    if (slowdown - error < CLEAR) {
      this.#grow(this.#exact * GROWTH, most);
      return;
    }
    const target = roomy(doubtful ? DOUBTFUL * (this.#proven ?? used) : used);
    const wanted = this.#exact + SMOOTHING * (target - this.#exact);
    this.#set(Math.max(MOST_DOWN * this.#exact, Math.min(MOST_UP * this.#exact, wanted)));
  }

  /** What the drain measured becomes the baseline, and the last reading is read again with it. */
  #judge(now: number): void {
    const { taken, used } = this.#drain.stop();
    let moved = 0;
    let weights = 0;
    let most = 0;
    for (const baseline of this.#baselines.all()) {
      const { drained, mean } = baseline;
      const weight = drained.sum;
      baseline.settle();
      if (!(weight > 0 && mean > 0)) continue;
      weights += weight;
      moved += (weight * baseline.mean) / mean;
      most = Math.max(most, Math.abs(baseline.mean / mean - 1));
    }
    const before = this.#exact;
    const proven = Math.min(taken, used * (weights > 0 ? moved / weights : 1));
    this.#proven = proven;
    this.#starting = proven > NO_DOUBT * taken;
    this.#proof = this.#exact;
    this.#set(Math.max(MOST_DOWN * before, Math.min(MOST_UP * before, roomy(proven))));
    this.#drain.plan(now, this.#alone, most);
    this.#next(now, before);
  }

  /** Milliseconds that a mean call takes while nobody waits. */
  get #alone(): number {
    return this.#latency / this.#slowdown;
  }

  /** Grown so far without any drain that it is time for one. */
  get #unproven(): boolean {
    return this.#exact >= Math.min(PROOF * this.#proof, this.#bounds.max) && this.#exact > this.#proof;
  }

  #grow(wanted: number, most: number): void {
    this.#set(Math.max(this.#exact, Math.min(wanted, BEYOND * most)));
  }

  #set(seats: number): void {
    this.#exact = Math.max(this.#bounds.min, Math.min(this.#bounds.max, seats));
  }

  /** The next window; calls of before a smaller limit are given the time to end. */
  #next(now: number, before: number): void {
    this.#settled = this.#exact < 0.95 * before ? now + this.#latency : now;
    this.#load.start(this.#settled);
  }
}
