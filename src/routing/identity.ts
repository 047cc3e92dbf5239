import { createPublicKey, hash, type KeyObject } from "node:crypto";
import type { JWTVerifyOptions } from "jose";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import {
  KEY_ALGORITHMS,
  SECRET_ALGORITHMS,
  type Claims,
  type Identities,
  type IdentitySettings,
} from "../core/identity.ts";
import type { Soon } from "../core/soon.ts";
import type { KeySets } from "./key-set.ts";

/** A token that was verified: what it says, until when. */
interface Known {
  readonly claims: Claims;
  /** Wall-clock milliseconds. */
  readonly until: number;
}

/** Of tokens that were verified, and apart from them of tokens that were refused: a flood of these drives out none of those. */
const MOST_TOKENS = 10_000;
/** Verifications under way: what comes beyond them is nobody's, for this once. */
const MOST_AT_ONCE = 32;
/** Longest that a token is taken at its word without looking again. */
const LONGEST = 300_000;
/** For one that is refused: it may become valid, and it must not cost a signature at request pace. */
const REFUSED = 5000;
const LONGEST_TOKEN = 8192;

/** What tokens are verified with: one key, or a set in which the token names one. */
export type TokenKeys =
  | { readonly kind: "key"; readonly key: Uint8Array | KeyObject }
  | { readonly kind: "set"; readonly sets: KeySets };

/** The key that settings hold, or a PEM file does. Throws when it is none. */
export function ownKey({ jwt: { secret } }: IdentitySettings, publicKey: string | undefined): TokenKeys {
  return {
    kind: "key",
    key: secret === undefined ? createPublicKey(publicKey ?? "") : new TextEncoder().encode(secret),
  };
}

/**
 * Verifies tokens. Each once: it is remembered by its hash until it expires, five minutes at most; what cannot be
 * verified, for whatever reason, is nobody, and remembered for five seconds.
 */
export class TokenIdentities implements Identities {
  readonly #settings: IdentitySettings["jwt"];
  readonly #algorithms: readonly string[];
  readonly #keys: TokenKeys;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: MOST_TOKENS });
  /** Wall-clock milliseconds until which it stays so. */
  readonly #refused = new LRUCache<string, number>({ max: MOST_TOKENS });
  readonly #pending = new Map<string, Promise<Claims | undefined>>();

  constructor({ jwt }: IdentitySettings, keys: TokenKeys, clock: Clock) {
    this.#settings = jwt;
    this.#algorithms = jwt.algorithms ?? (jwt.secret === undefined ? KEY_ALGORITHMS : SECRET_ALGORITHMS);
    this.#keys = keys;
    this.#clock = clock;
  }

  get userClaim(): string {
    return this.#settings.userClaim;
  }

  get roleClaim(): string {
    return this.#settings.roleClaim;
  }

  claimsOf(headers: readonly string[]): Soon<Claims | undefined> {
    const token = bearerOf(headers);
    if (token === undefined) return undefined;
    const now = this.#clock.wall();
    const name = hash("sha256", token, "base64url");
    const known = this.#known.get(name);
    if (known && now < known.until) return known.claims;
    const refusedUntil = this.#refused.get(name);
    if (refusedUntil !== undefined && now < refusedUntil) return undefined;
    const pending = this.#pending.get(name);
    if (pending) return pending;
    if (!this.#mayBeValid(token, now)) {
      this.#refused.set(name, now + REFUSED);
      return undefined;
    }
    if (this.#pending.size >= MOST_AT_ONCE) return undefined;
    const verified = this.#verify(token, name, now).finally(() => this.#pending.delete(name));
    this.#pending.set(name, verified);
    return verified;
  }

  /** What needs no key to be seen: most tokens that are no good cost no signature, and no promise. */
  #mayBeValid(token: string, now: number): boolean {
    const [head, body, signature, ...more] = token.split(".");
    if (!head || !body || !signature || more.length > 0) return false;
    const alg = decoded(head)?.["alg"];
    const exp = decoded(body)?.["exp"];
    return (
      this.#algorithms.includes(String(alg)) && (exp === undefined || (typeof exp === "number" && exp * 1000 > now))
    );
  }

  async #verify(token: string, name: string, now: number): Promise<Claims | undefined> {
    const { issuer, audience } = this.#settings;
    const options: JWTVerifyOptions = {
      algorithms: [...this.#algorithms],
      currentDate: new Date(now),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    const keys = this.#keys;
    const key = keys.kind === "set" ? await keys.sets.current() : keys.key;
    // Without keys nothing is known of the token: it is looked at again when it comes again.
    if (!key) return undefined;
    const { errors, jwtVerify } = await import("jose");
    try {
      const { payload } =
        typeof key === "function" ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);
      this.#known.set(name, { claims: payload, until: Math.min(now + LONGEST, (payload.exp ?? Infinity) * 1000) });
      return payload;
    } catch (thrown) {
      if (keys.kind === "set" && thrown instanceof errors.JWKSNoMatchingKey) keys.sets.lacksOne();
      this.#refused.set(name, now + REFUSED);
      return undefined;
    }
  }
}

/** The one token of these fields. */
function bearerOf(headers: readonly string[]): string | undefined {
  let line: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length !== 13 || name.toLowerCase() !== "authorization") continue;
    if (line !== undefined) return undefined;
    line = headers[i + 1]!;
  }
  if (line === undefined || line.length > LONGEST_TOKEN) return undefined;
  return /^bearer +([\w.~+/=-]+)$/i.exec(line.trim())?.[1];
}

/** The JSON object in a part of a token; undefined when it is none. */
function decoded(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
