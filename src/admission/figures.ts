import { WAIT_BOUNDS, type AdmissionReading, type RefusalCount } from "../core/dependency-reading.ts";
import type { RefusedReason } from "../core/outcome.ts";
import { CLASSES } from "./classes.ts";

/** Why a gate refuses. */
export type GateReason = Extract<RefusedReason, "shed" | "full" | "wait" | "deadline">;

const REASONS: readonly GateReason[] = ["shed", "full", "wait", "deadline"];

/** What a gate has done so far: numbers in arrays, turned into series only when somebody asks. */
export class GateFigures {
  readonly #waits = new Float64Array(WAIT_BOUNDS.length + 1);
  #waitedMs = 0;
  readonly #refused = new Float64Array(REASONS.length * CLASSES.length);
  readonly #wouldRefuse = new Float64Array(REASONS.length * CLASSES.length);

  /** One has got a seat, or given up. */
  waited(ms: number): void {
    let at = 0;
    while (at < WAIT_BOUNDS.length && ms > WAIT_BOUNDS[at]!) at++;
    this.#waits[at]! += 1;
    this.#waitedMs += ms;
  }

  refused(reason: GateReason, rank: number): void {
    this.#refused[REASONS.indexOf(reason) * CLASSES.length + rank]! += 1;
  }

  /** It would have been refused, had the mode been `enforce`. */
  wouldRefuse(reason: GateReason, rank: number): void {
    this.#wouldRefuse[REASONS.indexOf(reason) * CLASSES.length + rank]! += 1;
  }

  read(): Pick<AdmissionReading, "refused" | "wouldRefuse" | "waits" | "waitedMs"> {
    return {
      refused: list(this.#refused),
      wouldRefuse: list(this.#wouldRefuse),
      waits: [...this.#waits],
      waitedMs: this.#waitedMs,
    };
  }
}

function list(counts: Float64Array): RefusalCount[] {
  const found: RefusalCount[] = [];
  for (const [at, count] of counts.entries()) {
    if (count === 0) continue;
    const reason = REASONS[Math.floor(at / CLASSES.length)]!;
    found.push({ reason, class: CLASSES[at % CLASSES.length]!, count });
  }
  return found;
}
