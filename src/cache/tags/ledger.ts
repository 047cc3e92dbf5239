import { createHash } from "node:crypto";
import type { Entry } from "../entry.ts";
import { foreignPosition, highestOfLoads, loggedPart, wallPosition } from "./log-position.ts";
import { Bans, banMatches, type BanTarget } from "./bans.ts";
import { judge, later, Marks, NO_MARK, stampOf, worse, type Mark, type Stamp, type Standing } from "./marks.ts";

/** What a purge is about. URLs are `scheme://authority/path?query`, as in {@link Entry.url}. */
export type PurgeTarget =
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "url"; readonly url: string }
  | BanTarget
  | { readonly kind: "all" };

/** `soft`: what is kept counts as stale from now on and may still stand in; hard: it is gone. */
export interface Purge {
  readonly targets: readonly PurgeTarget[];
  readonly soft: boolean;
  /** Data has changed; absent: a person or a program asked for it. Only metrics tell the difference. */
  readonly changed?: boolean;
}

/** The facts of an entry, or of a load under way, that purges look at. */
export type Purgeable = Pick<Entry, "url" | "tags" | "position">;

/** The facts of an entry that came out of a shared tier, its times on our line. */
export type Shared = Pick<Entry, "position" | "origin" | "buildMs"> & {
  readonly head: Pick<Entry["head"], "receivedAt">;
};

export interface LedgerParts {
  /** Names this ledger among those of all processes that share a tier. Default: 0, which none has. */
  readonly origin?: number;
  /** Wall-clock milliseconds. Default: a clock that stands still, under which no ban expires. */
  readonly wall?: () => number;
  /** Tags, and as many URLs, whose purges are remembered one by one. Default: 1,000,000. */
  readonly marks?: number;
  /** Prefixes and patterns that are remembered one by one. Default: 1,000. */
  readonly bans?: number;
  /** Milliseconds that a ban lasts at least, for entries that others keep and that were not met yet. Default: 1. */
  readonly leastBan?: number;
}

/** What the ledger holds. */
export interface LedgerSize {
  readonly position: number;
  readonly tags: number;
  readonly urls: number;
  readonly bans: number;
  /** The position below which everything counts as purged, soft or hard; 0: none. */
  readonly floor: { readonly soft: number; readonly hard: number };
}

const MOST_MARKS = 1_000_000;
const MOST_BANS = 1000;
/** Milliseconds. An entry that is kept for longer counts as purged, as the ban's own, from then on. */
const LONGEST_BAN = 7 * 86_400_000;
/** Characters of a URL up to which it is remembered as it is. */
const LONGEST_NAME = 250;

/**
 * Who was purged, and when in the order of all purges: a purge writes one mark for each target, whatever the number of
 * entries it is about, and each entry finds out when it is next asked for. Positions only grow. Memory is bounded: what
 * there is no room for becomes part of the floor, below which everything counts as purged, so that no purge is lost.
 */
export class Ledger {
  /** What entries that are written to shared tiers bear. */
  readonly origin: number;
  readonly #wall: () => number;
  readonly #tags: Marks;
  readonly #urls: Marks;
  readonly #bans: Bans;
  readonly #leastBan: number;
  #floor: Mark = NO_MARK;
  #position = 0;
  #own = Infinity;
  /** What a load may be given at most. */
  #highest = Infinity;
  /** Wall-clock milliseconds until which some entry is of use. */
  #keptUntil = 0;

  constructor({ origin = 0, wall = () => 0, marks = MOST_MARKS, bans = MOST_BANS, leastBan = 1 }: LedgerParts = {}) {
    this.origin = origin;
    this.#wall = wall;
    this.#position = wallPosition(wall());
    this.#tags = new Marks(marks);
    this.#urls = new Marks(marks);
    this.#bans = new Bans(bans);
    this.#leastBan = leastBan;
  }

