import type { Clock, Random } from "../../core/clock.ts";
import { toError, UsageError } from "../../core/errors.ts";
import type { Store } from "../store.ts";
import type { Purge, PurgeTarget } from "../tags/ledger.ts";
import type { Cache, CachePurge, LevelsPolicy } from "./cache.ts";
import { usabilityOf } from "./kept.ts";
import { Loads } from "./loads.ts";
import { createNaming, type Naming } from "./naming.ts";
import { orderOf } from "./order.ts";
import { Reads } from "./reads.ts";
import type { LibrarySettings } from "./settings.ts";
import { Shelf } from "./shelf.ts";
import { WriteBehind } from "./write-behind.ts";
import { Writes } from "./writes.ts";

export interface CacheParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Tiers, ledger and line of time. Closed with the cache. */
  readonly store: Store;
  /** Told of failures that no call is told of. */
  readonly failed: (error: Error) => void;
}

/** What stands behind the face of a cache. */
function assemble(settings: LibrarySettings, { clock, random, store, failed }: CacheParts) {
  const { ledger, time, backplane, leases } = store;
  const { writer, flushEvery, maxPending } = settings;
  const naming = createNaming(settings.prefix);
  const shelf = new Shelf({
    tiers: store.tiers,
    time,
    ledger,
    isFresh(entry) {
      const { age, lifetime } = usabilityOf(entry, ledger.standing(entry), time.now());
      return age < lifetime;
    },
  });
  const order = orderOf(shelf, backplane !== undefined, time);
  const loads = new Loads(clock, ledger);
  const behind = writer && new WriteBehind({ clock, random, writer, flushEvery, most: maxPending, failed });
  const settle = async (key: string): Promise<void> => behind?.flushKey(key);
  const { notes } = store.flights;
  const longest = store.settings.maxEntry;
  const common = { settings, longest, clock, time, ledger, shelf, order, loads, naming };
  const reads = new Reads({ ...common, backplane, leases, notes, settle, failed });
  /** In force here when it returns; resolves to a position that whatever is written after it may have. */
  const purge = async (purge: Purge): Promise<number> => {
    try {
      return await store.purge(purge);
    } catch (thrown) {
      failed(toError(thrown));
      return ledger.position;
    }
  };
  const writes = new Writes({ ...common, reads, behind, purge });
  const forget = (): void => {
    loads.overtakeAll();
    reads.forgetAll();
  };
  return { naming, shelf, behind, settle, reads, writes, purge, forget };
}

/** A cache over a store of its own. */
export function createCache(settings: LibrarySettings, parts: CacheParts): Cache {
  const { naming, shelf, behind, settle, reads, writes, purge, forget } = assemble(settings, parts);
  const { loader } = settings;
  return {
    async get<T>(key: string, policy?: LevelsPolicy) {
      if (loader) return reads.getOrLoad(key, loader, policy) as Promise<T>;
      const found = await reads.fresh(key, policy?.levels);
      // A caller that reads the source after a miss must find there what it has set.
      if (!found) await settle(key);
      return found?.value as T | undefined;
    },
    getMany: async <T>(keys: readonly string[], policy?: LevelsPolicy) =>
      (await reads.freshMany(keys, policy?.levels)) as Map<string, T>,
    getOrLoad: (key, load, policy) => reads.getOrLoad(key, load, policy),
    set: (key, value, policy) => writes.set([[key, value]], policy),
    setMany: (values, policy) => writes.set(values, policy),
    delete: (key, policy) => writes.delete([key], policy?.levels),
    deleteMany: (keys, policy) => writes.delete(keys, policy?.levels),
    async purge(what) {
      const targets = targetsOf(what, naming);
      await purge({ targets, soft: what.soft ?? false });
      reads.forgetAll();
    },
    async clear() {
      await purge({ targets: [everything(naming)], soft: false });
      forget();
      await shelf.clear();
    },
    flush: async () => behind?.flush(),
    async close() {
      try {
        await behind?.close();
      } finally {
        forget();
        await parts.store.close();
      }
    },
  };
}

const everything = (naming: Naming): PurgeTarget => ({ kind: "prefix", prefix: naming.url("") });

function targetsOf({ tags = [], keys = [], prefix, all = false }: CachePurge, naming: Naming): readonly PurgeTarget[] {
  const targets: PurgeTarget[] = [
    ...tags.map((tag) => ({ kind: "tag", tag }) as const),
    ...keys.map((key) => ({ kind: "url", url: naming.url(key) }) as const),
    ...(prefix === undefined ? [] : [{ kind: "prefix", prefix: naming.url(prefix) } as const]),
    ...(all ? [everything(naming)] : []),
  ];
  if (targets.length === 0) throw new UsageError("purge: says not what: give tags, keys, a prefix or all: true");
  return targets;
}
