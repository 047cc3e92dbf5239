import assert from "node:assert/strict";
import { test } from "node:test";
import { createEviction, type EvictionName } from "../../../../../src/cache/tiers/evict/policies.ts";
import { hitRatio, madeTraces } from "../../../../support/traces.ts";

const KEYS = 4000;
const traces = madeTraces(40_000, KEYS);

/** Percent of the requests of a trace that are answered with room for a twentieth of the keys. */
function points(trace: string, name: EvictionName): number {
  const limits = { bytes: KEYS / 20, entries: KEYS };
  return 100 * hitRatio(traces[trace]!, createEviction<number>(name, { limits, lost: () => {} }));
}

test("on skewed requests with a scan among them s3fifo hits more than lru, by points", () => {
  const [s3fifo, lru] = [points("zipf 0.9 and a scan", "s3fifo"), points("zipf 0.9 and a scan", "lru")];
  assert.ok(s3fifo >= lru + 4, `${s3fifo.toFixed(1)} and ${lru.toFixed(1)}`);
});

test("on no trace does s3fifo hit less than lru by more than a point", () => {
  for (const trace of Object.keys(traces)) {
    const [s3fifo, lru] = [points(trace, "s3fifo"), points(trace, "lru")];
    assert.ok(s3fifo >= lru - 1, `${trace}: ${s3fifo.toFixed(1)} and ${lru.toFixed(1)}`);
  }
});

test("lfu keeps what is asked for often through a scan", () => {
  assert.ok(points("zipf 0.9 and a scan", "lfu") >= points("zipf 0.9 and a scan", "lru") + 2);
});
