/**
 * Time and randomness as arguments. This file and `config/` are the only places that touch the
 * system clock, timers and the random source; everything else is handed a {@link Clock}.
 */
import { randomBytes } from "node:crypto";

/** Cancels what it was returned for. Calling it again does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Monotonic milliseconds since an arbitrary start, with fractions. For durations, never for dates. */
  now(): number;
  /** Milliseconds since the Unix epoch. For header fields and log lines only: it may jump. */
  wall(): number;
  /** Runs `callback` once after `ms`. The timer keeps the process alive unless `background` is set. */
  after(ms: number, callback: () => void, background?: "background"): Cancel;
  /** Runs `callback` every `ms`; never keeps the process alive. */
  every(ms: number, callback: () => void): Cancel;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** Milliseconds, almost 25 days. Node runs a longer timer at once instead of late; here it runs early, after this. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback, background) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_TIMER));
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
  every(ms, callback) {
    const timer = setInterval(callback, Math.min(ms, LONGEST_TIMER));
    timer.unref();
    return () => clearInterval(timer);
  },
};

export const systemRandom: Random = () => Math.random();

/** Makes lower-case hexadecimal ids of `bytes` random bytes each, drawn from the system `page` bytes at a time. */
export function createHexSource(bytes: number, page = 4096): () => string {
  let pool = "";
  let at = 0;
  const step = bytes * 2;
  return () => {
    if (at + step > pool.length) {
      pool = randomBytes(Math.max(page, bytes)).toString("hex");
      at = 0;
    }
    const id = pool.slice(at, at + step);
    at += step;
    return id;
  };
}
