import { LRUCache } from "lru-cache";
import { Searches } from "../searches.ts";
import type { Clock, Random } from "../../core/clock.ts";

/** What is known of a key beside its entries. Every field has a value for "nothing". */
interface Note {
  /** The Vary field of the last answer. */
  vary: string;
  /** All tags of the last answer; undefined: those of its route. */
  tags: readonly string[] | undefined;
  /** Until then requests do not wait for each other. Monotonic milliseconds. */
  passUntil: number;
  /** Whether a part is kept, and nothing whole since. */
  part: boolean;
  /** Fetches in a row that failed. */
  failures: number;
  /** Until then no refresh is tried. Monotonic milliseconds. */
  quietUntil: number;
}

const MOST_NOTES = 10_000;
/** Milliseconds for which a key whose answer was personal is not waited for. */
const PASS = 120_000;
/** Milliseconds after the first failure, doubled with each further one, and the longest. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** Milliseconds until the next try after so many failures in a row; `random` spreads it by a quarter either way. */
export const pauseAfter = (failures: number, random: number): number =>
  Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) * (0.75 + random / 2);

/** A bounded memory of keys; the least recently used is forgotten, which costs a fetch and no more. */
export class Notes {
  readonly searches = new Searches();
  readonly #notes = new LRUCache<string, Note>({ max: MOST_NOTES });
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The Vary field that answers of this key have; "" when none is known. */
  varyOf(key: string): string {
    return this.#notes.get(key)?.vary ?? "";
  }

  varies(key: string, vary: string): void {
    if (vary !== "" || this.#notes.has(key)) this.#note(key).vary = vary;
  }

  /** All tags of the last answer; undefined when none is known or it had only its route's. */
  tagsOf(key: string): readonly string[] | undefined {
    return this.#notes.get(key)?.tags;
  }

  tagged(key: string, tags: readonly string[] | undefined): void {
    if (tags !== undefined || this.#notes.has(key)) this.#note(key).tags = tags;
  }

  /** Hit for pass: answers of this key are personal, so nobody waits for another's. */
  pass(key: string): void {
    this.#note(key).passUntil = this.#clock.now() + PASS;
  }

  passNoMore(key: string): void {
    const note = this.#notes.get(key);
    if (note) note.passUntil = 0;
  }

  passes(key: string): boolean {
    return (this.#notes.get(key)?.passUntil ?? 0) > this.#clock.now();
  }

  /** What was kept of this key last: a part, or the whole. */
  parted(key: string, part: boolean): void {
    if (part || this.#notes.has(key)) this.#note(key).part = part;
  }

  /** Whether there may be a part to complete: so that others need not look for one. */
  hasPart(key: string): boolean {
    return this.#notes.get(key)?.part ?? false;
  }

  failed(key: string): void {
    const note = this.#note(key);
    note.failures++;
    note.quietUntil = this.#clock.now() + pauseAfter(note.failures, this.#random());
  }

  succeeded(key: string): void {
    const note = this.#notes.get(key);
    if (note) note.failures = note.quietUntil = 0;
  }

  /** The dependency failed elsewhere. */
  quietFor(key: string, ms: number): void {
    const note = this.#note(key);
    note.quietUntil = Math.max(note.quietUntil, this.#clock.now() + ms);
  }

  /** Whether the dependency failed so lately that it is left alone where that can be afforded. */
  isQuiet(key: string): boolean {
    return (this.#notes.get(key)?.quietUntil ?? 0) > this.#clock.now();
  }

  #note(key: string): Note {
    let note = this.#notes.get(key);
    if (!note) {
      note = { vary: "", tags: undefined, passUntil: 0, part: false, failures: 0, quietUntil: 0 };
      this.#notes.set(key, note);
    }
    return note;
  }
}
