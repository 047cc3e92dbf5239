import type { Purge, PurgeTarget } from "./ledger.ts";

/** Targets that wait at most. */
export const MOST_WAITING = 50_000;
/** Targets that go at once. */
const MOST_AT_ONCE = 10_000;

interface Waiting {
  readonly target: PurgeTarget;
  readonly soft: boolean;
  readonly changed: boolean;
}

/** What was taken out to be sent. */
export type Parcel = readonly Waiting[];

const OVERFLOW: Waiting = { target: { kind: "all" }, soft: true, changed: false };

const keyOf = (target: PurgeTarget): string => JSON.stringify(target);

/**
 * Purges that the log does not have yet, oldest first. One for each target: a later one takes the place of an earlier
 * one, and what was hard stays hard. Bounded: beyond {@link MOST_WAITING} the oldest give way to one soft purge of
 * everything, so that a purge may be overdone or softened by overflow, never forgotten.
 */
export class Outbox {
  #waiting = new Map<string, Waiting>();
  #dropped = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Targets that gave way so far. */
  get dropped(): number {
    return this.#dropped;
  }

  add({ targets, soft, changed = false }: Purge): void {
    for (const target of targets) this.#put({ target, soft, changed });
  }

  /** Takes the oldest out; empty when nothing waits. */
  take(): Parcel {
    const parcel: Waiting[] = [];
    for (const [key, waiting] of this.#waiting) {
      if (parcel.length === MOST_AT_ONCE) break;
      parcel.push(waiting);
      this.#waiting.delete(key);
    }
    return parcel;
  }

  /** Puts back what could not be sent, before what came since. */
  putBack(parcel: Parcel): void {
    const since = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (const waiting of parcel) this.#put(waiting);
    for (const waiting of since) this.#put(waiting);
  }

  #put(waiting: Waiting): void {
    const key = keyOf(waiting.target);
    const earlier = this.#waiting.get(key);
    this.#waiting.delete(key);
    this.#waiting.set(key, earlier && !earlier.soft ? { ...waiting, soft: false } : waiting);
    if (this.#waiting.size <= MOST_WAITING) return;
    // The purge of everything stands in for all that gives way, so it must not give way itself.
    this.#waiting.set(keyOf(OVERFLOW.target), this.#waiting.get(keyOf(OVERFLOW.target)) ?? OVERFLOW);
    for (const [oldest, { target }] of this.#waiting) {
      if (this.#waiting.size <= MOST_WAITING) break;
      if (target.kind === "all") continue;
      this.#waiting.delete(oldest);
      this.#dropped += 1;
    }
  }
}

/** As few purges as say the same, in order: neighbours of one kind become one. */
export function purgesOf(parcel: Parcel): readonly Purge[] {
  const purges: { targets: PurgeTarget[]; soft: boolean; changed: boolean }[] = [];
  for (const { target, soft, changed } of parcel) {
    const last = purges.at(-1);
    if (last && last.soft === soft && last.changed === changed) last.targets.push(target);
    else purges.push({ targets: [target], soft, changed });
  }
  return purges;
}
