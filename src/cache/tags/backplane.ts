import type { Cancel, Clock } from "../../core/clock.ts";
import type { BackplaneStatus, EventBus } from "../../core/events.ts";
import type { Entry } from "../entry.ts";
import type { CacheTime } from "../time.ts";
import type { Ledger, Purge } from "./ledger.ts";
import type { Logged, PurgeLog, Reading } from "./log.ts";
import { SLOT } from "./log-position.ts";
import { worse, type Standing } from "./marks.ts";
import { Posting } from "./posting.ts";
import { marksOfEntry } from "./purge-text.ts";
import { REMEMBERED_FOR, RecentPurges } from "./recent.ts";

/** Milliseconds between two looks into the log when nothing tells of news: news may get lost. */
export const POLL = 500;
/** Milliseconds without a look after which the instance counts as cut off. */
const CUT_AFTER = 1_000;

/**
 * Milliseconds since the last look for which others are sure to remember what was purged since then: half their memory,
 * for they may be as late.
 */
const LONGEST_STEP = REMEMBERED_FOR / 2;

/**
 * What became of an entry in doubt. `unconfirmed`: it may have been purged and nobody can tell; it counts as stale, and
 * may stand in on errors. The `entry` of a `current` one is no longer in doubt.
 */
export interface Settled {
  readonly standing: Standing | "unconfirmed";
  readonly entry: Entry;
}

export interface BackplaneParts {
  readonly ledger: Ledger;
  readonly log: PurgeLog;
  readonly clock: Clock;
  readonly time: Pick<CacheTime, "now">;
  readonly bus: EventBus;
  /** Milliseconds that kept answers stay fresh without a look into the log. */
  readonly lease: number;
}

/**
 * This instance's end of the log of purges, see log-position.ts. Reads on news, on reconnects and twice a second. After a
 * gap nothing is dropped: entries from before it are held against the log's memory of last purges, once each.
 */
export class Backplane {
  readonly #parts: BackplaneParts;
  readonly #posting: Posting;
  readonly #recent: RecentPurges;
  readonly #checks = new WeakMap<Entry, Promise<Settled>>();
  readonly #stopPolling: Cancel;
  /** Position of the last purge that was read; -1: none was. */
  #cursor = -1;
  /** Where it was before the oldest purge made here that the log does not have, or was not read with, yet. */
  #own = -1;
  /** What was loaded below it may have been purged unseen. */
  #floor = 0;
  readonly #startedAt: number;
  /** Position of the log, or an earlier one, when this instance began: what it loaded before it knew the log is newer. */
  #start = 0;
  #looking = false;
  #again = false;
  #failing = false;
  #closed = false;
  #lookedAt: number;
  #lapsed = false;
  #cancelLapse: Cancel = () => {};
  #state: BackplaneStatus["state"] = "starting";
  #applied = 0;
  readonly #gaps = { trimmed: 0, lost: 0 };
  readonly #checked = { current: 0, stale: 0, gone: 0, unconfirmed: 0 };

