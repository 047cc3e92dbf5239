import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../entry.ts";
import type { Lease, Leases } from "../flight/lease.ts";
import type { Notes } from "../flight/notes.ts";
import { judgeUsable } from "../rules/reuse.ts";
import type { CacheRequest, ReuseVerdict } from "../rules.ts";
import type { Ledger } from "../tags/ledger.ts";
import type { Backplane } from "../tags/backplane.ts";
import type { CacheTime } from "../time.ts";
import type { Loader, LoadPolicy } from "./cache.ts";
import { makeEntry, usabilityOf } from "./kept.ts";
import type { Loads } from "./loads.ts";
import type { Naming } from "./naming.ts";
import type { Order } from "./order.ts";
import { readDuration, readLifetimes, type LibrarySettings } from "./settings.ts";
import type { Levels, Shelf } from "./shelf.ts";
import { takeTurn } from "./turn.ts";
import { decodeValue, encodeValue } from "./value.ts";

export interface ReadsParts {
  readonly settings: LibrarySettings;
  /** Octets of a value that is kept. */
  readonly longest: number;
  readonly clock: Clock;
  readonly time: CacheTime;
  readonly ledger: Ledger;
  readonly shelf: Shelf;
  readonly order: Order;
  /** Absent: nobody else loads, or nobody can tell. */
  readonly leases: Leases | undefined;
  /** Absent: nobody else purges. */
  readonly backplane: Backplane | undefined;
  readonly loads: Loads;
  readonly notes: Notes;
  readonly naming: Naming;
  /** Before a key is loaded: what was written to it and is not at its source yet goes there. */
  readonly settle: (key: string) => Promise<void>;
  /** A load that nobody waits for has failed. */
  readonly failed: (error: Error) => void;
}

/** A kept value and what may be done with it. */
interface Kept {
  readonly value: unknown;
  readonly verdict: ReuseVerdict;
}

interface Failure {
  readonly error: Error;
  /** Monotonic milliseconds. */
  readonly until: number;
}

const MOST_FAILURES = 10_000;
/** A call asks as a request without any fields does. */
const PLAIN: CacheRequest = { method: "GET", headers: [] };

/** What callers read: from the tiers, or from where the values come from. */
export class Reads {
  readonly #parts: ReadsParts;
  readonly #failures = new LRUCache<string, Failure>({ max: MOST_FAILURES });

  constructor(parts: ReadsParts) {
    this.#parts = parts;
  }

  /** A fresh value only. */
  async fresh(key: string, levels: Levels): Promise<{ readonly value: unknown } | undefined> {
    const { naming, shelf } = this.#parts;
    const id = naming.id(key);
    const kept = await this.#judge(id, await shelf.find(id, levels));
    return kept?.verdict.use === "fresh" ? kept : undefined;
  }

