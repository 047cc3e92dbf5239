import type { Cancel, Clock, Random } from "../core/clock.ts";
import type { AdmissionReading } from "../core/dependency-reading.ts";
import type { EventBus } from "../core/events.ts";
import type { PriorityClass } from "../core/exchange.ts";
import { failed, type AdmissionSeen, type Refused } from "../core/outcome.ts";
import { Caution } from "./caution.ts";
import { AT_EASE, type OwnWork } from "../core/own-work.ts";
import { CLASSES, RANKS } from "./classes.ts";
import { GateFigures, type GateReason } from "./figures.ts";
import type { Desk, Lenders } from "./lending.ts";
import type { Limit } from "./limits/limit.ts";
import { Pace } from "./pace.ts";
import { Permit, type Ending, type Seats } from "./permit.ts";
import { Queue } from "./queue.ts";
import { RunningTime } from "./running-time.ts";
import { refusal } from "./refusal.ts";
import { slotsOf } from "./tenant-hash.ts";
import { COHORTS, SLOTS } from "./tenant-line.ts";
import { Waiter, type Asking, type Settled } from "./waiter.ts";

/** How a gate treats those who ask. */
export interface GateRules {
  /** `shadow`: everybody is let in, and who would have been refused is counted. `off`: everybody is let in. */
  readonly mode: "enforce" | "shadow" | "off";
  /** Longest wait of each class in milliseconds, by rank. */
  readonly caps: readonly number[];
  /** How many may wait; undefined: five times the limit, at least 20, and all that have their turn within 150 ms. */
  readonly depth: number | undefined;
  /** Seats that a limit which finds itself never exceeds; undefined: it does not, and its seats are what they are. */
  readonly most?: number | undefined;
}

export interface GateParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  /** Default: time to spare. */
  readonly ownWork?: OwnWork;
}

/** Milliseconds between two looks at those who wait, while somebody does. */
const SWEEP = 10;
/** How many may wait where nobody says: so many, so many a seat, and those that have their turn within so many milliseconds. */
const LEAST_DEPTH = 20;
const DEPTH_PER_SEAT = 5;
const DEPTH_MS = 150;
/** Milliseconds. */
const SALT_FOR = 5_000;

interface Estimate {
  readonly estimateMs: number;
  /** Whether others wait in its sub-queue. */
  readonly behind: boolean;
}

/** What stands between an exchange and its place in the queue, or is the reason for none. */
interface Forecast extends Pick<Estimate, "behind"> {
  readonly reason: GateReason | undefined;
  readonly slot: number;
  readonly until: number;
  readonly seen: AdmissionSeen;
}

/**
 * The seats of one dependency: who gets one, who waits, and who is told at once that it would wait in vain. A seat is
 * taken in the same turn in which the limit was looked at, so there are never more than the limit says.
 */
export class Gate implements Seats {
  readonly #figures = new GateFigures();
  readonly #clock: Clock;
  readonly #bus: EventBus;
  readonly #random: Random;
  readonly #pace: Pace;
  readonly #queue: Queue<Waiter>;
  readonly #caution = new Caution();
  /** For those who have their own tenant's requests before them: one who floods makes itself wait in vain, not the others. */
  readonly #behindOwn = new Caution();
  readonly #time = new RunningTime();
  readonly #ownWork: OwnWork;
  #limit: Limit;
  #rules: GateRules;
  #taken = 0;
  readonly #borrowed: Record<Lenders, number> = { workers: 0, fleet: 0 };
  readonly #takenBy = new Uint32Array(CLASSES.length);
  #salt = 0;
  #saltedAt = 0;
  #sweep: Cancel | undefined;
  #closed = false;

  constructor(limit: Limit, rules: GateRules, { clock, random, bus, ownWork = AT_EASE }: GateParts) {
    this.#ownWork = ownWork;
    this.#bus = bus;
    this.#limit = limit;
    this.#rules = rules;
    this.#clock = clock;
    this.#random = random;
    this.#pace = new Pace(clock.now());
    this.#queue = new Queue(rules.caps);
  }

  /** Seats that are taken. */
  get inFlight(): number {
    return this.#taken;
  }

