import { performance } from "node:perf_hooks";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import type { OwnWork } from "../core/own-work.ts";
import type { Exchange, PriorityClass } from "../core/exchange.ts";

/** The process' own work, as a guard sees it. */
export interface ProcessLoad {
  /** Share of the time since the last call in which the event loop worked, 0 to 1: not since the start. */
  utilisation(): number;
}

/** What one window of time told. */
interface Reading {
  readonly utilisation: number;
  /** Exchanges that got an outcome they had waited for, and the milliseconds they waited for it, all together. */
  readonly answered: number;
  readonly waitedMs: number;
  /** Milliseconds. */
  readonly elapsed: number;
}

/** Milliseconds. */
const WINDOW = 100;
/** Of its time a loop works that has more to do than it can, and one that has room again. */
const FULL = 0.97;
const ROOM = 0.9;
/** Windows in a row that must be full: a burst, a collection of garbage or a cold start is no overload. */
const FULL_WINDOWS = 5;
/** Below this a loop does not make anybody wait, so that what is waited for is the dependency. */
const CALM = 0.8;
/** Milliseconds of our own that a request may wait when the loop is full. */
const OWN_WAIT = 10;
/** No fewer seats than this, for less cannot be told from a burst. */
const LEAST = 64;
const WEIGHT = 0.3;

/**
 * Seats of the process itself while its event loop is full: by Little's law as many exchanges as wait when each waits for
 * its dependency as long as in calm times and {@link OWN_WAIT} for us. Without a limit as long as the loop is not full.
 * Event-loop delay is no measure here: a guard on it lets the queue grow first, and then refuses everybody at once.
 */
export class Saturation {
  #full = 0;
  /** Exchanges answered a millisecond. */
  #pace: number | undefined;
  /** Milliseconds that an exchange waits for its dependency. */
  #calmWait: number | undefined;
  seats = Number.POSITIVE_INFINITY;
  utilisation = 0;

  /** Whether the last window was full. */
  get full(): boolean {
    return this.utilisation >= FULL;
  }

  get limited(): boolean {
    return this.seats !== Number.POSITIVE_INFINITY;
  }

  observe({ utilisation, answered, waitedMs, elapsed }: Reading): void {
    this.utilisation = utilisation;
    const wait = answered > 0 ? waitedMs / answered : undefined;
    if (utilisation < CALM && wait !== undefined) this.#calmWait = towards(this.#calmWait, wait);
    if (utilisation >= FULL) this.#full++;
    else if (utilisation < ROOM || this.#full < FULL_WINDOWS) this.#full = 0;
    this.#pace = this.#full === 0 ? undefined : towards(this.#pace, answered / elapsed);
    this.seats = this.#seats(wait);
  }

  /** Without any answer it is not we who make everybody wait; before the first calm time every wait is taken to be for the dependency. */
  #seats(wait: number | undefined): number {
    if (this.#full < FULL_WINDOWS || wait === undefined || this.#pace === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(LEAST, Math.ceil(this.#pace * ((this.#calmWait ?? wait) + OWN_WAIT)));
  }
}

const towards = (before: number | undefined, now: number): number =>
  before === undefined ? now : before + WEIGHT * (now - before);

/** Share of the seats up to which a class may begin: its highest cohort, and its lowest. */
const SHARES: Readonly<Record<PriorityClass, readonly [highest: number, lowest: number]>> = {
  system: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  critical: [2, 1.75],
  default: [1, 0.75],
  sheddable: [0.75, 0.5],
  bulk: [0.5, 0.25],
};

const COHORTS = 128;

/** Seats of `seats` up to which a request of this class and cohort may begin. */
export function seatsFor(cls: PriorityClass, cohort: number, seats: number): number {
  const [highest, lowest] = SHARES[cls];
  return highest === lowest ? highest : seats * (lowest + ((highest - lowest) * (cohort + 1)) / COHORTS);
}

/** Keeps a process that has more to do than its processor can from making everybody wait: it refuses by class. */
export interface SaturationGuard extends OwnWork {
  /** Whether a request may begin. */
  admits(exchange: Pick<Exchange, "class" | "cohort">): boolean;
  /** An exchange waits for its outcome. */
  began(): void;
  /** It has it, after so many milliseconds. */
  ended(ms: number): void;
  close(): void;
}

export interface SaturationParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly load: ProcessLoad;
  readonly mode: "enforce" | "shadow" | "off";
}

export function createSaturationGuard({ clock, bus, load, mode }: SaturationParts): SaturationGuard {
  const saturation = new Saturation();
  let waiting = 0;
  let answered = 0;
  let waitedMs = 0;
  let since = clock.now();
  const tell = (): void => {
    const { limited, seats, utilisation } = saturation;
    bus.publish("spillway:saturation", { state: limited ? "full" : "room", seats, waiting, utilisation });
  };
  const close = clock.every(WINDOW, () => {
    const now = clock.now();
    const elapsed = now - since;
    // Ticks that come late come in a row.
    if (elapsed < WINDOW / 2) return;
    const { limited } = saturation;
    saturation.observe({ utilisation: load.utilisation(), answered, waitedMs, elapsed });
    if (saturation.limited !== limited) tell();
    since = now;
    answered = 0;
    waitedMs = 0;
  });
  return {
    get full() {
      return mode === "enforce" && saturation.full;
    },
    get seats() {
      return mode === "enforce" ? saturation.seats : Number.POSITIVE_INFINITY;
    },
    admits(exchange) {
      if (!saturation.limited || mode === "off") return true;
      if (waiting < seatsFor(exchange.class, exchange.cohort, saturation.seats)) return true;
      if (mode === "enforce") return false;
      bus.publish("spillway:would-refuse", { reason: "busy", class: exchange.class });
      return true;
    },
    began() {
      waiting++;
    },
    ended(ms) {
      waiting--;
      answered++;
      waitedMs += ms;
    },
    close,
  };
}

/** This process. */
export function createProcessLoad(): ProcessLoad {
  let before = performance.eventLoopUtilization();
  return {
    utilisation() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  };
}
