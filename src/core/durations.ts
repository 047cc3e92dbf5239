import type { DurationsReading } from "./cache-control.ts";

/** Buckets to a doubling: a bucket is 4.4 % wide, so that its middle is off by 2.2 % at most. */
const PER_DOUBLING = 16;
/** Milliseconds below which all is one: 64 ns. */
const LEAST = 0.000_064;
/** Up to 2^27 times the least, more than two hours. */
const BUCKETS = 37 * PER_DOUBLING;

/** How long things took, in buckets that grow with what they hold. Bounded, and those of several processes add up. */
export class Durations {
  readonly #counts = new Uint32Array(BUCKETS);
  #sumMs = 0;

  add(ms: number): void {
    const bucket = ms <= LEAST ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ms / LEAST) * PER_DOUBLING));
    this.#counts[bucket]! += 1;
    this.#sumMs += ms;
  }

  read(): DurationsReading {
    const counts: number[] = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) counts.push(bucket, count);
    return { sumMs: this.#sumMs, counts };
  }
}

/** Milliseconds; undefined when nothing was counted. */
export interface DurationsSummary {
  readonly count: number;
  readonly averageMs: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
}

export function summed(readings: readonly DurationsReading[]): DurationsSummary {
  const counts = new Float64Array(BUCKETS);
  for (const { counts: pairs } of readings) {
    for (let i = 0; i + 1 < pairs.length; i += 2) counts[pairs[i]!]! += pairs[i + 1]!;
  }
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count === 0) return { count, averageMs: undefined, p50Ms: undefined, p95Ms: undefined };
  const sumMs = readings.reduce((sum, one) => sum + one.sumMs, 0);
  return { count, averageMs: sumMs / count, p50Ms: quantile(counts, count, 0.5), p95Ms: quantile(counts, count, 0.95) };
}

function quantile(counts: Float64Array, total: number, share: number): number {
  let left = Math.ceil(total * share);
  for (const [bucket, count] of counts.entries()) {
    left -= count;
    if (left <= 0) return LEAST * 2 ** ((bucket + 0.5) / PER_DOUBLING);
  }
  return LEAST * 2 ** (BUCKETS / PER_DOUBLING);
}
