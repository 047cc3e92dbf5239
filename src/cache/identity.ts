import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { LRUCache } from "lru-cache";
import { fieldLines } from "./rules/fields.ts";
import type { IdentitySettings } from "./key-settings.ts";
import type { CacheTime } from "./time.ts";

/** What a verified token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token that was looked at: what it says, or nothing, until when. */
interface Seen {
  readonly claims: Claims | undefined;
  /** Wall-clock milliseconds. */
  readonly until: number;
}

const MOST_TOKENS = 10_000;
/** Longest that a token is taken at its word without looking again. */
const LONGEST = 300_000;
/** For one that is refused: it may become valid, and it must not cost a signature at request pace. */
const REFUSED = 5000;
const LONGEST_TOKEN = 8192;

const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
const KEY_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/**
 * Who asks, by the token in `Authorization: Bearer`. A token is verified once, and remembered by its hash until it
 * expires; what cannot be verified, for whatever reason, is nobody.
 */
export class Identities {
  readonly #settings: IdentitySettings["jwt"];
  readonly #key: Uint8Array | KeyObject;
  readonly #time: CacheTime;
  readonly #seen = new LRUCache<string, Seen>({ max: MOST_TOKENS });

  /** `publicKey`: PEM, where the settings name a file. Throws when it is none. */
  constructor({ jwt }: IdentitySettings, publicKey: string | undefined, time: CacheTime) {
    this.#settings = jwt;
    this.#key = jwt.secret === undefined ? createPublicKey(publicKey ?? "") : new TextEncoder().encode(jwt.secret);
    this.#time = time;
  }

  get userClaim(): string {
    return this.#settings.userClaim;
  }

  get roleClaim(): string {
    return this.#settings.roleClaim;
  }

  /** What the token of these fields says; undefined: there is none, or it is not to be trusted. A promise the first time. */
  claimsOf(headers: readonly string[]): Claims | undefined | Promise<Claims | undefined> {
    const lines = fieldLines(headers, "authorization");
    if (lines.length !== 1 || lines[0]!.length > LONGEST_TOKEN) return undefined;
    const token = /^bearer +([\w.~+/=-]+)$/i.exec(lines[0]!.trim())?.[1];
    if (token === undefined) return undefined;
    const hash = createHash("sha256").update(token).digest("base64url");
    const seen = this.#seen.get(hash);
    return seen && this.#time.wall() < seen.until ? seen.claims : this.#verify(token, hash);
  }

  async #verify(token: string, hash: string): Promise<Claims | undefined> {
    const now = this.#time.wall();
    const { jwtVerify } = await import("jose");
    const { issuer, audience, secret } = this.#settings;
    const options = {
      algorithms: secret === undefined ? KEY_ALGORITHMS : SECRET_ALGORITHMS,
      currentDate: new Date(now),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    const seen = await jwtVerify(token, this.#key, options).then(
      ({ payload }) => ({ claims: payload, until: Math.min(now + LONGEST, (payload.exp ?? Infinity) * 1000) }),
      () => ({ claims: undefined, until: now + REFUSED }),
    );
    this.#seen.set(hash, seen);
    return seen.claims;
  }
}
