/** What the purges since its load began make of an entry. */
export type Standing = "current" | "stale" | "gone";

/**
 * When something was purged, in one number: twice the position in the order of purges, and one more when changed data
 * was the cause and not a person. 0: never.
 */
export type Stamp = number;

/** The last purges of one target. */
export interface Mark {
  readonly soft: Stamp;
  readonly hard: Stamp;
}

export const NO_MARK: Mark = { soft: 0, hard: 0 };

export const stampOf = (position: number, changed: boolean): Stamp => position * 2 + (changed ? 1 : 0);

/** Whether the purge came after what stands at `position`. */
const isAfter = (stamp: Stamp, position: number): boolean => stamp > position * 2 + 1;

export function judge({ soft, hard }: Mark, position: number): Standing {
  if (isAfter(hard, position)) return "gone";
  return isAfter(soft, position) ? "stale" : "current";
}

export const worse = (one: Standing, other: Standing): Standing =>
  one === "gone" || other === "gone" ? "gone" : one === "stale" ? one : other;

export const later = (one: Mark, other: Mark): Mark => ({
  soft: Math.max(one.soft, other.soft),
  hard: Math.max(one.hard, other.hard),
});

/** Marks dropped at once when there is no room: a share, so that looking for the oldest costs next to nothing each. */
const DROPPED_SHARE = 8;

/**
 * The last purges of each of many names, at most `most` of them: about 80 octets each for names of 16 characters. What
 * is dropped to make room is told, for it must not be forgotten.
 */
export class Marks {
  /** In the order of the last purge. A positive stamp: only hard; a negative one: only soft. */
  readonly #marks = new Map<string, number | Mark>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#marks.size;
  }

  get(name: string): Mark {
    const packed = this.#marks.get(name);
    if (packed === undefined) return NO_MARK;
    return unpacked(packed);
  }

  /** Returns what had to be dropped, as one mark. */
  add(name: string, mark: Mark): Mark {
    const before = this.#marks.get(name);
    const next = before === undefined ? mark : later(unpacked(before), mark);
    if (before !== undefined) this.#marks.delete(name);
    const dropped = this.#marks.size >= this.#most ? this.#dropOldest() : NO_MARK;
    this.#marks.set(name, next.soft === 0 ? next.hard : next.hard === 0 ? -next.soft : next);
    return dropped;
  }

  standing(name: string, position: number): Standing {
    const packed = this.#marks.get(name);
    if (packed === undefined) return "current";
    if (typeof packed !== "number") return judge(packed, position);
    if (packed > 0) return isAfter(packed, position) ? "gone" : "current";
    return isAfter(-packed, position) ? "stale" : "current";
  }

  /** The newest first, with when it was purged last. */
  newest(most: number): { readonly name: string; readonly mark: Mark }[] {
    const skipped = this.#marks.size - most;
    const names: string[] = [];
    let at = 0;
    for (const name of this.#marks.keys()) if (at++ >= skipped) names.push(name);
    return names.toReversed().map((name) => ({ name, mark: this.get(name) }));
  }

  #dropOldest(): Mark {
    let dropped = NO_MARK;
    let count = Math.max(1, Math.floor(this.#most / DROPPED_SHARE));
    for (const [name, packed] of this.#marks) {
      if (count-- === 0) break;
      dropped = later(dropped, unpacked(packed));
      this.#marks.delete(name);
    }
    return dropped;
  }
}

const unpacked = (packed: number | Mark): Mark =>
  typeof packed !== "number" ? packed : packed > 0 ? { soft: 0, hard: packed } : { soft: -packed, hard: 0 };
