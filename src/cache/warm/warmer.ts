import type { Clock } from "../../core/clock.ts";
import type { EventBus } from "../../core/events.ts";
import type { Departure } from "../../core/exchange.ts";
import { toError } from "../../core/errors.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { OrderTaken, PlanReading, WarmHold, WarmMode, WarmTarget } from "../../core/warming.ts";
import { judgeOutcome, readAway, type Judged } from "./judge.ts";
import type { BackgroundLane, LanePace, OpenLane } from "./lane.ts";
import { Leaving } from "./leaving.ts";
import { Plan } from "./plan.ts";

/** Plans that may wait behind the one that runs. */
const MOST_QUEUED = 16;
/** Plans that have ended and can be asked about. */
const MOST_ENDED = 32;
/** Milliseconds between two looks at whether a plan may go on. */
const LOOK_EVERY = 250;
/** Failures in a row after which a plan pauses: for so many milliseconds, doubled by each further one. */
const MOST_IN_A_ROW = 5;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

export interface WarmerParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly openLane: OpenLane;
  /** Asks for a target as a client would, through everything that stands around its route. A text says why it cannot. */
  readonly ask: (target: WarmTarget, mode: WarmMode, departure: Departure) => Promise<Outcome> | string;
  /** As configured now; `deadline` in milliseconds for one answer. */
  readonly pace: () => LanePace & { readonly deadline: number };
  /** Why nothing may begin now. */
  readonly held: () => WarmHold | undefined;
}

/** Runs plans one after another, in the background, and tells of them. */
export class Warmer {
  readonly #parts: WarmerParts;
  #queued: Plan[] = [];
  #running: Plan | undefined;
  #ended: Plan[] = [];
  #closed = false;
  #inARow = 0;
  #pause = FIRST_PAUSE;
  #backUntil = Number.NEGATIVE_INFINITY;
  readonly #ends = new Map<Plan, () => void>();

  constructor(parts: WarmerParts) {
    this.#parts = parts;
  }