  /** Of the newest purge: what a load that begins now is given. With a log, at most what that leaves to loads here. */
  get position(): number {
    return Math.min(this.#position, this.#highest);
  }

  /**
   * The log of a fleet has come to this position: all purges up to it are written down here. See log-position.ts.
   * -1: there is a log, and nothing is known of it yet. `own`: where it was before the oldest purge made here that it does
   * not have yet.
   */
  follow(logged: number, own: number): void {
    this.#own = own;
    // Before the log is known, loads count from 0: below whatever it turns out to have.
    this.#position = logged < 0 ? 0 : Math.max(this.#position, logged);
    this.#highest = highestOfLoads(Math.max(0, logged));
  }

  /**
   * What the position of an entry of a shared tier counts as here. -1: its process knew no more than we of the log.
   * `slack`: see CacheTime.
   */
  positionHere({ position, origin, head, buildMs }: Shared, slack = 0): number {
    if (this.#isLogged) return Math.min(loggedPart(position) || -1, this.#own);
    const isOurs = origin === this.origin && origin !== 0;
    return isOurs ? position : foreignPosition(head.receivedAt - buildMs, slack);
  }

  /** Writes a purge down, at the next position of its own or at one that was given to it elsewhere. */
  record({ targets, soft, changed = false }: Purge, at = this.#next()): void {
    this.#position = Math.max(this.#position, at);
    const stamp = stampOf(at, changed);
    const mark = soft ? { soft: stamp, hard: 0 } : { soft: 0, hard: stamp };
    this.#expire();
    for (const target of targets) this.#raise(this.#add(target, mark));
  }

  /** An entry will be kept until then: bans that are about it have to last as long. */
  kept(until: number): void {
    if (until > this.#keptUntil) this.#keptUntil = until;
  }

  /** Prefixes and patterns for which there is still room. */
  room(): number {
    this.#expire();
    return this.#bans.most - this.#bans.size;
  }

  /** Above what loads under way have; with a log, below its next position. */
  #next(): number {
    const next = this.position + 1;
    return this.#isLogged ? next : Math.max(next, wallPosition(this.#wall()));
  }

  get #isLogged(): boolean {
    return this.#highest !== Infinity;
  }

  standing(entry: Purgeable): Standing {
    const { url, tags, position } = entry;
    if (position >= this.#position) return "current";
    let standing = judge(this.#floor, position);
    if (standing !== "gone" && this.#urls.size > 0) {
      standing = worse(standing, this.#urls.standing(nameOf(url), position));
    }
    if (this.#tags.size > 0) {
      for (let i = 0; i < tags.length && standing !== "gone"; i++) {
        standing = worse(standing, this.#tags.standing(tags[i]!, position));
      }
    }
    return standing === "gone" ? standing : worse(standing, this.#bans.standing(entry));
  }

  /** Why an entry whose standing is `gone` is gone. */
  cause({ url, tags, position }: Purgeable): "purged" | "changed" | "pattern" {
    const marks = [this.#floor, this.#urls.get(nameOf(url)), ...tags.map((tag) => this.#tags.get(tag))];
    const hard = marks.reduce<Stamp>((newest, mark) => Math.max(newest, mark.hard), 0);
    if (judge({ soft: 0, hard }, position) !== "gone") return "pattern";
    return hard % 2 === 1 ? "changed" : "purged";
  }

  size(): LedgerSize {
    this.#expire();
    const floor = { soft: Math.floor(this.#floor.soft / 2), hard: Math.floor(this.#floor.hard / 2) };
    return { position: this.#position, tags: this.#tags.size, urls: this.#urls.size, bans: this.#bans.size, floor };
  }

  /** The newest marks of tags, and bans. */
  newest(most: number): { readonly tags: ReturnType<Marks["newest"]>; readonly bans: ReturnType<Bans["newest"]> } {
    return { tags: this.#tags.newest(most), bans: this.#bans.newest(most) };
  }

  #add(target: PurgeTarget, mark: Mark): Mark {
    switch (target.kind) {
      case "all":
        return mark;
      case "tag":
        return this.#tags.add(target.tag, mark);
      case "url":
        return this.#urls.add(nameOf(target.url), mark);
      case "prefix":
      case "pattern": {
        const now = this.#wall();
        return this.#bans.add(
          target,
          mark,
          Math.min(Math.max(this.#keptUntil, now + this.#leastBan), now + LONGEST_BAN),
        );
      }
    }
  }

  #raise(mark: Mark): void {
    if (mark !== NO_MARK) this.#floor = later(this.#floor, mark);
  }

  /** A ban that has outlived what it is about becomes part of the floor: what others still keep is older than that. */
  #expire(): void {
    if (this.#bans.size > 0) this.#raise(this.#bans.expire(this.#wall()));
  }
}

/** Long URLs, which clients make at will, take no more room than others. */
const nameOf = (url: string): string =>
  url.length <= LONGEST_NAME ? url : createHash("sha256").update(url).digest("base64url");

/** Tells of entries whether a purge of these is about them, whenever they were loaded. Made for many. */
export function matcherOf(targets: readonly PurgeTarget[]): (entry: Pick<Purgeable, "url" | "tags">) => boolean {
  const tags = new Set<string>();
  const urls = new Set<string>();
  const bans: BanTarget[] = [];
  let all = false;
  for (const target of targets) {
    if (target.kind === "all") all = true;
    else if (target.kind === "tag") tags.add(target.tag);
    else if (target.kind === "url") urls.add(target.url);
    else bans.push(target);
  }
  // What most purges are about, and with 20,000 entries a call spends its time here.
  const [only] = tags;
  if (targets.length === 1 && only !== undefined) return ({ tags: its }) => its.includes(only);
  return (entry) =>
    all ||
    (urls.size > 0 && urls.has(entry.url)) ||
    (tags.size > 0 && entry.tags.some((tag) => tags.has(tag))) ||
    bans.some((ban) => banMatches(ban, entry.url));
}
