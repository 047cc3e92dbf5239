import { globMatches, seenBy } from "./glob.ts";
import { judge, later, NO_MARK, worse, type Mark, type Standing } from "./marks.ts";

/** A purge of all URLs that begin so, or are as a pattern with `*` and `?` says. */
export type BanTarget =
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "pattern"; readonly pattern: string };

interface Ban {
  readonly target: BanTarget;
  readonly mark: Mark;
  /** In the order in which they came here, which is not that of positions where others send them. */
  readonly order: number;
  /** Wall-clock milliseconds. Every entry that it can be about has gone by then. */
  readonly until: number;
}

/** What is known of an entry: of bans up to `order`, this is what they make of it. */
interface Checked {
  order: number;
  standing: Standing;
}

/** The facts of an entry that bans look at. */
interface Bannable {
  readonly url: string;
  readonly position: number;
}

export function banMatches(target: BanTarget, url: string): boolean {
  return target.kind === "prefix"
    ? seenBy(target.prefix, url).startsWith(target.prefix)
    : globMatches(target.pattern, seenBy(target.pattern, url));
}

/** Purges by what URLs look like: each is held against each entry once, when that is next asked for. */
export class Bans {
  #bans: Ban[] = [];
  readonly #most: number;
  #order = 0;
  /** The highest position of a ban there is: what was loaded later is not looked at. */
  #newest: Mark = NO_MARK;
  readonly #checked = new WeakMap<object, Checked>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#bans.length;
  }

  get most(): number {
    return this.#most;
  }

  /** Returns what had to be dropped, as one mark. */
  add(target: BanTarget, mark: Mark, until: number): Mark {
    this.#bans.push({ target, mark, order: ++this.#order, until });
    this.#newest = later(this.#newest, mark);
    const excess = this.#bans.length - this.#most;
    return excess > 0 ? asOne(this.#bans.splice(0, excess)) : NO_MARK;
  }

  /** Drops those whose time has come; returns them as one mark. */
  expire(wall: number): Mark {
    const over = this.#bans.filter(({ until }) => until <= wall);
    if (over.length > 0) this.#bans = this.#bans.filter(({ until }) => until > wall);
    return asOne(over);
  }

  standing(entry: Bannable): Standing {
    const { url, position } = entry;
    if (this.#bans.length === 0 || judge(this.#newest, position) === "current") return "current";
    let known = this.#checked.get(entry);
    if (known?.order === this.#order) return known.standing;
    if (!known) this.#checked.set(entry, (known = { order: 0, standing: "current" }));
    for (let i = this.#bans.length - 1; i >= 0; i--) {
      const { target, mark, order } = this.#bans[i]!;
      if (order <= known.order) break;
      const standing = judge(mark, position);
      if (worse(known.standing, standing) !== known.standing && banMatches(target, url)) known.standing = standing;
    }
    known.order = this.#order;
    return known.standing;
  }

  /** The newest first. */
  newest(most: number): { readonly target: BanTarget; readonly mark: Mark; readonly until: number }[] {
    return this.#bans.slice(-most).toReversed();
  }
}

const asOne = (bans: readonly Ban[]): Mark => bans.reduce((all, { mark }) => later(all, mark), NO_MARK);
