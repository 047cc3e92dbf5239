/**
 * Hit ratios of the eviction policies, and their CPU time beside bare lru-cache: `node loadtests/micro/eviction.ts
 * [trace files]`. A trace is a file of big-endian 32-bit keys, such as those that the cache2k project recorded; without
 * one, traces are made. Speed is measured in turns, one policy after the other, several rounds.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { LRUCache } from "lru-cache";
import { createEviction, EVICTIONS, type EvictionName } from "../../src/cache/tiers/evict/policies.ts";
import { hitRatio, madeTraces, seeded, zipf } from "../../test/support/traces.ts";

const print = (...cells: (string | number)[]): void =>
  void process.stdout.write(
    `${cells.map((cell, at) => (at ? String(cell).padStart(9) : String(cell).padEnd(34))).join("")}\n`,
  );
const percent = (part: number): string => (part * 100).toFixed(1);

function readTrace(file: string): Uint32Array {
  const octets = readFileSync(file);
  return Uint32Array.from({ length: octets.length / 4 }, (_, at) => octets.readUInt32BE(at * 4));
}

const opened = <V>(name: EvictionName, bytes: number) =>
  createEviction<V>(name, { limits: { bytes, entries: Number.MAX_SAFE_INTEGER }, lost: () => {} });

const files = process.argv.slice(2);
const traces =
  files.length > 0
    ? files.map((file) => [basename(file), readTrace(file)] as const)
    : Object.entries(madeTraces(1_000_000, 100_000));
print("hit ratio, % (keys)", ...EVICTIONS);
for (const [name, trace] of traces) {
  const keys = new Set(trace).size;
  for (const part of [0.01, 0.05, 0.2]) {
    const capacity = Math.max(1, Math.round(keys * part));
    print(
      `${name} (${keys}) at ${part * 100} %`,
      ...EVICTIONS.map((policy) => percent(hitRatio(trace, opened(policy, capacity)))),
    );
  }
}

const CAPACITY = 10_000;
const REQUESTS = 400_000;
const ROUNDS = 7;
const START = Date.now();
const END = START + 3_600_000;
const keyOf = (at: number): string =>
  Buffer.from(`http://shop.example/api/products/number/${String(at).padStart(6, "0")}`).toString("latin1");
const keys = Array.from({ length: 100_000 }, (_, at) => keyOf(at));
const draw = zipf(keys.length, 0.9, seeded(1));
const requests = Array.from({ length: REQUESTS }, () => keys[draw()]!);
const hot = Array.from({ length: REQUESTS }, (_, at) => keys[(at * 7919) % CAPACITY]!);

interface Contender {
  get(key: string): unknown;
  put(key: string): void;
}
const VALUE = [{}];
const contenders: Record<string, () => Contender> = {
  "lru-cache { max }": () => {
    const cache = new LRUCache<string, object>({ max: CAPACITY });
    return { get: (key) => cache.get(key), put: (key) => void cache.set(key, VALUE) };
  },
  "lru-cache { max, ttl, maxSize }": () => {
    const cache = new LRUCache<string, object>({ max: CAPACITY, ttl: 3_600_000, maxSize: CAPACITY });
    return { get: (key) => cache.get(key), put: (key) => void cache.set(key, VALUE, { size: 1 }) };
  },
  ...Object.fromEntries(
    EVICTIONS.map((name) => [
      `ours: ${name}`,
      () => {
        const cache = opened<object>(name, CAPACITY);
        return {
          get: (key: string) => cache.get(key, START),
          put: (key: string) => void cache.set(key, VALUE, 1, END, START),
        };
      },
    ]),
  ),
};

let found = 0;
function cpuOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

const times = new Map(Object.keys(contenders).map((name) => [name, { hit: [] as number[], both: [] as number[] }]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, open] of Object.entries(contenders)) {
    const cache = open();
    const both = cpuOf(() => {
      for (const key of requests) {
        if (cache.get(key) === undefined) cache.put(key);
        else found++;
      }
    });
    const full = open();
    for (const key of keys.slice(0, CAPACITY)) full.put(key);
    const hit = cpuOf(() => {
      for (const key of hot) if (full.get(key) !== undefined) found++;
    });
    // The first round warms it.
    if (round > 0) {
      times.get(name)!.both.push(both);
      times.get(name)!.hit.push(hit);
    }
  }
}
print("\nCPU, ns a call (times as fast)", "hit get", "", "get/set", "");
const base = times.get("lru-cache { max, ttl, maxSize }")!;
const [baseHit, baseBoth] = [median(base.hit), median(base.both)];
for (const [name, { hit, both }] of times) {
  const ns = (micros: number): string => ((micros * 1000) / REQUESTS).toFixed(0);
  print(
    name,
    ns(median(hit)),
    `x ${(baseHit / median(hit)).toFixed(2)}`,
    ns(median(both)),
    `x ${(baseBoth / median(both)).toFixed(2)}`,
  );
}
if (found === 0) process.exitCode = 1;
