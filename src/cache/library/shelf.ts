import type { CacheTier } from "../../core/outcome.ts";
import type { Entry } from "../entry.ts";
import { deleteMany, getMany, setMany } from "../tiers/batch.ts";
import { asOurs, asShared, positionsOf, type NamedTier, type Positions } from "../tiers/tiers.ts";
import type { Ledger } from "../tags/ledger.ts";
import type { CacheTime } from "../time.ts";

/** Which tiers a call is about. Absent: all. */
export type Levels = readonly CacheTier[] | undefined;

export interface ShelfParts {
  readonly tiers: readonly NamedTier[];
  readonly time: CacheTime;
  readonly ledger: Ledger;
  readonly isFresh: (entry: Entry) => boolean;
}

/** One look at the farther tiers for a key. */
interface Look {
  readonly tiers: readonly NamedTier[];
  /** For who asks for the same meanwhile; undefined: one of a batch. */
  readonly found: Promise<Entry | undefined> | undefined;
}

const anyVariant = (): string => "";
const isRemote = ({ name }: NamedTier): boolean => name !== "memory";

/**
 * Tiers as a map of keys to entries. What a farther tier has is put into the nearer ones as it is, unless the key was
 * written meanwhile. A remote tier is guarded: it never rejects.
 */
export class Shelf {
  /** Whether others may read and write what is kept. */
  readonly isShared: boolean;
  readonly #tiers: readonly NamedTier[];
  readonly #time: CacheTime;
  readonly #positions: Positions;
  readonly #isFresh: (entry: Entry) => boolean;
  /** Under way, by key; one that a write has overtaken is no longer among them. */
  readonly #looks = new Map<string, Look[]>();

  /** `isFresh`: whether what is in memory will do without a look farther away. */
  constructor({ tiers, time, ledger, isFresh }: ShelfParts) {
    this.isShared = tiers.some(isRemote);
    this.#tiers = tiers;
    this.#time = time;
    this.#positions = positionsOf(ledger, time);
    this.#isFresh = isFresh;
  }

  /** What is to be had without waiting. */
  near(key: string, levels?: Levels): Entry | undefined {
    const first = this.#chosen(levels)[0];
    const found = first?.name === "memory" ? first.tier.get(key, anyVariant) : undefined;
    return found instanceof Promise ? undefined : found;
  }

  /** The fence of what is in memory, which nothing that is written here later may be below. */
  fenceOf(key: string): number {
    return this.#tiers[0]?.tier.variants?.(key)[0]?.fence ?? 0;
  }

  /** What is in memory if that is fresh, otherwise the newest there is. */
  async find(key: string, levels?: Levels): Promise<Entry | undefined> {
    const near = this.near(key, levels);
    if (!this.isShared) return near;
    const look = near && this.#isFresh(near) ? undefined : this.#look(key, this.#chosen(levels));
    if (!look) return near;
    const far = await look;
    return this.#better(this.near(key, levels), far);
  }

  /** What farther tiers have, if that is fresh. */
  async findFarther(key: string): Promise<Entry | undefined> {
    const far = await this.#look(key, this.#tiers);
    return far && this.#isFresh(far) ? far : undefined;
  }

