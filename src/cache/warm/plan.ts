import type { PlanReading, PlanState, WarmHold, WarmMode, WarmResult, WarmTarget } from "../../core/warming.ts";
import { Leaving } from "./leaving.ts";

/** Failures that are told with their reason. */
const MOST_FAILURES = 20;

/** A list of requests, how far it has come, and what came of them. Highest priority first, as listed within one. */
export class Plan {
  readonly id: string;
  readonly mode: WarmMode;
  readonly rate: number | undefined;
  /** Leaves when the plan is cancelled, and with it every request of the plan. */
  readonly leaving = new Leaving();
  readonly #targets: readonly WarmTarget[];
  #next = 0;
  #state: PlanState = { at: "queued" };
  readonly #counts: Record<WarmResult, number> = { done: 0, skipped: 0, "not-stored": 0, failed: 0 };
  readonly #failures: { readonly url: string; readonly why: string }[] = [];

  constructor(id: string, targets: readonly WarmTarget[], mode: WarmMode, rate: number | undefined) {
    this.id = id;
    this.mode = mode;
    this.rate = rate;
    this.#targets = targets.toSorted((a, b) => b.priority - a.priority);
  }

  get state(): PlanState {
    return this.#state;
  }

  /** Of its first request. */
  get priority(): number {
    return this.#targets[0]?.priority ?? 0;
  }

  get size(): number {
    return this.#targets.length;
  }

  /** Neither done nor cancelled. */
  get isOpen(): boolean {
    return this.#state.at !== "done" && this.#state.at !== "cancelled";
  }

  /** Whether requests are left to begin. */
  get hasMore(): boolean {
    return this.isOpen && this.#next < this.#targets.length;
  }

  /** The next request, which is then under way. */
  take(): WarmTarget | undefined {
    return this.hasMore ? this.#targets[this.#next++] : undefined;
  }

  begin(now: number): void {
    if (this.#state.at === "queued") this.#state = { at: "running", startedAt: now };
  }

  /** Returns whether it was not so before. */
  pause(because: WarmHold): boolean {
    const { at } = this.#state;
    if (at !== "running" && at !== "paused") return false;
    const known = this.#state.at === "paused" && this.#state.because === because;
    this.#state = { at: "paused", startedAt: this.#state.startedAt, because };
    return !known;
  }

  /** Returns whether it was paused. */
  resume(): boolean {
    if (this.#state.at !== "paused") return false;
    this.#state = { at: "running", startedAt: this.#state.startedAt };
    return true;
  }

  count(target: WarmTarget, result: WarmResult, why: string): void {
    this.#counts[result] += 1;
    if (result === "failed" && this.#failures.length < MOST_FAILURES) this.#failures.push({ url: target.url, why });
  }

  /** All requests have ended. */
  finish(now: number): void {
    if (this.#state.at === "running" || this.#state.at === "paused") {
      this.#state = { at: "done", startedAt: this.#state.startedAt, endedAt: now };
    }
  }

  /** Returns whether there was something to cancel. */
  cancel(now: number): boolean {
    if (!this.isOpen) return false;
    const startedAt = "startedAt" in this.#state ? this.#state.startedAt : undefined;
    this.#state = { at: "cancelled", startedAt, endedAt: now };
    this.leaving.leave();
    return true;
  }

  read(): PlanReading {
    const { done, skipped, failed } = this.#counts;
    const { id, state } = this;
    const failures = [...this.#failures];
    return { id, state, total: this.size, done, skipped, notStored: this.#counts["not-stored"], failed, failures };
  }
}
