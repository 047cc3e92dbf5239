import type { Sample } from "./limit.ts";

/** Milliseconds of a window, and the fewest samples that one needs (Netflix concurrency-limits, `WindowedLimit`). */
const WINDOW = 1000;
const FEWEST = 10;
/** Milliseconds. What answers faster did no work (the same). */
const FASTEST = 0.1;

/** What calls of one window looked like. */
export interface Window {
  /** Mean latency, milliseconds. */
  readonly latency: number;
  /** Most seats that were taken when one of them began. */
  readonly inFlight: number;
  /** Whether any was dropped. */
  readonly dropped: boolean;
}

/** Gathers samples and hands `update` one window a second, later if there were fewer than ten samples. */
export function windowed(update: (window: Window) => void): (sample: Sample, now: number) => void {
  let until = Number.NEGATIVE_INFINITY;
  let samples = 0;
  let sum = 0;
  let inFlight = 0;
  let dropped = false;
  return (sample, now) => {
    if (!(sample.latency >= FASTEST && sample.latency < Infinity)) return;
    samples++;
    sum += sample.latency;
    if (sample.inFlight > inFlight) inFlight = sample.inFlight;
    if (sample.ending === "dropped") dropped = true;
    if (until === Number.NEGATIVE_INFINITY) until = now + WINDOW;
    if (now < until || samples < FEWEST) return;
    update({ latency: sum / samples, inFlight, dropped });
    until = now + WINDOW;
    samples = sum = inFlight = 0;
    dropped = false;
  };
}
