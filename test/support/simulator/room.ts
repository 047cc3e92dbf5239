import { Fifo, type Call } from "./call.ts";

/** Where calls wait for a seat. */
export interface Room {
  readonly length: number;
  /** Calls that were let in and then waited too long. */
  readonly turnedAway: number;
  /** Whether there is room for the call. */
  take(call: Call, now: number, seats: number): boolean;
  /** Who gets the next seat. */
  next(now: number): Call | undefined;
  /** A seat was held for so many milliseconds. */
  served(ms: number): void;
}

/** Nobody waits: what finds no seat is refused. */
export const noRoom = (): Room => ({
  length: 0,
  turnedAway: 0,
  take: () => false,
  next: () => undefined,
  served() {},
});

/** Milliseconds that a call of each priority waits. */
const CAPS = [400, 300, 100];
const WEIGHT = 0.05;
const DEPTH = 5;
const FEWEST = 20;

/** Strict priority with caps on the wait and refusal at once of what would wait longer, like the gateway's queue. */
export function priorityRoom(): Room {
  const lines = CAPS.map(() => new Fifo<Call>());
  let length = 0;
  let turnedAway = 0;
  let held = 0;
  return {
    get length() {
      return length;
    },
    get turnedAway() {
      return turnedAway;
    },
    take(call, _now, seats) {
      let ahead = 0;
      for (let line = 0; line <= call.priority; line++) ahead += lines[line]!.length;
      if (length >= Math.max(FEWEST, seats * DEPTH)) return false;
      if ((ahead * held) / seats > CAPS[call.priority]!) return false;
      lines[call.priority]!.push(call);
      length++;
      return true;
    },
    next(now) {
      for (const line of lines) {
        for (let call = line.shift(); call; call = line.shift()) {
          length--;
          if (now - call.arrivedAt <= CAPS[call.priority]!) return call;
          turnedAway++;
        }
      }
    },
    served(ms) {
      held += (ms - held) * (held === 0 ? 1 : WEIGHT);
    },
  };
}
