/** Where the climb to the best size of the window stands. */
export interface Climb {
  /** The window's part of what is kept. */
  readonly part: number;
  /** How far it went last; below 0: it shrank. */
  readonly step: number;
  /** Hit ratio when it was last looked at. */
  readonly ratio: number;
}

const LEAST = 0.01;
const MOST = 0.8;
const STEP = 0.0625;
const DECAY = 0.98;
/** A hit ratio that is off by this has another load under it: full steps again. */
const ANEW = 0.05;

/** One step uphill: on in the same direction while hits get more, back when they get fewer, in ever smaller steps. */
export function nextWindow({ part, step, ratio }: Climb, now: number): Climb {
  const direction = now >= ratio ? Math.sign(step) : -Math.sign(step);
  const length = Math.abs(now - ratio) >= ANEW ? STEP : Math.abs(step) * DECAY;
  return { part: Math.min(MOST, Math.max(LEAST, part + direction * length)), step: direction * length, ratio: now };
}
