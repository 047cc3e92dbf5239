import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { Usage } from "./usage.ts";

/** A place inside a class is from 0 to this. */
const HIGHEST = 127;

/** Makes every bit of 32 depend on all others (the last step of murmur3). */
function mixed(bits: number): number {
  const half = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  const whole = Math.imul(half ^ (half >>> 13), 0xc2b2ae35);
  return (whole ^ (whole >>> 16)) >>> 0;
}

/** 32 bits of a text, by FNV-1a from a seed, mixed; never 0. For places in tables, not for secrets. */
export function seededHash(text: string, seed: number): number {
  let bits = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return mixed(bits) || 1;
}

const seedOf = (salt: string, epoch: number | string): number =>
  createHash("sha256").update(`${salt}\n${epoch}`).digest().readUInt32LE(0);

/**
 * The place of each tenant inside its class, the same for all it asks: who used least lately is highest and gives way
 * last; among those who used about the same, and where nothing is known of a tenant, a salted hash says. Whoever does not
 * know the salt cannot choose a name that comes first, and every `rotate` milliseconds the hash says otherwise.
 */
export class Cohorts {
  readonly #clock: Clock;
  readonly #salt: string;
  readonly #rotate: number;
  readonly #usage: Usage;
  /** For good, so that what a tenant used is found under the same name. */
  readonly #nameSeed: number;
  /** For one turn. */
  #seed = 0;
  /** Monotonic milliseconds. */
  #rotatesAt = Number.NEGATIVE_INFINITY;

  /** `rotate`: milliseconds; turns of the wall clock, so that all who have the salt change together. */
  constructor(clock: Clock, salt: string, rotate: number) {
    this.#clock = clock;
    this.#salt = salt;
    this.#rotate = rotate;
    this.#usage = new Usage(clock.now());
    this.#nameSeed = seedOf(salt, "name");
  }

  /** A dependency worked so many milliseconds for a tenant, up to `now`. */
  used(tenant: string, ms: number, now: number): void {
    this.#usage.add(seededHash(tenant, this.#nameSeed), ms, now);
  }

  /** 0 to 127. `now`: monotonic milliseconds. */
  of(tenant: string, now: number): number {
    if (now >= this.#rotatesAt) this.#turn(now);
    const name = seededHash(tenant, this.#nameSeed);
    const drawn = mixed(name ^ this.#seed) / 2 ** 32;
    const quantile = this.#usage.quantile(name, drawn, now) ?? drawn;
    return Math.min(HIGHEST, Math.floor((HIGHEST + 1) * (1 - quantile)));
  }

  #turn(now: number): void {
    const wall = this.#clock.wall();
    this.#seed = seedOf(this.#salt, Math.floor(wall / this.#rotate));
    this.#rotatesAt = now + this.#rotate - (wall % this.#rotate);
  }
}
