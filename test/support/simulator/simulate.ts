import type { Limit } from "../../../src/admission/limits/limit.ts";
import { seeded } from "../traces.ts";
import { Fifo, type Call } from "./call.ts";
import { Dependency } from "./dependency.ts";
import type { Kind, Phase, Scenario } from "./scenario.ts";
import { noRoom, type Room } from "./room.ts";

/** How one run went. Latencies and limits in judged phases only. */
export interface Run {
  /** Work of calls that got their head in time, as a share of what was possible. */
  readonly served: number;
  /** Share of all calls that were refused in judged phases. */
  readonly refused: number;
  /** Milliseconds from arrival to head that 99 % of the served stay under. */
  readonly p99: number;
  /** Mean of the limit. */
  readonly limit: number;
  /** Limit over time: its mean over each 5 s, all phases. */
  readonly limits: readonly number[];
}

const TICK = 100;
const TICKS_A_STEP = 50;

/** Draws of one kind of work, mean and all. */
function draw({ mean, sigma }: Kind, random: () => number): number {
  if (sigma === 0) return mean;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return mean * Math.exp(sigma * normal - (sigma * sigma) / 2);
}

function pick(kinds: readonly Kind[], random: () => number): Kind {
  let left = random();
  for (const kind of kinds) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return kinds.at(-1)!;
}

/** Shares of critical, default and sheddable calls. */
const PRIORITIES = [0.15, 0.5, 1];

/** A gateway with `limit` in front of a dependency, open-loop arrivals; the same for the same seed. */
export function simulate(scenario: Scenario, limit: Limit, seed: number, room: Room = noRoom()): Run {
  const arrivals = seeded(seed);
  const work = seeded(seed + 7919);
  const tally = new Tally();
  const dependency = new Dependency(scenario.phases[0]!.capacity);
  const clients = new Fifo<Call>();
  const deadlineOf = (call: Call): number => call.deadline;
  let seats = 0;
  let now = 0;

  const sample = (call: Call, ending: "success" | "dropped"): void => {
    const { route, startedAt, inFlight } = call;
    limit.ended({ route, startedAt, latency: now - startedAt, inFlight, ending }, now);
  };

  const begin = (call: Call): void => {
    call.startedAt = now;
    call.inFlight = ++seats;
    call.state = "head";
    limit.began(call.route, now, seats);
    if (dependency.take(call, now)) clients.insert(call, deadlineOf);
    else {
      call.state = "gone";
      sample(call, "dropped");
      seats--;
    }
  };
  const fill = (): void => {
    while (seats < limit.seats(now)) {
      const call = room.next(now);
      if (!call) return;
      begin(call);
    }
  };
  const arrive = ({ kinds }: Phase): void => {
    const kind = pick(kinds, work);
    const chance = work();
    const call: Call = {
      route: kind.route,
      priority: PRIORITIES.findIndex((upTo) => chance < upTo),
      arrivedAt: now,
      head: draw(kind, work),
      body: kind.body ?? 0,
      deadline: now + scenario.patience,
      startedAt: 0,
      inFlight: 0,
      at: 0,
      state: "waiting",
    };
    tally.arrived(call);
    const allowed = limit.seats(now);
    if (seats < allowed && room.length === 0) begin(call);
    else if (!room.take(call, now, allowed)) tally.refused();
    else fill();
  };

  const step = (): void => {
    const call = dependency.step();
    if (!call) return;
    if (call.inFlight > 0) {
      sample(call, "success");
      tally.answered(call, now);
      call.inFlight = 0;
    }
    if (call.state === "over") {
      seats--;
      room.served(now - call.startedAt);
      fill();
    }
  };

  const lose = (): void => {
    const call = clients.shift()!;
    if (call.state !== "head") return;
    call.state = "gone";
    sample(call, "dropped");
    seats--;
    fill();
  };

  let ends = 0;
  let tick = TICK;
  for (const phase of scenario.phases) {
    ends += phase.seconds * 1000;
    tally.enter(phase);
    dependency.change(phase.capacity, now);
    const wait = (): number => (-Math.log(1 - arrivals()) * 1000) / phase.rate;
    let arrival = now + wait();
    for (;;) {
      const lost = clients.first?.deadline ?? Infinity;
      const due = Math.min(arrival, dependency.next, lost, tick, ends);
      now = due;
      if (due === dependency.next) step();
      else if (due === arrival) {
        arrive(phase);
        arrival = now + wait();
      } else if (due === lost) lose();
      else if (due === tick) {
        tally.tick(limit.seats(now));
        tick += TICK;
      } else break;
    }
  }
  return tally.run(room);
}

/** Counts of one run. */
class Tally {
  #phase: Phase | undefined;
  #judged = false;
  #arrived = 0;
  #refused = 0;
  #offered = 0;
  #possible = 0;
  #useful = 0;
  /** Of latencies, in steps of 2 %, from 0.1 ms. */
  readonly #histogram = new Float64Array(1024);
  #answers = 0;
  #limits = 0;
  #ticks = 0;
  #step = 0;
  #stepTicks = 0;
  readonly #trace: number[] = [];

  enter(phase: Phase): void {
    this.#close();
    this.#phase = phase;
    this.#judged = phase.judged;
  }

  arrived(call: Call): void {
    if (!this.#judged) return;
    this.#arrived++;
    this.#offered += call.head + call.body;
  }

  refused(): void {
    if (this.#judged) this.#refused++;
  }

  answered(call: Call, now: number): void {
    if (!this.#judged) return;
    this.#useful += call.head + call.body;
    this.#answers++;
    const place = Math.floor(Math.log(Math.max(0.1, now - call.arrivedAt) / 0.1) / Math.log(1.02));
    this.#histogram[Math.min(1023, place)]!++;
  }

  tick(limit: number): void {
    this.#step += limit;
    if (++this.#stepTicks === TICKS_A_STEP) {
      this.#trace.push(this.#step / TICKS_A_STEP);
      this.#step = this.#stepTicks = 0;
    }
    if (!this.#judged) return;
    this.#limits += limit;
    this.#ticks++;
  }

  run(room: Room): Run {
    this.#close();
    let left = this.#answers * 0.01;
    let place = 1023;
    while (place > 0 && (left -= this.#histogram[place]!) > 0) place--;
    return {
      served: this.#possible === 0 ? 1 : this.#useful / this.#possible,
      refused: (this.#refused + room.turnedAway) / Math.max(1, this.#arrived),
      p99: 0.1 * 1.02 ** (place + 0.5),
      limit: this.#limits / Math.max(1, this.#ticks),
      limits: this.#trace,
    };
  }

  #close(): void {
    if (!this.#phase || !this.#judged) return;
    const { slots, slowdown = 1 } = this.#phase.capacity;
    this.#possible += Math.min(this.#offered, (this.#phase.seconds * 1000 * slots) / slowdown);
    this.#offered = 0;
  }
}
