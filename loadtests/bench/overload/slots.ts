/**
 * A dependency of a fixed capacity: so many slots, an unbounded line before them, first come first served. It finishes
 * what it has begun, and begins what waits, whether or not somebody still wants it: that is the work an overload wastes.
 *
 * A timer that fires late would make every slot slower than it says. Each slot takes its lateness off its next service,
 * so that over time it does `1000 / service` of them a second.
 */
export interface SlotsState {
  /** Services under way at once at most. */
  slots: number;
  /** Every service takes so many times its time; a capacity that falls without fewer slots. Default: 1. */
  factor: number;
  /** Added to the factor for each that waits: work that is slower the more there is of it. Default: 0. */
  retrograde: number;
  /** Takes requests and answers none until it is off again. Default: false. */
  hang: boolean;
}

export interface SlotsFigures {
  /** Services that ended, and of those the ones that nobody waited for any more. */
  served: number;
  wasted: number;
  /** The same in milliseconds of slot time, as drawn, before the factor. */
  servedMs: number;
  wastedMs: number;
  busy: number;
  queued: number;
  /** Most of both since the figures were last read. */
  mostInFlight: number;
}

export interface Job {
  /** Set when the client goes. */
  gone: boolean;
}

interface Waiting extends Job {
  readonly service: number;
  readonly done: () => void;
}

export interface SlotsClock {
  now(): number;
  after(milliseconds: number, run: () => void): void;
}

/** Of a service, what lateness may shorten it by; the rest is taken off the ones after it. */
const SHORTENED = 0.5;

export class Slots {
  readonly #clock: SlotsClock;
  readonly #state: SlotsState;
  #waiting: Waiting[] = [];
  /** Index of the next in {@link #waiting}: a line that grows without end must not be shifted. */
  #next = 0;
  #busy = 0;
  /** Lateness of the slots that are free, in milliseconds: one figure a slot. */
  readonly #late: number[] = [];
  readonly #figures = { served: 0, wasted: 0, servedMs: 0, wastedMs: 0, mostInFlight: 0 };

  constructor(state: SlotsState, clock: SlotsClock) {
    this.#state = { ...state };
    this.#clock = clock;
  }

  get state(): SlotsState {
    return { ...this.#state };
  }

  /** `service` in milliseconds; `done` is called when it has ended, also for a client that has gone. */
  offer(service: number, done: () => void): Job {
    const job: Waiting = { service, done, gone: false };
    this.#waiting.push(job);
    this.#start();
    this.#figures.mostInFlight = Math.max(this.#figures.mostInFlight, this.#busy + this.#queued());
    return job;
  }

  set(changes: Partial<SlotsState>): void {
    Object.assign(this.#state, changes);
    this.#start();
  }

  /** Starts another count of the most in flight. */
  read(): SlotsFigures {
    const [busy, queued] = [this.#busy, this.#queued()];
    const figures = { ...this.#figures, busy, queued };
    this.#figures.mostInFlight = busy + queued;
    return figures;
  }

  #queued(): number {
    return this.#waiting.length - this.#next;
  }

  #start(): void {
    while (!this.#state.hang && this.#busy < this.#state.slots && this.#queued() > 0) {
      const job = this.#waiting[this.#next++]!;
      if (this.#next === this.#waiting.length || this.#next > 10_000) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      this.#serve(job);
    }
  }

  #serve(job: Waiting): void {
    const { factor, retrograde } = this.#state;
    const whole = job.service * (factor + retrograde * this.#queued());
    const late = this.#late.pop() ?? 0;
    const shortened = Math.min(late, whole * SHORTENED);
    const due = this.#clock.now() + whole - shortened;
    this.#busy++;
    this.#clock.after(whole - shortened, () => {
      this.#busy--;
      this.#late.push(this.#clock.now() - due + late - shortened);
      if (this.#late.length > this.#state.slots) this.#late.shift();
      this.#figures.served++;
      this.#figures.servedMs += job.service;
      if (job.gone) {
        this.#figures.wasted++;
        this.#figures.wastedMs += job.service;
      }
      job.done();
      this.#start();
    });
  }
}
