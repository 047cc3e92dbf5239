import type { Purge } from "./ledger.ts";
import type { PurgeLog } from "./log.ts";
import { Outbox, purgesOf, type Parcel } from "./outbox.ts";

export interface PostingParts {
  readonly log: Pick<PurgeLog, "append">;
  /** How far this instance has come in the log: what is appended goes above it. */
  readonly above: () => number;
  /** Told that something was appended. */
  readonly sent: () => void;
}

/** A parcel that the log has taken, and that was not read from it yet. `position`: of the last purge in it. */
interface Sent {
  readonly position: number;
  readonly parcel: Parcel;
}

/** Who waits for what was asked for up to now. */
interface Turn {
  readonly promise: Promise<number | undefined>;
  resolve(position: number | undefined): void;
}

/** Brings purges into the log, one call at a time: what comes meanwhile goes together with the next one. */
export class Posting {
  readonly outbox = new Outbox();
  readonly #parts: PostingParts;
  readonly #unheard: Sent[] = [];
  #turn: Turn | undefined;
  #delivering = false;
  #closed = false;
  #count = 0;
  /** Position of the last purge appended here. */
  #newest = 0;

  constructor(parts: PostingParts) {
    this.#parts = parts;
  }

  /** Targets that the log has taken so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether the log has, and was read with, all that was to be brought there. */
  get idle(): boolean {
    return this.outbox.size === 0 && !this.#delivering && this.#unheard.length === 0;
  }

  /** Resolves to the purge's position in the log; undefined: it waits until the log is back. Never rejects. */
  post(purge: Purge): Promise<number | undefined> {
    this.outbox.add(purge);
    const turn = (this.#turn ??= Promise.withResolvers<number | undefined>());
    this.deliver();
    return turn.promise;
  }

  /** Tries anew, if anything waits. */
  deliver(): void {
    if (this.#delivering || this.#closed || this.outbox.size === 0) return;
    this.#delivering = true;
    void this.#deliverAll().finally(() => {
      this.#delivering = false;
    });
  }

  /** The log has been read up to its end, these positions since the last time: what is not among them is not in it. */
  heard(positions: ReadonlySet<number>): void {
    for (const { position, parcel } of this.#unheard.splice(0)) {
      if (!positions.has(position)) this.outbox.putBack(parcel);
    }
    this.deliver();
  }

  /** These have to go anew: the log has lost them. */
  again(purges: readonly Purge[]): void {
    for (const purge of purges) this.outbox.add(purge);
    this.deliver();
  }

  close(): void {
    this.#closed = true;
    this.#giveUp();
  }

  async #deliverAll(): Promise<void> {
    // What is asked for in this turn of the loop goes together.
    await Promise.resolve();
    while (this.outbox.size > 0 && !this.#closed) {
      const turn = this.#turn;
      this.#turn = undefined;
      const position = await this.#deliverDue(this.outbox.size);
      turn?.resolve(position);
      if (position === undefined) return this.#giveUp();
    }
  }

  /** Nobody waits for what waits itself. */
  #giveUp(): void {
    this.#turn?.resolve(undefined);
    this.#turn = undefined;
  }

  /** Sends the oldest `due` targets; undefined when it could not. */
  async #deliverDue(due: number): Promise<number | undefined> {
    const { log, above, sent } = this.#parts;
    let position: number | undefined;
    for (let left = due; left > 0;) {
      const parcel = this.outbox.take();
      try {
        position = await log.append(purgesOf(parcel), Math.max(above(), this.#newest));
        this.#newest = position;
      } catch {
        this.outbox.putBack(parcel);
        return undefined;
      }
      left -= parcel.length;
      this.#count += parcel.length;
      this.#unheard.push({ position, parcel });
      sent();
    }
    return position;
  }
}