  /** Of plans that wait, the one whose first request has the highest priority is next. `over` is called at its end. */
  queue(
    order: {
      readonly id: string;
      readonly targets: readonly WarmTarget[];
      readonly mode: WarmMode;
      readonly rate?: number | undefined;
    },
    over: () => void = () => {},
  ): Exclude<OrderTaken, "elsewhere"> {
    if (order.targets.length === 0) return "empty";
    if (this.#closed || this.#queued.length >= MOST_QUEUED) return "full";
    const plan = new Plan(order.id, order.targets, order.mode, order.rate);
    this.#queued.push(plan);
    this.#ends.set(plan, over);
    this.#tell(plan);
    this.#next();
    return "queued";
  }

  /** Whether a plan whose id begins so runs or waits. */
  has(prefix: string): boolean {
    return this.#open().some(({ id }) => id.startsWith(prefix));
  }

  /** The newest last. */
  read(): PlanReading[] {
    return [...this.#ended, ...this.#open()].map((plan) => plan.read());
  }

  /** Its requests end at once. Returns whether it ran or waited. */
  cancel(id: string): boolean {
    const plan = this.#open().find((each) => each.id === id);
    return plan !== undefined && this.#cancel(plan);
  }

  /** Cancels everything and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const plan of this.#open()) this.#cancel(plan);
  }

  #open(): Plan[] {
    return [...(this.#running ? [this.#running] : []), ...this.#queued];
  }

  #cancel(plan: Plan): boolean {
    if (!plan.cancel(this.#parts.clock.wall())) return false;
    this.#tell(plan);
    if (plan === this.#running) return true;
    this.#queued = this.#queued.filter((each) => each !== plan);
    this.#retire(plan);
    return true;
  }

  #next(): void {
    if (this.#running || this.#closed) return;
    let plan: Plan | undefined;
    for (const each of this.#queued) if (!plan || each.priority > plan.priority) plan = each;
    if (!plan) return;
    this.#queued = this.#queued.filter((each) => each !== plan);
    this.#running = plan;
    void this.#run(plan);
  }

  async #run(plan: Plan): Promise<void> {
    const { clock, bus, openLane, pace } = this.#parts;
    const { rate, concurrency } = pace();
    let lane: BackgroundLane | undefined;
    try {
      lane = await openLane({ rate: plan.rate ?? rate, concurrency });
      plan.begin(clock.wall());
      this.#tell(plan);
      const walks = Math.min(concurrency, plan.size);
      const opened = lane;
      plan.leaving.onGone(() => void opened.close());
      await Promise.all(Array.from({ length: walks }, () => this.#walk(plan, opened)));
      plan.finish(clock.wall());
      await lane.close();
    } catch (thrown) {
      plan.cancel(clock.wall());
      bus.publish("spillway:fault", { where: "warming", error: toError(thrown) });
    }
    this.#running = undefined;
    if (plan.state.at === "done") this.#tell(plan);
    this.#retire(plan);
    this.#next();
  }

  #retire(plan: Plan): void {
    this.#ended = [...this.#ended, plan].slice(-MOST_ENDED);
    this.#ends.get(plan)?.();
    this.#ends.delete(plan);
  }

  /** One request after another, as the lane lets it. What has its turn while the plan is held gives it back. */
  async #walk(plan: Plan, lane: BackgroundLane): Promise<void> {
    while (plan.hasMore) {
      await this.#clearance(plan);
      if (!plan.hasMore) return;
      try {
        await lane.run(async () => {
          if (this.#heldBy() !== undefined) return;
          const target = plan.take();
          if (target) await this.#fetch(plan, target);
        });
      } catch (thrown) {
        // A lane is closed under a plan that is cancelled.
        if (plan.isOpen) throw thrown;
      }
    }
  }

  #heldBy(): WarmHold | undefined {
    const { held, clock } = this.#parts;
    return held() ?? (clock.now() < this.#backUntil ? "failures" : undefined);
  }

  async #clearance(plan: Plan): Promise<void> {
    for (let why = this.#heldBy(); why !== undefined && plan.isOpen; why = this.#heldBy()) {
      if (plan.pause(why)) this.#tell(plan);
      await this.#wait(plan.leaving, LOOK_EVERY);
    }
    if (plan.resume()) this.#tell(plan);
  }

  /** Ends early when they leave. */
  #wait(leaving: Leaving, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(ms, () => over(), "background");
      const stay = leaving.onGone(() => over());
      const over = (): void => {
        cancel();
        stay();
        resolve();
      };
    });
  }

  async #fetch(plan: Plan, target: WarmTarget): Promise<void> {
    const { result, why, trouble } = await this.#judged(plan, target);
    // What was under way when the plan was cancelled has come to nothing, and that is no failure.
    if (plan.leaving.gone) return;
    plan.count(target, result, why);
    this.#parts.bus.publish("spillway:cache-warm", { plan: plan.id, change: { kind: "request", result } });
    if (!trouble) {
      this.#inARow = 0;
      this.#pause = FIRST_PAUSE;
    } else if (++this.#inARow >= MOST_IN_A_ROW) {
      this.#backUntil = this.#parts.clock.now() + this.#pause;
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    }
  }

  async #judged(plan: Plan, target: WarmTarget): Promise<Judged> {
    const { clock, ask, pace } = this.#parts;
    const { deadline } = pace();
    const leaving = new Leaving();
    const stay = plan.leaving.onGone(() => leaving.leave());
    const cancel = clock.after(deadline, () => leaving.leave(), "background");
    const left = new Promise<Judged>((resolve) => {
      leaving.onGone(() => resolve({ result: "failed", why: `no answer within ${deadline} ms`, trouble: true }));
    });
    try {
      const asked = ask(target, plan.mode, leaving);
      if (typeof asked === "string") return { result: "failed", why: asked, trouble: false };
      return await Promise.race([left, judge(asked, leaving)]);
    } catch (thrown) {
      return { result: "failed", why: toError(thrown).message, trouble: true };
    } finally {
      cancel();
      stay();
    }
  }

  #tell(plan: Plan): void {
    this.#parts.bus.publish("spillway:cache-warm", {
      plan: plan.id,
      change: { kind: "plan", state: plan.state.at, ...countsOf(plan) },
    });
  }
}

function countsOf(plan: Plan) {
  const { total, done, skipped, notStored, failed } = plan.read();
  return { total, done, skipped, notStored, failed };
}

async function judge(asked: Promise<Outcome>, departure: Departure): Promise<Judged> {
  const outcome = await asked;
  if (outcome.kind !== "served") return judgeOutcome(outcome, "complete");
  const { body } = outcome;
  const stay = departure.onGone(() => body.cancel(new Error("nobody waits for it any more")));
  const ending = await readAway(body);
  stay();
  return judgeOutcome(outcome, ending);
}
