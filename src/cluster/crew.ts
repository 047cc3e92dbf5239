/** The workers of one primary: forks them, watches over them, replaces those that are gone, speaks to all at once. */
import type { BreakerAnswer, BreakerAsk } from "../core/breaker-control.ts";
import type { CacheAnswer, CacheAsk } from "../core/cache-control.ts";
import type { Cancel, Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { EventBus, WorkerChanged } from "../core/events.ts";
import type { MetricsJson } from "../telemetry/metrics.ts";
import { addDeparted } from "./departed.ts";
import type { Fork } from "./fork.ts";
import { takeOn, type Hand, type HandEnd, type Reply, type Said } from "./hand.ts";
import { HeldBreakers } from "./held-breakers.ts";
import type { Answer, Question, ToWorker, WorkerConfig } from "./messages.ts";
import { ROUND, SeatExchange } from "./seat-exchange.ts";
import { follows, forked, gone, heard, serves, ticked, vacant, type Place } from "./place.ts";

/** Milliseconds. Two pings must not stand for more than the ten seconds that place.ts counts on. */
const TICK = 1_000;
/** Milliseconds that a worker has to answer. */
const PATIENCE = { metrics: 1_000, question: 1_000, cache: 5_000, prepare: 5_000, commit: 5_000 } as const;

export interface CrewParts {
  readonly size: number;
  readonly fork: Fork;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly first: WorkerConfig;
  /** What every worker is told when it starts, beside the configuration then in force. */
  readonly start: Omit<Extract<ToWorker, { kind: "start" }>, "kind" | "config" | "process">;
}

/** A worker that is on duty in its place. One that leaves has been replaced and is only waited for. */
interface Member {
  readonly number: number;
  place: Place;
  hand: Hand | undefined;
  open: number;
  /** Tiers of its cache that it does without. */
  leftOut: readonly string[];
  cancelRestart: Cancel;
}

type GoneReason = Extract<WorkerChanged["change"], { kind: "gone" }>["reason"];

export class Crew {
  readonly #parts: CrewParts;
  readonly #members: readonly Member[];
  /** Every process that has not ended, with why we ended it, if we did. */
  readonly #hands = new Map<Hand, GoneReason | undefined>();
  /** What each process last counted. */
  readonly #counted = new Map<Hand, MetricsJson>();
  readonly #allServe = Promise.withResolvers<void>();
  readonly #allGone = Promise.withResolvers<void>();
  readonly #stopTicking: Cancel;
  readonly #seats: SeatExchange<Hand>;
  readonly #held: HeldBreakers;
  #departed: MetricsJson = [];
  #current: WorkerConfig;
  #state: "starting" | "running" | "ending" = "starting";

  constructor(parts: CrewParts) {
    this.#parts = parts;
    this.#current = parts.first;
    this.#members = Array.from({ length: parts.size }, (_, index) => ({
      number: index + 1,
      place: vacant,
      hand: undefined,
      open: 0,
      leftOut: [],
      cancelRestart: () => {},
    }));
    this.#allServe.promise.catch(() => {});
    this.#held = new HeldBreakers(parts.clock);
    this.#seats = new SeatExchange(parts.clock, (hand, lent) => hand.tell({ kind: "lent", lent }));
    const stopRounds = parts.clock.every(ROUND, () => this.#seats.round());
    const stopTicks = parts.clock.every(TICK, () => this.#tick());
    this.#stopTicking = () => {
      stopRounds();
      stopTicks();
    };
  }

  /** Resolves when all serve for the first time; rejects with what keeps one from it, if an operator has to mend that. */
  start(): Promise<void> {
    for (const member of this.#members) this.#fork(member);
    return this.#allServe.promise;
  }

  /** How many serve, how many exchanges are open in them, and tiers that any does without: as of a second ago at most. */
  census(): { readonly serving: number; readonly open: number; readonly leftOut: ReadonlySet<string> } {
    const serving = this.#serving();
    const open = serving.reduce((sum, one) => sum + one.open, 0);
    return { serving: serving.length, open, leftOut: new Set(serving.flatMap((one) => one.leftOut)) };
  }

  /**
   * A reading of each worker, and one of all that are gone. Who does not answer stands with the last answer, for sums
   * must not fall.
   */
  async metrics(): Promise<readonly MetricsJson[]> {
    await Promise.all(
      [...this.#hands.keys()].map(async (hand) => {
        const reply = await hand.ask({ kind: "metrics" }, PATIENCE.metrics);
        if (reply.kind === "metrics" && this.#hands.has(hand)) this.#counted.set(hand, reply.metrics);
      }),
    );
    return [this.#departed, ...this.#counted.values()];
  }

  /** What every process that has not ended says to a question; `silent`: those that did not answer in time. */
  async askAll(question: Question): Promise<{ readonly answers: readonly Answer[]; readonly silent: number }> {
    const asked = [...this.#hands.keys()].map((hand) => hand.ask(question, PATIENCE.question));
    const replies = await Promise.all(asked);
    const answers = replies.filter((reply) => reply.kind === question.kind) as readonly Answer[];
    const gone = replies.filter(({ kind }) => kind === "gone").length;
    return { answers, silent: replies.length - answers.length - gone };
  }

  /** Holds a breaker in every process, and in those that start while it is held. */
  async breaker(ask: BreakerAsk): Promise<{ readonly answers: readonly BreakerAnswer[]; readonly silent: number }> {
    const { answers, silent } = await this.askAll({ kind: "breaker", ask });
    const done = answers.flatMap((one) => (one.kind === "breaker" ? [one.answer] : []));
    if (done.some(({ changed }) => changed)) this.#held.done(ask);
    return { answers: done, silent };
  }

  /** Asks the cache of every process. A purge is told to other instances by one that does it. */
  async cache(ask: CacheAsk): Promise<{ readonly answers: readonly CacheAnswer[]; readonly silent: number }> {
    const asked = [...this.#hands.keys()];
    const replies = await Promise.all(
      asked.map((hand, index) => {
        return hand.ask({ kind: "cache", ask: shareOf(ask, index === 0) }, PATIENCE.cache);
      }),
    );
    const answers = replies.flatMap((reply) => (reply.kind === "cache" ? [reply.answer] : []));
    const first = replies.findIndex(({ kind }) => kind === "cache");
    // The one that was to tell others has not: what is purged twice is purged.
    if (ask.do === "purge" && first > 0) await asked[first]!.ask({ kind: "cache", ask }, PATIENCE.cache);
    const gone = replies.filter((reply) => reply.kind === "gone").length;
    return { answers, silent: replies.length - answers.length - gone };
  }

  /**
   * Puts a configuration in force everywhere or, with an error that says which worker could not, nowhere. A worker that
   * dies meanwhile decides nothing: its successor starts with what is in force then.
   */
  async apply(next: WorkerConfig): Promise<void> {
    const asked = this.#serving();
    const replies = await Promise.all(
      asked.map(({ hand }) => hand.ask({ kind: "prepare", config: next }, PATIENCE.prepare)),
    );
    const objections = replies.flatMap((reply, index) => objection(asked[index]!.member.number, reply));
    if (objections.length > 0) {
      await Promise.all(asked.map(({ hand }) => hand.ask({ kind: "abort" }, PATIENCE.commit)));
      throw new Error(objections.join("; "));
    }
    // From here on it is in force: who starts gets it, and who cannot follow is replaced by one who does.
    this.#current = next;
    await Promise.all(asked.map(({ member, hand }) => this.#commit(member, hand, next)));
    await Promise.all(this.#serving().map(({ member, hand }) => this.#catchUp(member, hand)));
  }

  /** All finish what they have; resolves when no process is left. Not replaced any more. */
  drain(): Promise<void> {
    this.#end();
    for (const hand of this.#hands.keys()) hand.tell({ kind: "drain" });
    return this.#allGone.promise;
  }

  /** Ends all processes now; resolves when none is left. */
  kill(): Promise<void> {
    this.#end();
    for (const hand of this.#hands.keys()) hand.kill();
    return this.#allGone.promise;
  }

  #end(): void {
    if (this.#state === "starting") this.#allServe.reject(new Error("ended before every worker served"));
    this.#state = "ending";
    for (const { cancelRestart } of this.#members) cancelRestart();
    if (this.#hands.size === 0) this.#close();
  }

  #close(): void {
    this.#stopTicking();
    this.#allGone.resolve();
  }

  #serving(): readonly (Pick<Member, "open" | "leftOut"> & { readonly member: Member; readonly hand: Hand })[] {
    return this.#members.flatMap((member) => {
      const { hand, place, open, leftOut } = member;
      return hand && place.phase === "serving" ? [{ member, hand, open, leftOut }] : [];
    });
  }

  #fork(member: Member): void {
    const { fork, clock, start } = this.#parts;
    const hand = takeOn({ fork, clock, said: (message) => this.#said(member, hand, message) });
    member.place = forked(member.place);
    member.hand = hand;
    member.open = 0;
    member.leftOut = [];
    this.#hands.set(hand, undefined);
    void hand.ended.then((end) => this.#ended(member, hand, end));
    hand.tell({ kind: "start", config: this.#current, process: member.number - 1, ...start });
  }

  #said(member: Member, hand: Hand, message: Said): void {
    if (message.kind === "purged") {
      // Of one that leaves, too: what it changed is changed.
      for (const other of this.#hands.keys()) if (other !== hand) other.tell(message);
      return;
    }
    if (member.hand !== hand) return;
    member.place = heard(member.place);
    switch (message.kind) {
      case "pong":
        member.open = message.open;
        member.leftOut = message.leftOut;
        return;
      case "desks":
        this.#seats.heard(hand, message.desks);
        return;
      case "failed":
        if (this.#state === "starting") this.#allServe.reject(new UsageError(message.message));
        else this.#parts.bus.publish("spillway:fault", { where: "worker start", error: new Error(message.message) });
        return;
      case "serving":
        member.place = serves(member.place, this.#parts.clock.now(), message.hash);
        this.#publish(member, hand, { kind: "serving" });
        for (const ask of this.#held.asks()) void hand.ask({ kind: "breaker", ask }, PATIENCE.question);
        void this.#catchUp(member, hand);
        if (this.#serving().length === this.#members.length) this.#allAreServing();
        return;
      case "leaving":
        this.#vacate(member, hand, "left", "by its own decision");
        return;
    }
  }

  #allAreServing(): void {
    if (this.#state === "starting") this.#state = "running";
    this.#allServe.resolve();
  }

  #ended(member: Member, hand: Hand, { code, signal }: HandEnd): void {
    const killedFor = this.#hands.get(hand);
    this.#hands.delete(hand);
    this.#seats.gone(hand);
    this.#departed = addDeparted(this.#departed, this.#counted.get(hand) ?? []);
    this.#counted.delete(hand);
    if (member.hand === hand) {
      const detail = signal === null ? `exit code ${code}` : `signal ${signal}`;
      this.#vacate(member, hand, killedFor ?? (signal === null ? "exit" : "signal"), detail);
    }
    if (this.#state === "ending" && this.#hands.size === 0) this.#close();
  }

  /** The place is free; its next worker starts after the pause that its past calls for. */
  #vacate(member: Member, hand: Hand, reason: GoneReason, detail: string): void {
    const { place, wait } = gone(member.place, this.#parts.clock.now());
    member.place = place;
    member.hand = undefined;
    const replacedIn = this.#state === "ending" ? undefined : wait;
    this.#publish(member, hand, { kind: "gone", reason, detail, replacedIn });
    if (replacedIn !== undefined) member.cancelRestart = this.#parts.clock.after(wait, () => this.#fork(member));
  }

  #tick(): void {
    for (const member of this.#members) {
      const { hand } = member;
      if (!hand) continue;
      const { place, verdict } = ticked(member.place);
      member.place = place;
      if (verdict === "fine") hand.tell({ kind: "ping" });
      else this.#kill(hand, verdict);
    }
  }

  #kill(hand: Hand, reason: GoneReason): void {
    if (!this.#hands.has(hand)) return;
    this.#hands.set(hand, reason);
    hand.kill();
  }

  async #commit(member: Member, hand: Hand, next: WorkerConfig): Promise<void> {
    const reply = await hand.ask({ kind: "commit", hash: next.hash }, PATIENCE.commit);
    if (reply.kind !== "done") this.#kill(hand, "out-of-step");
    else if (member.hand === hand) member.place = follows(member.place, next.hash);
  }

  /** For one that was starting while a reload went by. */
  async #catchUp(member: Member, hand: Hand): Promise<void> {
    const next = this.#current;
    if (member.place.phase !== "serving" || member.place.hash === next.hash) return;
    const reply = await hand.ask({ kind: "prepare", config: next }, PATIENCE.prepare);
    if (reply.kind === "done") await this.#commit(member, hand, next);
    else this.#kill(hand, "out-of-step");
  }

  #publish({ number }: Member, { pid }: Hand, change: WorkerChanged["change"]): void {
    this.#parts.bus.publish("spillway:worker", { worker: number, pid, change });
  }
}

/** What one process of several is asked. */
function shareOf(ask: CacheAsk, first: boolean): CacheAsk {
  if (ask.do === "purge") return { ...ask, share: ask.share && first };
  return ask.do === "warm" ? { ...ask, first: ask.first && first } : ask;
}

function objection(number: number, reply: Reply): readonly string[] {
  switch (reply.kind) {
    case "done":
    case "gone":
      return [];
    case "late":
      return [`worker ${number} did not answer within ${PATIENCE.prepare / 1000} s`];
    case "failed":
      return [`worker ${number}: ${reply.message}`];
    case "metrics":
    case "dependencies":
    case "breaker":
    case "weight":
    case "cache":
    case "decisions":
    case "limits":
      return [`worker ${number} answered another question`];
  }
}
