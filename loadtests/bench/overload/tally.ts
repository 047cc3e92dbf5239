/** Figures of a run from what became of its attempts. Time is in milliseconds from the start of the run. */
import { quantile } from "../statistics.ts";
import type { Attempt, Kind } from "./records.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
}

export const useful = ({ kind }: Pick<Attempt, "kind">): boolean => kind === "ok" || kind === "stale";

const within = (at: number, { from, to }: Span): boolean => at >= from && at < to;

/** Those that fell due within the span. */
export const dueIn = (attempts: readonly Attempt[], span: Span): Attempt[] =>
  attempts.filter(({ due }) => within(due, span));

/** Useful answers a second that arrived within the span, whenever they were asked for. */
export function goodput(attempts: readonly Attempt[], span: Span): number {
  const got = attempts.filter((one) => useful(one) && within(one.due + one.latency, span)).length;
  return (got * 1000) / (span.to - span.from);
}

/** Share of the requests, each with all its retries, that were answered usefully. NaN when there was none. */
export function success(attempts: readonly Attempt[]): number {
  const last = attempts.filter((one) => one.last);
  return last.length === 0 ? Number.NaN : last.filter(useful).length / last.length;
}

/** Share of the attempts that ended so. NaN when there was none. */
export function share(attempts: readonly Attempt[], kind: Kind): number {
  return attempts.length === 0 ? Number.NaN : attempts.filter((one) => one.kind === kind).length / attempts.length;
}

export function latencies(attempts: readonly Attempt[], kinds: readonly Kind[]): number[] {
  return attempts.filter(({ kind }) => kinds.includes(kind)).map(({ latency }) => latency);
}

/** Bounds of {@link histogram}, milliseconds; what is above the last is in one more cell. */
export const BOUNDS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** How many were at most each bound and above the one before. */
export function histogram(values: readonly number[]): number[] {
  const cells = [...BOUNDS.map(() => 0), 0];
  for (const value of values) {
    const at = BOUNDS.findIndex((bound) => value <= bound);
    cells[at === -1 ? BOUNDS.length : at]!++;
  }
  return cells;
}

/** One value for each step of `step` milliseconds: what was offered (first attempts and retries), got and refused a second. */
export interface Series {
  readonly step: number;
  readonly offered: number[];
  readonly useful: number[];
  readonly refused: number[];
  /** Of the requests of the first class that fell due in the step, the share that was useful in the end; NaN for none. */
  readonly critical: number[];
}

export function series(attempts: readonly Attempt[], end: number, step: number): Series {
  const count = Math.ceil(end / step);
  const cells = (): number[] => Array.from({ length: count }, () => 0);
  const [offered, got, refused, asked, served] = [cells(), cells(), cells(), cells(), cells()];
  const add = (into: number[], at: number): void => {
    const cell = Math.floor(at / step);
    if (cell < count) into[cell]!++;
  };
  for (const one of attempts) {
    add(offered, one.due);
    if (useful(one)) add(got, one.due + one.latency);
    if (one.kind === "refused") add(refused, one.due + one.latency);
    if (one.class !== 0 || !one.last) continue;
    add(asked, one.due);
    if (useful(one)) add(served, one.due);
  }
  const aSecond = (all: number[]): number[] => all.map((value) => (value * 1000) / step);
  return {
    step,
    offered: aSecond(offered),
    useful: aSecond(got),
    refused: aSecond(refused),
    critical: asked.map((value, at) => (value === 0 ? Number.NaN : served[at]! / value)),
  };
}

/** Steps of {@link recovery}, and how long it has to stay well. */
const STEP = 250;
const STEADY = 1000;

/**
 * Seconds after `from` until the requests of a whole second succeed at `target`, in steps of a quarter; Infinity when that
 * was not seen before `to`.
 */
export function recovery(attempts: readonly Attempt[], { from, to }: Span, target = 0.98): number {
  const after = dueIn(attempts, { from, to }).filter(({ last }) => last);
  for (let at = from; at + STEADY <= to; at += STEP) {
    if (success(dueIn(after, { from: at, to: at + STEADY })) >= target) return (at - from) / 1000;
  }
  return Number.POSITIVE_INFINITY;
}

/** Jain's index: 1 when all have the same, 1 / n when one has everything. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? Number.NaN : (sum * sum) / (values.length * squares);
}

export function quantiles(values: readonly number[]): { p50: number; p90: number; p99: number } {
  return { p50: quantile(values, 0.5), p90: quantile(values, 0.9), p99: quantile(values, 0.99) };
}
