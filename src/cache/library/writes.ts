import type { Clock } from "../../core/clock.ts";
import { UsageError } from "../../core/errors.ts";
import type { Ledger, Purge } from "../tags/ledger.ts";
import type { CacheTime } from "../time.ts";
import type { SetPolicy, WriteStrategy } from "./cache.ts";
import { makeEntry } from "./kept.ts";
import type { Loads } from "./loads.ts";
import type { Naming } from "./naming.ts";
import type { Order } from "./order.ts";
import type { Reads } from "./reads.ts";
import { readLifetimes, type LibrarySettings } from "./settings.ts";
import type { Levels, Shelf } from "./shelf.ts";
import { decodeValue, encodeValue } from "./value.ts";
import type { WriteBehind } from "./write-behind.ts";

export interface WritesParts {
  readonly settings: LibrarySettings;
  /** Octets of a value that is kept. */
  readonly longest: number;
  readonly clock: Clock;
  readonly time: CacheTime;
  readonly ledger: Ledger;
  readonly shelf: Shelf;
  readonly order: Order;
  readonly loads: Loads;
  readonly reads: Reads;
  readonly naming: Naming;
  /** Present with a writer. */
  readonly behind: WriteBehind | undefined;
  /** In force when it returns; resolves to the position that what is written after it has. */
  readonly purge: (purge: Purge) => Promise<number>;
}

/** Milliseconds that a write waits at most once Redis has shown that it hangs. */
const LONGEST_WAIT = 500;
/** Milliseconds of silence of the log that show it. */
const HANGS_AFTER = 250;

/** A value on its way. */
interface Written {
  readonly key: string;
  readonly bytes: Buffer;
}

/** What callers write, to the tiers and to where the values belong. */
export class Writes {
  readonly #parts: WritesParts;
  /** By key, the newest of the writes that go through and are not over: one begins when the one before it has ended. */
  readonly #through = new Map<string, Promise<void>>();

  constructor(parts: WritesParts) {
    this.#parts = parts;
  }

  async set(values: Iterable<readonly [key: string, value: unknown]>, policy: SetPolicy | undefined): Promise<void> {
    const written: Written[] = [];
    // All of it is read before the first of it takes effect: later changes of a value are not part of it.
    for (const [key, value] of values) {
      this.#parts.naming.id(key);
      written.push({ key, bytes: encodeValue(value) });
    }
    const strategy = this.#strategy(policy);
    if (strategy === "through") {
      await Promise.all(written.map((one) => this.#inTurn(one.key, () => this.#writeThrough(one, policy))));
      return;
    }
    const kept = this.#keep(written, policy);
    if (strategy === "back") await this.#writeBehind(written);
    await kept;
  }

  async delete(keys: readonly string[], levels: Levels): Promise<void> {
    const { behind, naming } = this.#parts;
    for (const key of keys) naming.id(key);
    if (behind) await Promise.all(keys.map((key) => behind.flushKey(key)));
    await this.#drop(keys, levels);
  }

  async #drop(keys: readonly string[], levels: Levels): Promise<void> {
    const { naming, shelf } = this.#parts;
    this.#overtake(keys);
    await this.#invalidate(keys, levels);
    await shelf.dropMany(
      keys.map((key) => naming.id(key)),
      levels,
    );
    this.#overtake(keys);
  }

  #strategy(policy: SetPolicy | undefined): WriteStrategy {
    const { settings } = this.#parts;
    const strategy = policy?.write ?? settings.write ?? (settings.writer ? "through" : "aside");
    if (strategy !== "aside" && !settings.writer)
      throw new UsageError(`write: ${strategy} needs a writer: give one to createCache`);
    return strategy;
  }

  /** Runs `act` after every earlier one for the key, so that tiers and source end with the same value. */
  async #inTurn(key: string, act: () => Promise<void>): Promise<void> {
    const before = this.#through.get(key);
    const turn = (async () => {
      await before?.catch(() => {});
      await act();
    })();
    this.#through.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#through.get(key) === turn) this.#through.delete(key);
    }
  }

  async #writeThrough(one: Written, policy: SetPolicy | undefined): Promise<void> {
    const { settings, behind } = this.#parts;
    try {
      await behind?.flushKey(one.key);
      await settings.writer!(one.key, decodeValue(one.bytes));
    } catch (thrown) {
      // Nobody knows whether the source has it: what is kept may be old.
      await this.#drop([one.key], undefined);
      throw thrown;
    }
    await this.#keep([one], policy);
  }

  async #writeBehind(written: readonly Written[]): Promise<void> {
    const added = await Promise.allSettled(written.map(({ key, bytes }) => this.#parts.behind!.add(key, bytes)));
    const lost = written.filter((_, i) => added[i]!.status === "rejected");
    if (lost.length === 0) return;
    const keys = lost.map(({ key }) => key);
    await this.#drop(keys, undefined);
    throw new Error(`the cache is closed: ${keys.length} values were not written, the first of them ${keys[0]}`);
  }

  async #keep(written: readonly Written[], policy: SetPolicy | undefined): Promise<void> {
    const { settings, longest, naming, shelf, order, ledger, time, clock } = this.#parts;
    const startedAt = clock.now();
    const keys = written.map(({ key }) => key);
    this.#overtake(keys);
    const invalidated = this.#invalidate(keys, policy?.levels);
    const position = typeof invalidated === "number" ? invalidated : await invalidated;
    const facts = { ...readLifetimes(policy, settings), tags: policy?.tags ?? [], position };
    const receivedAt = time.now();
    const fence = order(position);
    this.#overtake(keys);
    const tooLong = written.filter(({ bytes }) => bytes.length > longest);
    const entries = written
      .filter(({ bytes }) => bytes.length <= longest)
      .map(({ key, bytes }) => {
        const id = naming.id(key);
        const own = { url: naming.url(key), fence: Math.max(fence, shelf.fenceOf(id)) };
        const entry = makeEntry(bytes, { ...facts, ...own, receivedAt, buildMs: 0 });
        ledger.kept(entry.keepUntil);
        return [id, entry] as const;
      });
    const dropped = tooLong.map(({ key }) => naming.id(key));
    const put = Promise.all([
      shelf.putMany(entries, policy?.levels),
      dropped.length > 0 ? shelf.dropMany(dropped, policy?.levels) : undefined,
    ]);
    const waited = clock.now() - startedAt;
    await (waited < HANGS_AFTER ? put : this.#briefly(put, LONGEST_WAIT - waited));
  }

  /** The tiers get what the log has left of the wait: each of them has a deadline, and the two do not add up. */
  async #briefly(put: Promise<unknown>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(ms, late.resolve, "background");
    await Promise.race([put, late.promise]).finally(cancel);
  }

  /**
   * Where others keep the keys, too: what is older is used no more, in whatever memory it is, or in a tier that is away
   * now. Gives the position that newer values have. Also of a key that no tier has: another process may have it in
   * its memory all the same, or be about to keep what it began to load before.
   */
  #invalidate(keys: readonly string[], levels: Levels): number | Promise<number> {
    const { naming, shelf, ledger, purge } = this.#parts;
    if (levels || !shelf.isShared || keys.length === 0) return ledger.position;
    return purge({ targets: keys.map((key) => ({ kind: "url", url: naming.url(key) })), soft: false });
  }

  /** What is being loaded of the keys is older than what was just written. */
  #overtake(keys: readonly string[]): void {
    const { loads, reads, naming } = this.#parts;
    loads.overtake(keys.map((key) => naming.id(key)));
    reads.forget(keys);
  }
}
