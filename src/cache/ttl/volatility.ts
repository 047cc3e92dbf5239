/** Lifetimes by kind of data and how lively it is: the prior, before anything was observed. */

/** From calm to lively. */
export type Volatility = "low" | "medium" | "high";

/** What is known of one kind of data over the last 24 hours. */
export interface Activity {
  /** How lively its kind is by nature, 0..1. */
  readonly base: number;
  /** Changes an hour. */
  readonly changes: number;
  /** Standard deviation of the intervals between changes over their mean. */
  readonly variance: number;
  /** Share of the keys that were asked for. */
  readonly activity: number;
}

/** Changes an hour that count as the most. */
const LIVELIEST = 10;

const capped = (value: number): number => Math.min(1, Math.max(0, value));

/** 0..1: the base, scaled by three factors of 0..1 each. */
export const volatilityScore = ({ base, changes, variance, activity }: Activity): number =>
  Math.min(1, (base * (1 + capped(changes / LIVELIEST) + capped(variance) + capped(activity))) / 4);

/** A third of the scale each. */
export function volatilityOf(score: number): Volatility {
  if (score < 1 / 3) return "low";
  return score < 2 / 3 ? "medium" : "high";
}

/** Lifetimes of one kind of data in milliseconds. */
export type Row = Readonly<Record<Volatility, number>>;

const minutes = (high: number, medium: number, low: number): Row => ({
  high: high * 60_000,
  medium: medium * 60_000,
  low: low * 60_000,
});

/** The shipped table: kinds of data of a collaboration product, liveliest first. A configuration may bring its own. */
export const LIFETIMES = {
  task: minutes(1, 5, 10),
  project: minutes(5, 10, 20),
  user: minutes(10, 20, 30),
  session: minutes(15, 30, 60),
  search: minutes(1, 3, 5),
  dashboard: minutes(5, 7.5, 10),
  template: minutes(60, 120, 240),
} as const satisfies Readonly<Record<string, Row>>;

export type Kind = keyof typeof LIFETIMES;

/** The lifetime of a kind of data at this score. */
export const lifetimeOf = (kind: Kind, score: number): number => LIFETIMES[kind][volatilityOf(score)];
