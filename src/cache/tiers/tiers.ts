import type { CacheTier } from "../../core/outcome.ts";
import type { Entry } from "../entry.ts";
import type { CacheTime } from "../time.ts";
import type { Ledger } from "../tags/ledger.ts";
import type { Tier, VariantOf } from "./tier.ts";

/** A tier with its name. A remote one is guarded: it never rejects and answers within its deadline. */
export interface NamedTier {
  readonly name: CacheTier;
  readonly tier: Tier;
  /** Whether it takes what was found farther away. Absent: always. */
  readonly admits?: (key: string, entry: Entry) => boolean;
}

/** A kept answer, and where it was. */
export interface Found {
  readonly entry: Entry;
  readonly tier: CacheTier;
}

/** How positions of entries are told to other processes, and understood when they come from there. */
export interface Positions {
  /** What entries of this process bear, see ledger.ts. */
  readonly origin: number;
  /** Of an entry of a shared tier, its times on our line. */
  here(entry: Entry): number;
}

const NONE: readonly Entry[] = [];

/** They mean the same everywhere. */
const SAME: Positions = { origin: 0, here: ({ position }) => position };

/** As a ledger has them. */
export const positionsOf = (
  ledger: Pick<Ledger, "origin" | "positionHere">,
  time: Pick<CacheTime, "slack">,
): Positions => ({
  origin: ledger.origin,
  here: (entry) => ledger.positionHere(entry, time.slack()),
});

/**
 * The tiers of one route, asked in order. What a farther one has is put into the nearer ones as it is: how long it may
 * be used was settled when it was made.
 */
export class Tiers {
  readonly #tiers: readonly NamedTier[];
  readonly #time: Pick<CacheTime, "ahead">;
  readonly #positions: Positions;

  /** `positions`: default: they mean the same everywhere. */
  constructor(tiers: readonly NamedTier[], time: Pick<CacheTime, "ahead">, positions = SAME) {
    this.#tiers = tiers;
    this.#time = time;
    this.#positions = positions;
  }

  /** Whether what one instance puts in another finds. */
  get shared(): boolean {
    return this.#tiers.some(({ name }) => name !== "memory");
  }

  /** A promise only where a tier other than memory is asked. */
  find(key: string, variantOf: VariantOf): Found | undefined | Promise<Found | undefined> {
    const first = this.#tiers[0];
    if (!first) return undefined;
    const found = first.tier.get(key, variantOf);
    if (found instanceof Promise) return this.#findFrom(0, key, variantOf, found);
    if (found) return { entry: found, tier: first.name };
    return this.#tiers.length === 1 ? undefined : this.#findFarther(first, key, variantOf);
  }

  /** What was fetched while the others were asked is here by now. */
  async #findFarther({ name, tier }: NamedTier, key: string, variantOf: VariantOf): Promise<Found | undefined> {
    const found = await this.#findFrom(1, key, variantOf);
    const entry = found ? undefined : await tier.get(key, variantOf);
    return entry ? { entry, tier: name } : found;
  }

  async #findFrom(
    start: number,
    key: string,
    variantOf: VariantOf,
    asked?: Promise<Entry | undefined>,
    newer = false,
  ): Promise<Found | undefined> {
    for (let at = start; at < this.#tiers.length; at++) {
      const { name, tier } = this.#tiers[at]!;
      const found = await (at === start && asked ? asked : tier.get(key, variantOf));
      if (!found) continue;
      const entry = name === "memory" ? found : asOurs(found, this.#time, this.#positions);
      for (const nearer of this.#tiers.slice(0, at)) {
        if (newer || (nearer.admits?.(key, entry) ?? true)) void this.#set(nearer, key, entry);
      }
      return { entry, tier: name };
    }
    return undefined;
  }

  /** All variants of a key that are at hand, without a look into farther tiers. */
  variants(key: string): readonly Entry[] {
    return this.#tiers[0]?.tier.variants?.(key) ?? NONE;
  }

  /** As {@link find}, past memory, which takes over what is found: it may be newer than what is there. */
  findFarther(key: string, variantOf: VariantOf): Promise<Found | undefined> {
    return this.#findFrom(this.#tiers[0]?.name === "memory" ? 1 : 0, key, variantOf, undefined, true);
  }

  put(key: string, entry: Entry): void {
    void this.place(key, entry);
  }

  /** As `put`. Resolves when every tier has done what it will; nothing where all of them have already. */
  place(key: string, entry: Entry): Promise<unknown> | undefined {
    const under = this.#tiers.map((tier) => this.#set(tier, key, entry)).filter((set) => set instanceof Promise);
    return under.length > 0 ? Promise.all(under) : undefined;
  }

  /** Another copy of what was found here or farther away, for this process only. */
  confirm(key: string, entry: Entry): void {
    for (const { name, tier } of this.#tiers) if (name === "memory") void tier.set(key, entry);
  }

  /** The same variant in the nearest tier behind memory. */
  async farther(key: string, { vary, variant }: Entry): Promise<Entry | undefined> {
    const next = this.#tiers.find(({ name }) => name !== "memory");
    const found = await next?.tier.get(key, (named) => (named === vary ? variant : undefined));
    return found && asOurs(found, this.#time, this.#positions);
  }

  /** Whether memory has this very copy. */
  hasStill(key: string, entry: Entry): boolean {
    const memory = this.#tiers.find(({ name }) => name === "memory");
    return memory?.tier.get(key, (named) => (named === entry.vary ? entry.variant : undefined)) === entry;
  }

  drop(key: string): void {
    for (const { tier } of this.#tiers) void tier.delete(key);
  }

  #set({ name, tier }: NamedTier, key: string, entry: Entry): void | Promise<void> {
    return tier.set(key, asShared(name, entry, this.#time, this.#positions));
  }
}

/** An entry for a tier: its times as the tier has them, and under whose name its position means something. */
export function asShared(
  name: CacheTier,
  entry: Entry,
  time: Pick<CacheTime, "ahead">,
  { origin }: Pick<Positions, "origin">,
): Entry {
  if (name === "memory") return entry;
  const shared = moved(entry, time.ahead());
  return shared.origin === origin ? shared : { ...shared, origin };
}

/** An entry of a tier that other processes write to: its times on our line, its position in our ledger. */
export function asOurs(found: Entry, time: Pick<CacheTime, "ahead">, positions: Pick<Positions, "here">): Entry {
  const entry = moved(found, -time.ahead());
  const position = positions.here(entry);
  return position === entry.position ? entry : { ...entry, position };
}

/** An entry whose times are so many milliseconds later: other processes share tiers, but no line of time. */
function moved(entry: Entry, by: number): Entry {
  if (by === 0) return entry;
  const head = { ...entry.head, receivedAt: entry.head.receivedAt + by };
  return { ...entry, head, keepUntil: entry.keepUntil + by };
}