  /** How many wait. */
  get queued(): number {
    return this.#queue.size;
  }

  read(): AdmissionReading {
    const { mode } = this.#rules;
    const waiting = (name: PriorityClass): number => this.#queue.waiting(RANKS[name]);
    return {
      mode,
      limit: mode === "off" ? undefined : this.#seatsAt(this.#clock.now()),
      inFlight: this.#taken,
      queued: {
        system: waiting("system"),
        critical: waiting("critical"),
        default: waiting("default"),
        sheddable: waiting("sheddable"),
        bulk: waiting("bulk"),
      },
      serviceMs: this.#pace.heldMs,
      ...this.#figures.read(),
    };
  }

  /** What it has to lend to others of a kind, or would borrow from them; undefined where it refuses nobody. */
  desk(among: Lenders): Desk | undefined {
    if (this.#rules.mode !== "enforce") return undefined;
    const own = Math.max(0, this.#seatsAt(this.#clock.now()) - this.#borrowed[among]);
    return { own, wants: CLASSES.map((_, rank) => this.#takenBy[rank]! + this.#queue.waiting(rank)) };
  }

  /** Seats of others that are its own until the next call about them; negative: it has lent so many. */
  borrow(among: Lenders, seats: number): void {
    this.#borrowed[among] = seats;
    this.#fill(this.#clock.now());
  }

  /** A seat, a refusal, or the promise of one of them. Nothing is promised while seats are free. */
  enter(asking: Asking): Permit | Refused | Promise<Settled> {
    const now = this.#clock.now();
    const rank = RANKS[asking.class];
    const seats = this.#seatsAt(now);
    const { mode } = this.#rules;
    if (this.#closed) return this.#refuse("shed", rank, this.#seenFree(rank, seats));
    if (mode !== "enforce") {
      if (mode === "shadow") this.#countRefusal(asking, rank, seats, now);
      return this.#let(asking, rank, seats, now);
    }
    if (asking.deadline <= now) return this.#refuse("deadline", rank, this.#seenFree(rank, seats));
    if (this.#queue.size > 0) this.#fill(now);
    if (this.#taken < seats && this.#queue.size === 0) return this.#let(asking, rank, seats, now);
    return this.#line(asking, rank, seats, now);
  }

  /** Other rules from now on, and another limit if one is given. Who waits already keeps its longest wait. */
  configure(rules: GateRules, limit?: Limit): void {
    this.#rules = rules;
    if (limit) this.#limit = limit;
    this.#queue.setCaps(rules.caps);
    this.#fill(this.#clock.now());
  }

  /** Nobody is served any more: whoever waits is refused. */
  close(): void {
    this.#closed = true;
    for (let one = this.#queue.take(0); one; one = this.#queue.take(0)) this.#giveUp(one, "shed", this.#clock.now());
    this.#rest();
  }

  // the permit's side

  /** What an answer took while this process had no time for it says nothing of the dependency. */
  answered({ given }: Permit, ending: "success" | "dropped", startedAt: number, now: number = this.#clock.now()): void {
    if (this.#ownWork.full && ending === "success") return;
    const latency = now - startedAt;
    if (ending === "success") this.#pace.answered(latency);
    const { route, inFlight } = given;
    this.#limit.ended({ route, startedAt, latency, inFlight, ending }, now);
  }

  freed({ given, seen }: Permit, counts: boolean, now = this.#clock.now()): void {
    this.#taken--;
    this.#takenBy[given.rank]! -= 1;
    this.#pace.moved(this.#time.at(now));
    if (counts) this.#pace.freed(now - given.since, Math.max(given.inFlight, seen.limit));
    if (this.#queue.size > 0) this.#fill(now);
  }

  over(permit: Permit, ending: Ending, startedAt: number): void {
    const now = this.#clock.now();
    if (ending !== "ignore") this.answered(permit, ending, startedAt, now);
    this.freed(permit, ending !== "ignore", now);
  }

  /** While this process is full, it is its own work that limits what is under way, not what was learned of the dependency. */
  #seatsAt(now: number): number {
    const { seats } = this.#ownWork;
    const { most } = this.#rules;
    const found = this.#limit.seats(now);
    const own =
      most === undefined || seats === Number.POSITIVE_INFINITY ? found : Math.max(found, Math.min(most, seats));
    return Math.max(1, own + this.#borrowed.workers + this.#borrowed.fleet);
  }

  // who comes

  #let(asking: Asking, rank: number, seats: number, now: number): Permit {
    this.#pace.entered(rank);
    return this.#grant(asking.route.name, rank, now, this.#seenFree(rank, seats));
  }

  #grant(route: string, rank: number, now: number, seen: AdmissionSeen): Permit {
    const inFlight = this.#taken + 1;
    this.#limit.began(route, now, inFlight);
    this.#taken = inFlight;
    this.#takenBy[rank]! += 1;
    this.#pace.moved(this.#time.at(now));
    this.#figures.waited(seen.waitedMs);
    return new Permit(this, { route, rank, since: now, inFlight }, seen);
  }

  #line(asking: Asking, rank: number, seats: number, now: number): Refused | Promise<Settled> {
    if (!this.#sweep) this.#time.begin(now);
    const { reason, slot, behind, until, seen } = this.#forecast(asking, rank, seats, now);
    if (reason !== undefined) return this.#refuse(reason, rank, seen);
    const cohort = Math.min(asking.cohort, COHORTS - 1);
    const room = this.#queue.room({ rank, slot, cohort }, this.#depth(seats));
    if (room.kind === "none") return this.#refuse("full", rank, seen);
    if (asking.departure.gone) return Promise.resolve(failed("client-gone", "the client left before the answer"));
    if (room.kind === "instead") this.#evict(room.of, now);
    this.#pace.entered(rank);
    this.#sweep ??= this.#clock.every(SWEEP, () => this.#look());
    const since = this.#time.at(now);
    return new Promise((resolve) => {
      const waiter = new Waiter(asking, { rank, slot, behind, cohort, cameAt: now, since, until }, seen, resolve);
      this.#queue.add(waiter);
      waiter.stays = asking.departure.onGone(() => this.#left(waiter));
    });
  }

  #forecast(asking: Asking, rank: number, seats: number, now: number): Forecast {
    const slot = this.#slotOf(asking.tenant, rank, now);
    const ahead = this.#queue.ahead(rank, slot) + Math.max(0, this.#taken - seats);
    const time = this.#time.at(now);
    const byTurns = this.#queue.wait(rank, slot, time);
    const estimateMs = Math.max(byTurns, this.#pace.forecast(rank, ahead, seats, { now, time }));
    const behind = this.#queue.inSlot(rank, slot) > 0;
    const { reason, leftMs, capMs } = this.#judge(asking, rank, { estimateMs, behind }, now);
    const seen: AdmissionSeen = { limit: seats, inFlight: this.#taken, ahead, estimateMs, capMs, waitedMs: 0 };
    return { reason, slot, behind, until: time + Math.min(capMs, leftMs), seen };
  }

  /** Whether a wait of so many milliseconds is too long, for the class or for what is left of the client's time. */
  #judge({ deadline }: Asking, rank: number, { estimateMs, behind }: Estimate, now: number) {
    const capMs = this.#rules.caps[rank]!;
    const leftMs = deadline - this.#pace.medianMs - now;
    const reason: GateReason | undefined =
      estimateMs > leftMs
        ? "deadline"
        : estimateMs > capMs * this.#cautionFor(behind).share(rank, now)
          ? "wait"
          : undefined;
    return { reason, leftMs, capMs };
  }

  #cautionFor(behind: boolean): Caution {
    return behind ? this.#behindOwn : this.#caution;
  }

  /** Tenants that share sub-queues do so for a while only. */
  #slotOf(tenant: string, rank: number, now: number): number {
    if (now - this.#saltedAt > SALT_FOR || this.#queue.size === 0) {
      this.#salt = Math.floor(this.#random() * 2 ** 32);
      this.#saltedAt = now;
    }
    const slots = slotsOf(tenant, this.#salt);
    return this.#queue.shorter(rank, Math.floor(slots / SLOTS), slots % SLOTS);
  }

  #depth(seats: number): number {
    return this.#rules.depth ?? Math.max(LEAST_DEPTH, DEPTH_PER_SEAT * seats, this.#pace.turnsWithin(DEPTH_MS, seats));
  }

  #seenFree(rank: number, limit: number): AdmissionSeen {
    const capMs = this.#rules.caps[rank]!;
    return { limit, inFlight: this.#taken, ahead: 0, estimateMs: 0, capMs, waitedMs: 0 };
  }

  #refuse(reason: GateReason, rank: number, seen: AdmissionSeen): Refused {
    this.#figures.refused(reason, rank);
    return refusal(reason, rank, seen, this.#random);
  }

  // who waits

  /** Gives free seats to those who wait; beyond the limit, when it is not in force any more. */
  #fill(now: number): void {
    const time = this.#time.at(now);
    while (this.#queue.size > 0 && (this.#rules.mode !== "enforce" || this.#taken < this.#seatsAt(now))) {
      const waiter = this.#queue.take(time)!;
      if (waiter.until <= time || waiter.deadline <= now) this.#giveUp(waiter, reasonOf(waiter), now);
      else {
        const { route, rank } = waiter;
        waiter.settle(this.#grant(route, rank, now, { ...waiter.seen, waitedMs: now - waiter.cameAt }));
      }
    }
    if (this.#queue.size === 0) this.#rest();
  }

  #look(): void {
    const now = this.#clock.now();
    this.#time.look(now);
    const time = this.#time.at(now);
    for (let late = this.#queue.takeLate(time); late; late = this.#queue.takeLate(time)) {
      this.#giveUp(late, reasonOf(late), now);
    }
    this.#fill(now);
  }

  #rest(): void {
    this.#sweep?.();
    this.#sweep = undefined;
  }

  #evict(waiter: Waiter, now: number): void {
    this.#queue.remove(waiter);
    this.#giveUp(waiter, "shed", now);
  }

  #giveUp(waiter: Waiter, reason: GateReason, now: number): void {
    const waitedMs = now - waiter.cameAt;
    if (reason === "wait") this.#cautionFor(waiter.behind).late(waiter.rank, now);
    this.#figures.waited(waitedMs);
    waiter.settle(this.#refuse(reason, waiter.rank, { ...waiter.seen, waitedMs }));
  }

  #left(waiter: Waiter): void {
    if (waiter.gone) return;
    this.#queue.remove(waiter);
    const admission = { ...waiter.seen, waitedMs: this.#clock.now() - waiter.cameAt };
    waiter.settle({ ...failed("client-gone", "the client left before the answer"), admission });
    if (this.#queue.size === 0) this.#rest();
  }

  // the shadow

  #countRefusal(asking: Asking, rank: number, seats: number, now: number): void {
    if (asking.deadline <= now) this.#wouldRefuse("deadline", rank);
    else if (this.#taken >= seats) this.#countWait(asking, rank, seats, now);
  }

  /** What would have been, taking who is in flight beyond the limit for a queue. */
  #countWait(asking: Asking, rank: number, seats: number, now: number): void {
    let ahead = -seats;
    for (let above = 0; above <= rank; above++) ahead += this.#takenBy[above]!;
    const estimate = this.#pace.forecast(rank, Math.max(0, ahead), seats, { now, time: this.#time.at(now) });
    const { reason } = this.#judge(asking, rank, { estimateMs: estimate, behind: false }, now);
    if (reason !== undefined) this.#wouldRefuse(reason, rank);
    else if (this.#taken - seats >= this.#depth(seats)) {
      const lowest = this.#takenBy.findLastIndex((count) => count > 0);
      this.#wouldRefuse(lowest > rank ? "shed" : "full", Math.max(lowest, rank));
    }
  }

  #wouldRefuse(reason: GateReason, rank: number): void {
    this.#figures.wouldRefuse(reason, rank);
    this.#bus.publish("spillway:would-refuse", { reason, class: CLASSES[rank]! });
  }
}

/** Why one has waited in vain: for its deadline, or as long as its class may. */
const reasonOf = ({ until, since, seen }: Waiter): GateReason => (until < since + seen.capMs ? "deadline" : "wait");
