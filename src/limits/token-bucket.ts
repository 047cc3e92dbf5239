/**
 * The generic cell rate algorithm (ITU-T I.371, annex A, virtual scheduling): a bucket of tokens kept as one number, the
 * theoretical arrival time, at which it would be full again. Milliseconds.
 */
export interface Bucket {
  /** Between two tokens. */
  readonly interval: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
}

/** Of an interval: what rounding may take. */
const TOLERANCE = 1e-6;

/** Milliseconds until there is a token; 0 or less: there is one. */
export const waitFor = (arrival: number, now: number, { interval, burst }: Bucket): number =>
  Math.max(arrival, now) + interval - burst * interval - now - interval * TOLERANCE;

/** The arrival time when one more token is taken. */
export const takeOne = (arrival: number, now: number, { interval }: Bucket): number =>
  Math.max(arrival, now) + interval;

/** Whole tokens that are left. */
export const tokensLeft = (arrival: number, now: number, { interval, burst }: Bucket): number =>
  Math.max(0, Math.floor(burst - Math.max(0, arrival - now) / interval + TOLERANCE));
