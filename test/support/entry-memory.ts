/** Puts 10,000 entries of 1 KiB into the memory tier, as an origin's heads and chunks come, and prints what they took. */
import { cacheKey } from "../../src/cache/key.ts";
import { bodyOf, keptHeaders, sizeOf } from "../../src/cache/entry.ts";
import { readingOf } from "../../src/cache/rules/usability.ts";
import { createMemoryTier } from "../../src/cache/tiers/memory.ts";

const ENTRIES = 10_000;
const settle = (): number => {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A text of its own, as one that was read from a socket is: not a rope, not shared with another. */
const read = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

function fill(tier: ReturnType<typeof createMemoryTier>): number {
  let accounted = 0;
  for (let i = 0; i < ENTRIES; i++) {
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
      fence: 0,
      buildMs: i,
      keepUntil: 1e15 + i,
      body: bodyOf([Buffer.alloc(512, i), Buffer.alloc(512, i)], 1024),
    };
    const key = cacheKey({ scheme: "http", authority: read("shop.example"), path: read(path), query: "" });
    accounted += sizeOf(entry) + key.length;
    void tier.set(key, entry);
  }
  return accounted;
}

// Once for what the code itself takes up.
const rehearsal = createMemoryTier(64 * 1024 * 1024);
fill(rehearsal);
await rehearsal.close();
const tier = createMemoryTier(64 * 1024 * 1024);
const before = settle();
const accounted = fill(tier);
const real = settle() - before;
console.log(JSON.stringify({ accounted, real }));
await tier.get("keeps it alive", () => "");