  constructor(parts: BackplaneParts) {
    const { log, clock, ledger } = parts;
    this.#parts = parts;
    this.#recent = new RecentPurges(clock);
    this.#posting = new Posting({ log, above: () => this.#logged, sent: () => this.look() });
    ledger.follow(-1, -1);
    this.#startedAt = clock.now();
    this.#lookedAt = this.#startedAt;
    this.#armLapse();
    log.onNews(() => this.look());
    this.#stopPolling = clock.every(POLL, () => {
      this.look();
      this.#tell("tick");
    });
    this.look();
  }

  get #logged(): number {
    return Math.max(0, this.#cursor);
  }

  /** In force here when it returns; resolves to its position once the log has it, or cannot have it yet. */
  async purge(purge: Purge): Promise<number> {
    const { ledger } = this.#parts;
    ledger.record(purge);
    const { position } = ledger;
    return (await this.#posting.post(purge)) ?? position;
  }

  /** Whether an entry that no known purge is about has to be settled before it is used. Cheap: asked at each hit. */
  doubts({ position }: Entry): boolean {
    return this.#lapsed || position < this.#floor;
  }

  /** What is to be thought of an entry in doubt. Never rejects. */
  async settle(entry: Entry): Promise<Settled> {
    const checked = entry.position < this.#floor ? await this.#check(entry) : ({ standing: "current", entry } as const);
    const standing = this.#parts.ledger.standing(entry);
    if (checked.standing === "unconfirmed") return standing === "current" ? checked : { standing, entry };
    const worst = worse(checked.standing, standing);
    if (worst !== "current") return { standing: worst, entry };
    return this.#lapsed && !this.#isYoung(entry) ? { standing: "unconfirmed", entry } : checked;
  }

  status(): BackplaneStatus {
    const { outbox, count } = this.#posting;
    return {
      state: this.#state,
      position: this.#logged,
      lagMs: this.#parts.clock.now() - this.#lookedAt,
      applied: this.#applied,
      published: count,
      waiting: outbox.size,
      dropped: outbox.dropped,
      gaps: { ...this.#gaps },
      checks: { ...this.#checked },
    };
  }

  /** Looks into the log; while it is looked into, once more afterwards. */
  look(): void {
    if (this.#closed) return;
    if (this.#looking) this.#again = true;
    else void this.#lookOn();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopPolling();
    this.#cancelLapse();
    this.#posting.close();
    await this.#parts.log.close();
  }

  async #lookOn(): Promise<void> {
    this.#looking = true;
    try {
      do {
        this.#again = false;
        await this.#read();
      } while (this.#again && !this.#closed);
    } catch {
      this.#failing = true;
    } finally {
      this.#looking = false;
      this.#stateChanged();
    }
  }

  async #read(): Promise<void> {
    const { log, clock } = this.#parts;
    const heard = new Set<number>();
    for (let more = true; more && !this.#closed;) {
      const at = clock.now();
      const reading = await log.read(this.#cursor);
      if (this.#closed) return;
      this.#apply(reading);
      for (const { position } of reading.entries) heard.add(position);
      more = reading.more;
      if (more) continue;
      this.#lookedAt = at;
      this.#failing = false;
      this.#armLapse();
    }
    this.#stateChanged();
    this.#posting.heard(heard);
    this.#advance();
  }

  #apply({ now, last, lostFrom, entries, more }: Reading): void {
    if (this.#cursor < 0) this.#start = now - (this.#parts.clock.now() - this.#startedAt + 1) * SLOT;
    if (this.#cursor < 0 || lostFrom !== undefined) {
      for (const { purge } of entries) if (purge) this.#record(purge, last);
      if (this.#cursor >= 0) this.#gap("lost", last, lostFrom);
      else this.#floor = last;
      this.#cursor = last;
    } else {
      for (const logged of entries) this.#follow(logged);
      if (!more && last > this.#cursor) {
        this.#gap("trimmed", last);
        this.#cursor = last;
      }
    }
    this.#advance();
  }

  #advance(): void {
    if (this.#posting.idle) this.#own = this.#cursor;
    this.#parts.ledger.follow(this.#cursor, this.#own);
  }

  #follow({ position, before, purge }: Logged): void {
    if (before > this.#cursor) this.#gap("trimmed", position);
    else if (before < this.#cursor) this.#gap("lost", position, before);
    if (purge) {
      this.#record(purge, position);
      this.#recent.add(position, purge);
    }
    this.#cursor = position;
  }

  #record(purge: Purge, position: number): void {
    this.#parts.ledger.record(purge, position);
    this.#applied += 1;
  }

  /** Some purges below `floor` may have been missed; `lostFrom`: because the log forgot all above that. */
  #gap(kind: "trimmed" | "lost", floor: number, lostFrom?: number): void {
    this.#gaps[kind] += 1;
    if (kind === "trimmed" || !this.#isInStep) this.#floor = floor;
    this.#tell("gap");
    if (lostFrom !== undefined) this.#posting.again(this.#recent.takeAbove(lostFrom));
  }

  /**
   * Whether nothing can be missed by this instance when the log has lost its end, or all of it: what it has not read is
   * younger than its last look, and whoever made or read that brings it back.
   */
  get #isInStep(): boolean {
    const { clock, lease } = this.#parts;
    return clock.now() - this.#lookedAt < Math.min(lease, LONGEST_STEP);
  }

  #check(entry: Entry): Promise<Settled> {
    let check = this.#checks.get(entry);
    if (!check) {
      check = this.#remembered(entry).then((settled) => {
        this.#checks.delete(entry);
        this.#checked[settled.standing] += 1;
        return settled;
      });
      this.#checks.set(entry, check);
    }
    return check;
  }

  async #remembered(entry: Entry): Promise<Settled> {
    const floor = this.#floor;
    if (this.#failing || this.#cursor < 0) return { standing: "unconfirmed", entry };
    try {
      const { since, soft, hard } = await this.#parts.log.remembered(marksOfEntry(entry));
      const position = entry.position >= 0 && entry.position < SLOT ? this.#start : entry.position;
      if (hard > position) return { standing: "gone", entry };
      if (soft > position) return { standing: "stale", entry };
      if (since > position) return { standing: "unconfirmed", entry };
      return { standing: "current", entry: { ...entry, position: floor } };
    } catch {
      return { standing: "unconfirmed", entry };
    }
  }

  /** Whether the load began so lately that a purge since then is no older than the lease. Clocks of others may be off. */
  #isYoung({ head, buildMs }: Entry): boolean {
    const age = this.#parts.time.now() - head.receivedAt;
    return age >= 0 && age + buildMs < this.#parts.lease;
  }

  /** From the last look on. */
  #armLapse(): void {
    const { clock, lease } = this.#parts;
    this.#cancelLapse();
    this.#lapsed = false;
    const left = Math.max(0, lease - (clock.now() - this.#lookedAt));
    this.#cancelLapse = clock.after(left, () => this.#lapse(), "background");
  }

  #lapse(): void {
    this.#lapsed = true;
    this.#stateChanged();
  }

  #stateChanged(): void {
    const since = this.#parts.clock.now() - this.#lookedAt;
    const state = this.#lapsed ? "lapsed" : since > CUT_AFTER ? "cut" : this.#cursor < 0 ? "starting" : "in-step";
    if (state === this.#state) return;
    this.#state = state;
    this.#tell("state");
  }

  #tell(change: "tick" | "state" | "gap"): void {
    this.#parts.bus.publish("spillway:backplane", { ...this.status(), change });
  }
}
