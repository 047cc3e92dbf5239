/** One worker's place and the phases it goes through. Pure: the crew does what is decided here. */
import { restartAfter } from "./restarts.ts";

/** `unanswered`: pings in a row without an answer. `crashes`: see restarts.ts. */
export type Place =
  | { readonly phase: "starting"; readonly crashes: number; readonly unanswered: number; readonly ticks: number }
  | {
      readonly phase: "serving";
      readonly crashes: number;
      readonly unanswered: number;
      /** Of the clock, when it began to serve. */
      readonly since: number;
      /** Hash of the configuration it serves. */
      readonly hash: string;
    }
  | { readonly phase: "vacant"; readonly crashes: number };

/** What a tick, one a second, says about a worker. The two others get it killed. */
export type Verdict = "fine" | "silent" | "slow-start";

/**
 * Pings, not milliseconds: time in which this process stood still itself, with the machine asleep, counts as one.
 * At a ping a second a worker has ten seconds.
 */
const MOST_UNANSWERED = 10;
/** Ticks from the fork to serving. */
const LONGEST_START = 30;

export const vacant: Place = { phase: "vacant", crashes: 0 };

export const forked = ({ crashes }: Place): Place => ({ phase: "starting", crashes, unanswered: 0, ticks: 0 });

export const serves = (place: Place, now: number, hash: string): Place =>
  place.phase === "starting" ? { phase: "serving", crashes: place.crashes, unanswered: 0, since: now, hash } : place;

export const follows = (place: Place, hash: string): Place => (place.phase === "serving" ? { ...place, hash } : place);

export const heard = (place: Place): Place => (place.phase === "vacant" ? place : { ...place, unanswered: 0 });

/** A ping goes out with every tick that is fine. */
export function ticked(place: Place): { readonly place: Place; readonly verdict: Verdict } {
  if (place.phase === "vacant") return { place, verdict: "fine" };
  const unanswered = place.unanswered + 1;
  const silent = unanswered > MOST_UNANSWERED;
  if (place.phase === "serving") return { place: { ...place, unanswered }, verdict: silent ? "silent" : "fine" };
  const ticks = place.ticks + 1;
  const verdict = silent ? "silent" : ticks > LONGEST_START ? "slow-start" : "fine";
  return { place: { ...place, unanswered, ticks }, verdict };
}

/** The process is gone; `wait` is how many milliseconds the place stays vacant. */
export function gone(place: Place, now: number): { readonly place: Place; readonly wait: number } {
  const { crashes, wait } = restartAfter(place.crashes, place.phase === "serving" ? now - place.since : 0);
  return { place: { phase: "vacant", crashes }, wait };
}
