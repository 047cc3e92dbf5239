/**
 * Puts entries of 1 KiB into a memory tier, as an origin's heads and chunks come, and prints what they took:
 * `entry-memory.ts [lru | s3fifo] [entries] [MiB of the tier]`.
 */
import { cacheKey } from "../../src/cache/key.ts";
import { bodyOf, keptHeaders } from "../../src/cache/entry.ts";
import { readingOf } from "../../src/cache/rules/usability.ts";
import { createMemoryTier } from "../../src/cache/tiers/memory.ts";

const [, , eviction = "s3fifo", entries = "10000", mebibytes = "64"] = process.argv;
const open = () =>
  createMemoryTier({
    limits: { bytes: Number(mebibytes) * 2 ** 20, entries: 1_000_000 },
    eviction: eviction === "lru" ? "lru" : "s3fifo",
    now: () => 1e12,
  });
const settle = (): number => {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A text of its own, as one that was read from a socket is: not a rope, not shared with another. */
const read = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

function fill(tier: ReturnType<typeof createMemoryTier>, count: number): void {
  for (let i = 0; i < count; i++) {
    const path = `/api/products/${i}`;
    const headers = Object.entries({
      "Content-Type": "application/json",
      "Cache-Control": "public, max-age=60",
      ETag: `"${i}-abcdef"`,
      Date: "Thu, 01 Jan 2026 00:00:00 GMT",
      "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }).flatMap(([name, value]) => [read(name), read(value)]);
    const head = { status: 200, headers: keptHeaders(headers, 1024), initialAge: i + 0.5, receivedAt: 1e12 + i };
    const entry = {
      head,
      reading: readingOf(head),
      vary: "",
      variant: "",
      url: read(`http://shop.example${path}`),
      tags: [],
      position: i,
      origin: 0,
      fence: 0,
      buildMs: i,
      keepUntil: 1e15 + i,
      body: bodyOf([Buffer.alloc(512, i), Buffer.alloc(512, i)], 1024),
    };
    const key = cacheKey({ scheme: "http", authority: read("shop.example"), path: read(path), query: "" });
    tier.set(key, entry);
  }
}

// Once for what the code itself takes up.
const rehearsal = open();
fill(rehearsal, 1000);
rehearsal.close();
const tier = open();
const before = settle();
fill(tier, Number(entries));
const real = settle() - before;
const { bytes: accounted, limit, entries: kept } = tier.stats();
console.log(JSON.stringify({ accounted, real, limit, kept }));
tier.get("keeps it alive", () => "");
