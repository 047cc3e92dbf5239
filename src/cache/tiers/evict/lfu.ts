import { Sketch } from "../sketch.ts";
import { nextWindow, type Climb } from "./climb.ts";
import type { Order } from "./ordered.ts";
import { Queue, type Link } from "./queue.ts";

const WINDOW = 0;
const PROBATION = 1;
const PROTECTED = 2;
/** Of what is kept beside the window, the part that was used while there. */
const PROTECTED_PART = 0.8;
/** Counters of the sketch, in a row, for each thing kept. */
const COUNTERS = 4;
/** Uses, for each thing kept, between two looks at the hit ratio. */
const SAMPLE = 10;

/**
 * W-TinyLFU (Einziger, Friedman, Manes 2017) by octets, with a window that adapts (Einziger, Eytan, Friedman, Manes
 * 2018): what leaves the window of the new gets in only if it was asked for more often lately than what would give way.
 */
export class TinyLfu<V> implements Order<V> {
  readonly #queues = [new Queue<V>(), new Queue<V>(), new Queue<V>()] as const;
  #sketch = new Sketch(1024);
  #entries = 0;
  /** Out of the window just now, and not judged yet. */
  #candidate: Link<V> | undefined;
  #climb: Climb = { part: 0.01, step: -0.0625, ratio: 0 };
  #hits = 0;
  #asked = 0;

  add(link: Link<V>): void {
    if (COUNTERS * ++this.#entries > this.#sketch.width) this.#sketch.double();
    this.#count(link, 0);
    this.#move(link, WINDOW, false);
    while (this.#window.bytes > this.#windowMost() && this.#window.oldest !== link) this.#leaveWindow();
  }

  use(link: Link<V>): void {
    this.#count(link, 1);
    if (link.place !== PROBATION) return this.#queues[link.place]!.renew(link);
    this.#move(link, PROTECTED);
    const kept = this.#queues[PROTECTED];
    while (kept.bytes > PROTECTED_PART * (kept.bytes + this.#queues[PROBATION].bytes) && kept.oldest !== link) {
      this.#move(kept.oldest!, PROBATION);
    }
  }

  replace(link: Link<V>, bytesBefore: number): void {
    this.#queues[link.place]!.bytes += link.bytes - bytesBefore;
    this.#count(link, 0);
  }

  remove(link: Link<V>): void {
    this.#queues[link.place]!.remove(link);
    if (this.#candidate === link) this.#candidate = undefined;
    this.#entries--;
  }

  victim(incoming: number, now: number): Link<V> | undefined {
    const [window, probation, guarded] = this.#queues;
    if (!this.#candidate && window.oldest && window.bytes + incoming > this.#windowMost()) {
      this.#candidate = window.oldest;
      this.#leaveWindow();
    }
    const candidate = this.#candidate;
    const victim = probation.oldest ?? guarded.oldest ?? window.oldest;
    if (!candidate || !victim || victim.until <= now) return victim;
    if (candidate.until <= now) return candidate;
    if (victim === candidate)
      return guarded.oldest && this.#isMore(candidate, guarded.oldest) ? guarded.oldest : candidate;
    return this.#isMore(candidate, victim) ? victim : candidate;
  }

  clear(): void {
    for (const queue of this.#queues) queue.clear();
    this.#sketch = new Sketch(1024);
    this.#candidate = undefined;
    this.#entries = 0;
  }

  get #window(): Queue<V> {
    return this.#queues[WINDOW];
  }

  #isMore(one: Link<V>, other: Link<V>): boolean {
    return this.#sketch.estimate(one.hash) > this.#sketch.estimate(other.hash);
  }

  #windowMost(): number {
    const [window, probation, guarded] = this.#queues;
    return this.#climb.part * (window.bytes + probation.bytes + guarded.bytes);
  }

  #leaveWindow(): void {
    this.#move(this.#window.oldest!, PROBATION);
  }

  #move(link: Link<V>, place: number, queued = true): void {
    if (queued) this.#queues[link.place]!.remove(link);
    link.place = place;
    this.#queues[place]!.push(link);
  }

  #count(link: Link<V>, hit: 0 | 1): void {
    this.#sketch.add(link.hash);
    this.#hits += hit;
    if (++this.#asked < SAMPLE * this.#entries) return;
    this.#climb = nextWindow(this.#climb, this.#hits / this.#asked);
    this.#hits = this.#asked = 0;
  }
}
