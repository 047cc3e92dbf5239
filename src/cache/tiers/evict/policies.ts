import type { Eviction, EvictionParts } from "./eviction.ts";
import { TinyLfu } from "./lfu.ts";
import { LeastRecentlyUsed } from "./lru.ts";
import { OrderedEviction } from "./ordered.ts";
import { S3Fifo } from "./s3fifo.ts";
import { SoonestEnd } from "./ttl.ts";

/** What gives way when memory is full. */
export const EVICTIONS = ["s3fifo", "lru", "lfu", "ttl"] as const;
export type EvictionName = (typeof EVICTIONS)[number];

export function createEviction<V>(name: EvictionName, parts: EvictionParts<V>): Eviction<V> {
  switch (name) {
    case "lru":
      return new LeastRecentlyUsed(parts);
    case "s3fifo":
      return new OrderedEviction(new S3Fifo<V>(), parts);
    case "lfu":
      return new OrderedEviction(new TinyLfu<V>(), parts);
    case "ttl":
      return new OrderedEviction(new SoonestEnd<V>(), parts);
  }
}
