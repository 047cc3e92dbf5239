import type { Clock, Random } from "../../core/clock.ts";
import type { TargetReading } from "../../core/dependency-reading.ts";
import type { TargetChange } from "../../core/events.ts";
import { Draw } from "./draw.ts";
import { ejectionFor, timesInRow } from "./ejection.ts";
import { costInstead, costOf } from "./load.ts";
import { Member } from "./member.ts";
import { Ring } from "./ring.ts";
import type { BalanceSettings, EjectionSettings } from "./settings.ts";

export interface BalancerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly balance: BalanceSettings;
  readonly ejection: EjectionSettings;
  /** Told of every change but weights that end. Default: nobody. */
  readonly told?: ((origin: string, change: TargetChange) => void) | undefined;
}

/** With unequal weights another target gets a request only where it costs less than the half: else weights would mean nothing. */
const CLEARLY = 2;
/** What a target may have in flight of hashed requests, beside its fair share, before the next one gets them. */
const BOUND = 1.25;
/** Requests in flight that are too few to leave the target of a key for. */
const FEW = 8;
/** Looks at the weights while a slow start lasts. */
const STEPS = 20;

/**
 * Chooses among the targets of one dependency. What is usable is worked out when it changes; a choice costs no more than
 * two draws.
 */
export class Balancer {
  readonly members: readonly Member[];
  readonly #parts: BalancerParts;
  readonly #only: Member | undefined;
  #inUse: readonly Member[];
  #draw: Draw;
  #ring: Ring | undefined;
  #ringFor = "";
  #inFlight = 0;
  #panic = false;
  /** When time alone changes something. */
  #lookAt = -Infinity;

  /** `former`: the same dependency before a reload. A target that it did not have starts slowly. */
  constructor(
    targets: readonly { readonly url: string; readonly weight: number }[],
    parts: BalancerParts,
    former?: Balancer,
  ) {
    this.#parts = parts;
    this.members = targets.map(({ url, weight }) => new Member(new URL(url).origin, weight));
    this.#only = this.members.length === 1 ? this.members[0] : undefined;
    if (former) {
      const now = parts.clock.now();
      const known = new Map(former.members.map((member) => [member.origin, member]));
      for (const member of this.members) {
        const before = known.get(member.origin);
        if (before) member.follow(before);
        else member.startedAt = now;
      }
    }
    this.#inUse = this.members;
    this.#draw = new Draw(this.members.map(() => 1));
  }

