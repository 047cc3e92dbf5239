import type { Clock } from "../../core/clock.ts";
import { toError } from "../../core/errors.ts";
import type { Entry } from "../entry.ts";
import type { Ledger, Purgeable } from "../tags/ledger.ts";

/** What a load is to bring. */
export interface Job {
  readonly url: string;
  /** As far as they are known before the value is. Undefined: not at all. */
  readonly tags: readonly string[] | undefined;
  /** Milliseconds after which it has failed. */
  readonly timeout: number;
  /** Gives the entry, made with this position of the ledger. */
  run(position: number, signal: AbortSignal): Promise<Entry>;
  /** It is to be kept: nothing was written to the key since it began, and no purge took it away. */
  keep(entry: Entry): void;
  /** It is over. Called once, before anybody hears of it. */
  ended(error: Error | undefined): void;
}

/** A load under way. */
export interface Load {
  readonly purgeable: Purgeable;
  /** Whether `purgeable` knows all tags. */
  readonly isTagged: boolean;
  readonly entry: Promise<Entry>;
}

/** Loads under way, at most one a key that a caller can join. */
export class Loads {
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  readonly #loads = new Map<string, Load>();

  constructor(clock: Clock, ledger: Ledger) {
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** The load under way that nothing has overtaken yet, or a new one. */
  join(key: string, job: Job): Load {
    const known = this.#loads.get(key);
    if (known && this.#isCurrent(known)) return known;
    const position = this.#ledger.position;
    const purgeable = { url: job.url, tags: job.tags ?? [], position };
    const { promise, resolve } = Promise.withResolvers<Entry>();
    const load: Load = { purgeable, isTagged: job.tags !== undefined, entry: promise };
    this.#loads.set(key, load);
    resolve(this.#run(key, load, job));
    // Who joins hears of a failure; a refresh may have nobody.
    void promise.catch(() => {});
    return load;
  }

  /** The keys were written: what is under way for them is too old to be kept or joined. */
  overtake(keys: readonly string[]): void {
    for (const key of keys) this.#loads.delete(key);
  }

  overtakeAll(): void {
    this.#loads.clear();
  }

  #isCurrent({ purgeable, isTagged }: Load): boolean {
    if (!isTagged) return purgeable.position >= this.#ledger.position;
    return this.#ledger.standing(purgeable) === "current";
  }

  async #run(key: string, load: Load, job: Job): Promise<Entry> {
    const abort = new AbortController();
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(job.timeout, () => {
      const error = new Error(`the load of ${job.url} took longer than ${job.timeout} ms`);
      late.reject(error);
      abort.abort(error);
    });
    try {
      const entry = await Promise.race([job.run(load.purgeable.position, abort.signal), late.promise]);
      if (this.#loads.get(key) === load && this.#ledger.standing(entry) !== "gone") job.keep(entry);
      job.ended(undefined);
      return entry;
    } catch (thrown) {
      job.ended(toError(thrown));
      throw thrown;
    } finally {
      cancel();
      if (this.#loads.get(key) === load) this.#loads.delete(key);
    }
  }
}