  /** As many as there are keys; one round trip to each tier that can do so. */
  async findMany(keys: readonly string[], levels?: Levels): Promise<(Entry | undefined)[]> {
    const tiers = this.#chosen(levels);
    const found = keys.map((key) => this.near(key, levels));
    if (!tiers.some(isRemote)) return found;
    const looks = new Map<number, Look>();
    const far = new Set<number>();
    for (const [i, key] of keys.entries()) {
      if (!found[i] || !this.#isFresh(found[i])) looks.set(i, this.#begin(key, tiers));
    }
    try {
      for (const [at, named] of tiers.entries()) {
        const missing = isRemote(named) ? [...looks.keys()].filter((i) => !far.has(i)) : [];
        if (missing.length === 0) continue;
        const entries = await getMany(
          named.tier,
          missing.map((i) => keys[i]!),
        );
        for (const [n, i] of missing.entries()) {
          const entry = entries[n] && this.#asOurs(entries[n]);
          if (!entry) continue;
          far.add(i);
          found[i] = this.#better(this.near(keys[i]!, levels), entry);
          if (this.#isUnderWay(keys[i]!, looks.get(i)!)) this.#promote(tiers.slice(0, at), keys[i]!, entry);
        }
      }
    } finally {
      for (const [i, look] of looks) this.#end(keys[i]!, look);
    }
    return found;
  }

  /** Puts another copy of what is in memory in its place there, unless that has been written since. */
  replace(key: string, before: Entry, entry: Entry): void {
    const [memory] = this.#tiers;
    if (memory?.name === "memory" && this.near(key) === before) void memory.tier.set(key, entry);
  }

  /** Waits until every tier has it, or has said no. */
  async put(key: string, entry: Entry, levels?: Levels): Promise<void> {
    await this.putMany([[key, entry]], levels);
  }

  async putMany(entries: readonly (readonly [key: string, entry: Entry])[], levels?: Levels): Promise<void> {
    const keys = entries.map(([key]) => key);
    await this.#write(keys, levels, ({ name, tier }) => {
      const shared = entries.map(([key, entry]) => [key, asShared(name, entry, this.#time, this.#positions)] as const);
      return setMany(tier, shared);
    });
  }

  async dropMany(keys: readonly string[], levels?: Levels): Promise<void> {
    await this.#write(keys, levels, ({ tier }) => deleteMany(tier, keys));
  }

  async clear(): Promise<void> {
    this.#looks.clear();
    await Promise.all(this.#tiers.map(async ({ tier }) => tier.clear()));
    this.#looks.clear();
  }

  #chosen(levels: Levels): readonly NamedTier[] {
    return levels ? this.#tiers.filter(({ name }) => levels.includes(name)) : this.#tiers;
  }

  /** Who looked before the last tier was written must not put what was there before into another one. */
  async #write(keys: readonly string[], levels: Levels, write: (to: NamedTier) => Promise<void>): Promise<void> {
    for (const key of keys) this.#looks.delete(key);
    await Promise.all(this.#chosen(levels).map(write));
    for (const key of keys) this.#looks.delete(key);
  }

  #look(key: string, tiers: readonly NamedTier[]): Promise<Entry | undefined> | undefined {
    if (!tiers.some(isRemote)) return undefined;
    const joined = this.#looks.get(key)?.find((look) => look.tiers === tiers && look.found);
    if (joined) return joined.found;
    const { promise, resolve } = Promise.withResolvers<Entry | undefined>();
    const look = this.#begin(key, tiers, promise);
    resolve(this.#lookInto(key, look).finally(() => this.#end(key, look)));
    return promise;
  }

  async #lookInto(key: string, look: Look): Promise<Entry | undefined> {
    for (const [at, named] of look.tiers.entries()) {
      const found = isRemote(named) ? await named.tier.get(key, anyVariant) : undefined;
      if (!found) continue;
      const entry = this.#asOurs(found);
      if (this.#isUnderWay(key, look)) this.#promote(look.tiers.slice(0, at), key, entry);
      return entry;
    }
    return undefined;
  }

  /** What is fresh, in memory first; of what is not, the one that came later. */
  #better(near: Entry | undefined, far: Entry | undefined): Entry | undefined {
    if (!near || !far) return near ?? far;
    if (this.#isFresh(near)) return near;
    return this.#isFresh(far) || far.head.receivedAt > near.head.receivedAt ? far : near;
  }

  #asOurs(found: Entry): Entry {
    return asOurs(found, this.#time, this.#positions);
  }

  #promote(nearer: readonly NamedTier[], key: string, entry: Entry): void {
    if (this.#better(this.near(key), entry) !== entry) return;
    for (const { name, tier, admits } of nearer) {
      if (admits?.(key, entry) ?? true) void tier.set(key, asShared(name, entry, this.#time, this.#positions));
    }
  }

  #begin(key: string, tiers: readonly NamedTier[], found?: Promise<Entry | undefined>): Look {
    const look = { tiers, found };
    const looks = this.#looks.get(key);
    if (looks) looks.push(look);
    else this.#looks.set(key, [look]);
    return look;
  }

  #isUnderWay(key: string, look: Look): boolean {
    return this.#looks.get(key)?.includes(look) ?? false;
  }

  #end(key: string, look: Look): void {
    const looks = this.#looks.get(key);
    const at = looks?.indexOf(look) ?? -1;
    if (!looks || at < 0) return;
    looks.splice(at, 1);
    if (looks.length === 0) this.#looks.delete(key);
  }
}
