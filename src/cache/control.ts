import type {
  CacheAnswer,
  CacheAsk,
  CacheReading,
  Counted,
  EntryReading,
  PurgeOrder,
  TagsReading,
  WarmAsk,
} from "../core/cache-control.ts";
import type { EventBus } from "../core/events.ts";
import type { CacheTier } from "../core/outcome.ts";
import { sizeOf, type Entry } from "./entry.ts";
import { figuresOf, type CacheFigures } from "./figures.ts";
import type { Store } from "./store.ts";
import { MostFrequent } from "./most-frequent.ts";
import { targetsOf } from "./tags/purge.ts";
import { countPurged } from "./purge-count.ts";
import type { Purge } from "./tags/ledger.ts";

export interface CacheControlParts {
  readonly bus: EventBus;
  /** The one in force. */
  readonly store: () => Store;
  /** A URL as requests for it have it; undefined for one that no request could have. */
  readonly canonical: (url: string) => string | undefined;
}

/** Names in each list of the most frequent. */
const LISTED = 20;
/** Tags that are counted at a time; with more of them the counts are upper bounds. */
const COUNTED_TAGS = 10_000;

/** The operators' side of the cache of this process. */
export interface CacheControl {
  ask(ask: Exclude<CacheAsk, WarmAsk>): Promise<CacheAnswer>;
  /** Another process of this machine purged this: what it published on `spillway:purged`. */
  hear(purge: string): void;
  /** Ends the counting. */
  close(): void;
}

/** Counts from now on. */
export function createCacheControl({ bus, store, canonical }: CacheControlParts): CacheControl {
  const { figures, close } = figuresOf(bus);
  return {
    close,
    hear: (purge) => store().hear(purge),
    async ask(ask) {
      switch (ask.do) {
        case "read":
          return { did: "read", reading: read(store(), figures) };
        case "tags":
          return { did: "tags", tags: readTags(store()) };
        case "entries":
          return { did: "entries", entries: await findEntries(store(), canonical(ask.key) ?? ask.key) };
        case "purge":
          return purge(store(), ask.order, ask.share, canonical);
      }
    },
  };
}

function read(store: Store, figures: CacheFigures): CacheReading {
  const memory = store.memory.stats();
  const tiers = store.tiers.map(({ name }) => ({
    tier: name,
    entries: name === "memory" ? memory.entries : undefined,
    bytes: name === "memory" ? memory.bytes : undefined,
    maxBytes: name === "memory" ? memory.limit : undefined,
    ...figures.ofTier(name),
    lookups: store.lookups(name),
  }));
  const held = store.memory.list(Number.POSITIVE_INFINITY);
  const used = held.filter(({ hits }) => hits > 0).toSorted((a, b) => b.hits - a.hits);
  const counted = figures.read();
  return {
    ...counted,
    lifetimes: store.lifetimes.read(counted.routes),
    tiers,
    classes: Object.entries(store.memoryByClass()).map(([name, { entries, bytes, limit, removed }]) => ({
      class: name,
      entries,
      bytes,
      maxBytes: limit,
      removed,
    })),
    moved: store.moved(),
    flights: store.flights.size,
    ledger: store.ledger.size(),
    used: used.slice(0, LISTED).map(({ value, hits }) => ({ name: value[0]?.url ?? "", count: hits })),
  };
}

function readTags({ ledger, memory }: Store): TagsReading {
  const tags = new Map<string, number>();
  const rest = new MostFrequent(LISTED);
  for (const { value } of memory.list(Number.POSITIVE_INFINITY)) {
    for (const tag of value.flatMap((entry) => entry.tags)) {
      const count = tags.get(tag);
      if (count !== undefined || tags.size < COUNTED_TAGS) tags.set(tag, (count ?? 0) + 1);
      else rest.add(tag);
    }
  }
  const counted = Array.from(tags, ([name, count]): Counted => ({ name, count }));
  const newest = ledger.newest(LISTED);
  const purged = [
    ...newest.tags.map(({ name, mark }) => ({ target: name, mark })),
    ...newest.bans.map(({ target, mark }) => ({
      target: target.kind === "prefix" ? `${target.prefix}…` : target.pattern,
      mark,
    })),
  ];
  return {
    ledger: ledger.size(),
    top: [...counted, ...rest.read()].toSorted((a, b) => b.count - a.count).slice(0, LISTED),
    purged: purged.map(({ target, mark }) => ({
      target,
      soft: mark.soft > mark.hard,
      position: Math.floor(Math.max(mark.soft, mark.hard) / 2),
    })),
  };
}

/** What is kept under a key, or of a URL, in memory; under a key also what other tiers hold of answers without Vary. */
async function findEntries(store: Store, key: string): Promise<readonly EntryReading[]> {
  const held = isUrl(key)
    ? store.memory.list(Number.POSITIVE_INFINITY).filter(({ value }) => value[0]?.url === key)
    : [store.memory.peek(key)].filter((found) => found !== undefined);
  const inMemory = held.flatMap((one) =>
    one.value.map((entry) => readEntry(store, "memory", one.key, entry, one.hits)),
  );
  const keys = isUrl(key) ? held.map((one) => one.key) : [key];
  const others = store.tiers.filter(({ name }) => name !== "memory");
  const elsewhere = await Promise.all(
    others.flatMap(({ name, tier }) =>
      keys.map(async (each) => {
        const entry = await tier.get(each, (vary) => (vary === "" ? "" : undefined));
        return entry ? [readEntry(store, name, each, entry, 0)] : [];
      }),
    ),
  );
  return [...inMemory, ...elsewhere.flat()];
}

function readEntry(store: Store, tier: CacheTier, key: string, entry: Entry, hits: number): EntryReading {
  const { head, url, vary, variant, tags, keepUntil, buildMs, body, usedAt } = entry;
  return {
    tier,
    key,
    url,
    status: head.status,
    headers: head.headers,
    vary,
    variant,
    tags,
    createdAt: head.receivedAt,
    keepUntil,
    lastAccessAt: usedAt,
    hits,
    bodyBytes: body.length,
    bytes: sizeOf(entry),
    buildMs,
    standing: store.ledger.standing(entry),
  };
}

const isUrl = (key: string): boolean => /^https?:\/\//i.test(key);

async function purge(
  store: Store,
  order: PurgeOrder,
  share: boolean,
  canonical: CacheControlParts["canonical"],
): Promise<CacheAnswer> {
  const { ledger, tiers } = store;
  const room = ledger.room();
  if (order.prefixes.length + order.patterns.length > room) return { did: "refused", room };
  const spread = order.cascade ? store.cascade.spread(order.tags) : { tags: order.tags, depth: 0, count: 0 };
  const urls = order.urls.map((url) => canonical(url));
  const refused = order.urls.filter((_, at) => urls[at] === undefined);
  const targets = targetsOf({ ...order, tags: spread.tags, urls: urls.filter((url) => url !== undefined) });
  const { matched, all } = countPurged(store, targets);
  const toRecord: Purge = { targets, soft: order.soft, changed: order.changed };
  if (!order.dryRun) {
    if (share) await store.purge(toRecord);
    else ledger.record(toRecord);
  }
  const { tags, depth, count } = spread;
  const exact = all && tiers.every(({ name }) => name === "memory");
  return {
    did: "purge",
    report: { tags, refused, cascade: { depth, count }, matched, exact, position: ledger.position },
  };
}