  /** Fresh values only. */
  async freshMany(keys: readonly string[], levels: Levels): Promise<Map<string, unknown>> {
    const { naming, shelf } = this.#parts;
    const unique = [...new Set(keys)];
    const ids = unique.map((key) => naming.id(key));
    const entries = await shelf.findMany(ids, levels);
    const all = await Promise.all(entries.map((entry, i) => this.#judge(ids[i]!, entry)));
    const values = new Map<string, unknown>();
    for (const [i, kept] of all.entries()) if (kept?.verdict.use === "fresh") values.set(unique[i]!, kept.value);
    return values;
  }

  async getOrLoad<T>(key: string, loader: Loader<T>, policy: LoadPolicy<T> | undefined): Promise<T> {
    const { naming, shelf, notes, settings } = this.#parts;
    const id = naming.id(key);
    const softTimeout = readDuration("softTimeout", policy?.softTimeout, settings.softTimeout);
    const kept = await this.#judge(id, await shelf.find(id, policy?.levels));
    const use = kept?.verdict.use;
    if (use === "fresh") return kept!.value as T;
    const isQuiet = kept !== undefined && notes.isQuiet(id);
    if (use === "stale-while-revalidate") {
      if (!isQuiet) this.#load(key, id, loader, policy).catch(this.#parts.failed);
      return kept!.value as T;
    }
    const fallback = kept && "onError" in kept.verdict && kept.verdict.onError ? kept : undefined;
    if (fallback && isQuiet) return fallback.value as T;
    const failure = fallback ? undefined : this.#failureOf(id);
    if (failure) throw failure.error;
    const load = this.#load(key, id, loader, policy);
    const entry = fallback ? await this.#briefly(load, softTimeout) : await load;
    return (entry ? decodeValue(entry.body) : fallback!.value) as T;
  }

  /** The key was written: what went wrong with it before is over. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#failures.delete(this.#parts.naming.id(key));
  }

  forgetAll(): void {
    this.#failures.clear();
  }

  async #judge(id: string, found: Entry | undefined): Promise<Kept | undefined> {
    if (!found) return undefined;
    const { ledger, time, backplane } = this.#parts;
    const doubted = backplane?.doubts(found) ? await backplane.settle(found) : undefined;
    const { entry, standing } = doubted ?? { entry: found, standing: ledger.standing(found) };
    if (standing === "gone") return undefined;
    if (entry !== found) this.#parts.shelf.replace(id, found, entry);
    const verdict = judgeUsable(PLAIN, usabilityOf(entry, standing, time.now()));
    if (verdict.use === "revalidate" && !verdict.onError) return undefined;
    try {
      return { value: decodeValue(entry.body), verdict };
    } catch {
      // Made by a version of ours that writes other values: as good as nothing.
      return undefined;
    }
  }

  #failureOf(id: string): Failure | undefined {
    const failure = this.#failures.get(id);
    return failure && failure.until > this.#parts.clock.now() ? failure : undefined;
  }

  async #briefly(load: Promise<Entry>, ms: number): Promise<Entry | undefined> {
    const late = Promise.withResolvers<undefined>();
    const cancel = this.#parts.clock.after(ms, () => late.resolve(undefined), "background");
    // The failure stays behind: the caller has a value.
    const quiet = load.catch(() => undefined);
    return Promise.race([quiet, late.promise]).finally(cancel);
  }

  async #load<T>(key: string, id: string, loader: Loader<T>, policy: LoadPolicy<T> | undefined): Promise<Entry> {
    const { loads, settings, naming, shelf, order, ledger, longest, time, clock, settle } = this.#parts;
    const leases = policy?.levels ? undefined : this.#parts.leases;
    let lease: Lease | undefined;
    /** What another process has brought, which is in the tiers. */
    let brought: Entry | undefined;
    const lifetimes = readLifetimes(policy, settings);
    const errorTtl = readDuration("errorTtl", policy?.errorTtl, 0);
    const { tags = [], levels } = policy ?? {};
    return loads.join(id, {
      url: naming.url(key),
      tags: typeof tags === "function" ? undefined : tags,
      timeout: readDuration("loadTimeout", policy?.loadTimeout, settings.loadTimeout),
      run: async (position, signal) => {
        await settle(key);
        const look = (): Promise<Entry | undefined> => shelf.findFarther(id);
        const turn = leases && (await takeTurn(id, { leases, clock, look, signal }));
        if (turn && "body" in turn) return (brought = turn);
        lease = turn;
        const requestedAt = time.now();
        const fence = order(position);
        const value = await loader(key, signal);
        const facts = { url: naming.url(key), tags: typeof tags === "function" ? tags(value) : tags, position };
        const receivedAt = time.now();
        const made = { ...facts, ...lifetimes, receivedAt, buildMs: receivedAt - requestedAt };
        return makeEntry(encodeValue(value), { ...made, fence: Math.max(fence, shelf.fenceOf(id)) });
      },
      keep: (entry) => {
        if (entry === brought) return;
        ledger.kept(entry.keepUntil);
        const held = lease;
        lease = undefined;
        const put = entry.body.length <= longest ? shelf.put(id, entry, levels) : shelf.dropMany([id], levels);
        // Who waits for it looks for it in the tiers.
        void put.finally(() => held?.release("filled"));
      },
      ended: (error) => {
        lease?.release("nothing");
        this.#ended(id, error, errorTtl);
      },
    }).entry;
  }

  #ended(id: string, error: Error | undefined, errorTtl: number): void {
    const { notes, clock } = this.#parts;
    if (!error) return notes.succeeded(id);
    notes.failed(id);
    if (errorTtl > 0) this.#failures.set(id, { error, until: clock.now() + errorTtl });
  }
}