  /** The one to ask. `key`: requests of the same belong together; `except`: has just failed to take this request. */
  pick(key: string | undefined, except: Member | undefined, now: number): Member {
    if (this.#only) return this.#only;
    if (now >= this.#lookAt) this.#look(now);
    const { by } = this.#parts.balance;
    if (key !== undefined && this.#ring) return this.#hashed(key, except);
    const { random } = this.#parts;
    const inUse = this.#inUse;
    if (inUse.length === 1) return inUse[0] === except ? this.#anyBut(except) : inUse[0]!;
    const place = this.#draw.one(random);
    const first = inUse[place]!;
    if (by === "weighted" && first !== except) return first;
    const second = inUse[this.#draw.another(place, random)]!;
    if (first === except) return second;
    if (by === "weighted" || second === except) return first;
    const clearly = this.#draw.equal ? 1 : CLEARLY;
    return costOf(first.load, first.share, now) > clearly * costInstead(second.load, second.share, now)
      ? second
      : first;
  }

  /** A request is with this target from now on, until {@link ended}. */
  began(member: Member): void {
    member.requests++;
    member.load.inFlight++;
    this.#inFlight++;
  }

  ended(member: Member): void {
    member.load.inFlight--;
    this.#inFlight--;
  }

  /** It answered after `ms`; its status may still tell of a failure. */
  answered(member: Member, status: number, ms: number, now: number): void {
    if (status >= 500 && status !== 501) this.failed(member, ms, now);
    else member.load.succeeded(ms, now);
  }

  /** No answer came, and that was the target's doing. */
  failed(member: Member, ms: number, now: number): void {
    member.load.failed(ms, now);
    const { ejection } = this.#parts;
    if (ejection === "off" || this.#only) return;
    const time = ejectionFor(member, this.members, ejection, now);
    if (time === undefined) return;
    member.ejectedInRow = timesInRow(member, ejection, now) + 1;
    member.ejectedUntil = now + time;
    member.ejections++;
    this.#lookAt = now;
    this.#tell(member, { kind: "ejected", forMs: time });
  }

  /** What active checks say. */
  checked(member: Member, healthy: boolean): void {
    if (member.healthy === healthy) return;
    member.healthy = healthy;
    const now = this.#parts.clock.now();
    if (healthy) this.#back(member, now);
    this.#lookAt = now;
    this.#tell(member, { kind: healthy ? "healthy" : "unhealthy" });
  }

  /** Sets the weight of a target for a time, or takes that back; false: there is no such target. */
  reweigh(origin: string, weight: number | null, expires: number, reason: string): boolean {
    const member = this.members.find((one) => one.origin === origin);
    if (!member) return false;
    const { clock } = this.#parts;
    const now = clock.now();
    member.override =
      weight === null ? undefined : { weight, until: now + Math.max(0, expires - clock.wall()), expires, reason };
    this.#lookAt = now;
    this.#tell(member, { kind: "weight", weight: member.weight });
    return true;
  }

  read(): { readonly panic: boolean; readonly targets: readonly TargetReading[] } {
    const now = this.#parts.clock.now();
    if (now >= this.#lookAt) this.#look(now);
    return { panic: this.#panic, targets: this.members.map((one) => one.read(this.#parts.balance.slowStart, now)) };
  }

  /** Works out anew who is used and with what share. */
  #look(now: number): void {
    const { slowStart, panic } = this.#parts.balance;
    let lookAt = Infinity;
    for (const member of this.members) {
      this.#pass(member, now);
      if (member.ejectedUntil > 0) lookAt = Math.min(lookAt, member.ejectedUntil);
      if (member.override) lookAt = Math.min(lookAt, member.override.until);
      if (member.ramp(slowStart, now) < 1) lookAt = Math.min(lookAt, now + slowStart / STEPS);
    }
    this.#lookAt = lookAt;
    const all = this.#weighing();
    const usable = all.filter(({ isUsable }) => isUsable);
    this.#panic = usable.length === 0 || usable.length < panic * all.length;
    this.#inUse = this.#panic ? all : usable;
    const weights = this.#inUse.map((one) => (one.weight || 1) * one.ramp(slowStart, now));
    this.#draw = new Draw(weights);
    const fair = this.#draw.total / weights.length;
    for (const member of this.members) member.share = 0;
    for (const [place, member] of this.#inUse.entries()) member.share = weights[place]! / fair;
    if (typeof this.#parts.balance.by !== "string") this.#layRing(all[0]!.weight > 0);
  }

  /** Those that may get something: a weight of 0 says no, unless all say so. */
  #weighing(): readonly Member[] {
    const weighing = this.members.filter(({ weight }) => weight > 0);
    return weighing.length > 0 ? weighing : this.members;
  }

  /** Ends what time ends. */
  #pass(member: Member, now: number): void {
    if (member.override && member.override.until <= now) member.override = undefined;
    if (member.ejectedUntil === 0 || member.ejectedUntil > now) return;
    member.ejectedUntil = 0;
    member.returnedAt = now;
    this.#back(member, now);
    this.#tell(member, { kind: "returned" });
  }

  /** What was known of it is of before; it has to show anew what it can bear. */
  #back(member: Member, now: number): void {
    member.load.forget();
    member.startedAt = now;
  }

  /** Only weights move points: who is out for a while is passed over, and has its keys when it is back. */
  #layRing(weighs: boolean): void {
    const names = this.members.map(({ origin: name, weight }) => ({ name, weight: weighs ? weight : 1 }));
    const ringFor = names.map(({ weight }) => weight).join();
    if (ringFor === this.#ringFor) return;
    this.#ringFor = ringFor;
    this.#ring = new Ring(names);
  }

  #hashed(key: string, except: Member | undefined): Member {
    const fair = (BOUND * (this.#inFlight + 1)) / this.#inUse.length;
    const place = this.#ring!.find(key, (at) => {
      const member = this.members[at]!;
      if (member.share === 0 || member === except) return false;
      return (
        member.load.inFlight < Math.max(Math.ceil(FEW * Math.min(1, member.share)), Math.ceil(fair * member.share))
      );
    });
    return place === undefined ? this.#anyBut(except) : this.members[place]!;
  }

  /** One that is in use, or would be if it were well. */
  #anyBut(except: Member | undefined): Member {
    const other = (one: Member): boolean => one !== except;
    return this.#inUse.find(other) ?? this.#weighing().find(other) ?? this.#inUse[0]!;
  }

  #tell(member: Member, change: TargetChange): void {
    this.#parts.told?.(member.origin, change);
  }
}
