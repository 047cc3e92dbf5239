import type { Entry } from "../entry.ts";
import { hashOf, Sketch } from "./sketch.ts";

/** Octets of a body from which on one look is not enough. */
const LARGE = 64 * 1024;
/** Looks, lately, that a large body needs. */
const LOOKS = 2;
/** 64 KiB in all, for the last four thousand looks or so. */
const WIDTH = 16_384;
const SAMPLE = 0.25;

/**
 * What may come from a farther tier into memory: a small body always, a large one when it is found there for the second
 * time lately, so that what is asked for once does not wash out the rest.
 */
export class Admission {
  readonly #looks = new Sketch(WIDTH, SAMPLE);
  #refused = 0;

  /** Counts a look of a large one. */
  admits(key: string, { body }: Pick<Entry, "body">): boolean {
    if (body.length <= LARGE) return true;
    const hash = hashOf(key);
    this.#looks.add(hash);
    if (this.#looks.estimate(hash) >= LOOKS) return true;
    this.#refused++;
    return false;
  }

  /** Times that one was left where it was. */
  get refused(): number {
    return this.#refused;
  }
}
