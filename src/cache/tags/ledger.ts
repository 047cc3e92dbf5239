import type { Entry } from "../entry.ts";

/** What a purge is about. URLs are `scheme://authority/path?query`, as in {@link Entry.url}. */
export type PurgeTarget =
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "all" };

/** `soft`: what is kept counts as stale from now on and may still stand in; hard: it is gone. */
export interface Purge {
  readonly targets: readonly PurgeTarget[];
  readonly soft: boolean;
}

/** What the purges since its load began make of an entry. */
export type Standing = "current" | "stale" | "gone";

/** Positions of the last purges of one target; -1: none. */
interface Mark {
  soft: number;
  hard: number;
}

/** The facts of an entry, or of a load under way, that purges look at. */
export type Purgeable = Pick<Entry, "url" | "tags" | "position">;

/**
 * Who was purged, and when in the order of all purges: a purge writes one mark for each target, whatever the number of
 * entries it is about, and each entry finds out when it is next asked for. Positions only grow.
 */
export class Ledger {
  readonly #tags = new Map<string, Mark>();
  readonly #urls = new Map<string, Mark>();
  readonly #all: Mark = { soft: -1, hard: -1 };
  #position = 0;

  /** Of the newest purge: what a load that begins now is given. */
  get position(): number {
    return this.#position;
  }

  /** Writes a purge down, at the next position of its own or at one that was given to it elsewhere. */
  record({ targets, soft }: Purge, at = this.#position + 1): void {
    this.#position = Math.max(this.#position, at);
    for (const target of targets) {
      const mark = this.#mark(target);
      if (soft) mark.soft = Math.max(mark.soft, at);
      else mark.hard = Math.max(mark.hard, at);
    }
  }

  standing({ url, tags, position }: Purgeable): Standing {
    if (position >= this.#position) return "current";
    let standing = judge(this.#all, position);
    if (standing !== "gone") standing = worse(standing, judge(this.#urls.get(url), position));
    for (let i = 0; i < tags.length && standing !== "gone"; i++) {
      standing = worse(standing, judge(this.#tags.get(tags[i]!), position));
    }
    return standing;
  }

  #mark(target: PurgeTarget): Mark {
    if (target.kind === "all") return this.#all;
    const [marks, name] = target.kind === "tag" ? [this.#tags, target.tag] : [this.#urls, target.url];
    let mark = marks.get(name);
    if (!mark) marks.set(name, (mark = { soft: -1, hard: -1 }));
    return mark;
  }
}

function judge(mark: Mark | undefined, position: number): Standing {
  if (!mark) return "current";
  if (mark.hard > position) return "gone";
  return mark.soft > position ? "stale" : "current";
}

const worse = (one: Standing, other: Standing): Standing =>
  one === "current" ? other : other === "gone" ? other : one;
