import type { Eviction } from "../../src/cache/tiers/evict/eviction.ts";

/** Uniform in [0, 1), the same from run to run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws of 0 to `keys` - 1, the first ones most often: Zipf with the exponent `skew`. */
export function zipf(keys: number, skew: number, random: () => number): () => number {
  const upTo = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) upTo[key] = sum += (key + 1) ** -skew;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Requests of made traces by name: `length` keys each, always the same ones. */
export function madeTraces(length: number, keys: number): Record<string, Uint32Array> {
  const make = (next: (at: number) => number): Uint32Array => Uint32Array.from({ length }, (_, at) => next(at));
  const drawn = [0.7, 0.9, 1.1].map((skew) => ({ skew, draw: zipf(keys, skew, seeded(7)) }));
  const [mixed, moving] = [zipf(keys, 0.9, seeded(8)), zipf(keys, 0.9, seeded(9))];
  const moves = Math.ceil(length / 5);
  return {
    ...Object.fromEntries(drawn.map(({ skew, draw }) => [`zipf ${skew}`, make(draw)])),
    // Every third request is for something that is never asked for again.
    "zipf 0.9 and a scan": make((at) => (at % 3 === 0 ? keys + at : mixed())),
    loop: make((at) => at % (keys / 4)),
    "zipf 0.9 that moves": make((at) => (moving() + Math.floor(at / moves) * (keys / 10)) % keys),
  };
}

/** The part of the requests that `eviction` answers, each key of size 1 put in after a miss. */
export function hitRatio(trace: Uint32Array, cache: Pick<Eviction<number>, "get" | "set">): number {
  let hits = 0;
  for (const key of trace) {
    const text = `k${key}`;
    if (cache.get(text, 0) === undefined) cache.set(text, 1, 1, Number.MAX_SAFE_INTEGER, 0);
    else hits++;
  }
  return hits / trace.length;
}
