import { z } from "zod";
import type { Soon } from "./soon.ts";
import { duration } from "./units.ts";

/** What a verified token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who asks, by the token in `Authorization: Bearer`. */
export interface Identities {
  /** The claims that are the user and the role. */
  readonly userClaim: string;
  readonly roleClaim: string;
  /** What the token of these fields says; undefined: there is none, or it is not to be trusted. A promise the first time. */
  claimsOf(headers: readonly string[]): Soon<Claims | undefined>;
}

/** Algorithms of a secret that both sides know. */
export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;
/** Algorithms of a key pair. */
export const KEY_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

const jwks = z.union([
  z.strictObject({ file: z.string().min(1).describe("File of a JWK Set; relative to the configuration file") }),
  z.strictObject({
    dependency: z.string().min(1).describe("The dependency that has it, a name under dependencies"),
    path: z
      .string()
      .regex(/^\/[!-~]*$/, 'expected a path such as "/.well-known/jwks.json"')
      .default("/.well-known/jwks.json")
      .describe("Path and query that are asked for"),
    refresh: duration({ min: "10s", max: "1d" })
      .prefault("10m")
      .describe(
        "So old the keys are asked for anew, beside requests; also for an unknown key, twice a minute at most. Keys that cannot be renewed are used for a day",
      ),
  }),
]);

const jwt = z
  .strictObject({
    secret: z
      .string()
      .min(32, "at least 32 characters: openssl rand -hex 32")
      .optional()
      .describe("For HS256, HS384, HS512; from the environment"),
    publicKey: z.string().min(1).optional().describe("PEM file of a public key (RSA, EC, Ed25519)"),
    jwks: jwks.optional().describe("A JWK Set of public keys (RFC 7517), 100 at most, 256 KiB at most"),
    algorithms: z
      .array(z.enum([...SECRET_ALGORITHMS, ...KEY_ALGORITHMS]))
      .min(1)
      .optional()
      .describe("Accepted ones. Absent: all that fit the secret or the keys; never none"),
    issuer: z.string().optional().describe("What iss has to be. Absent: anything"),
    audience: z.string().optional().describe("What aud has to hold. Absent: anything"),
    userClaim: z.string().min(1).default("sub").describe("Which claim is the user"),
    roleClaim: z.string().min(1).default("role").describe("Which claim is the role"),
  })
  .refine((given) => [given.secret, given.publicKey, given.jwks].filter((one) => one !== undefined).length === 1, {
    error: "give either a secret or a publicKey or jwks",
  })
  .refine(
    ({ secret, algorithms = [] }) => {
      const fitting: readonly string[] = secret === undefined ? KEY_ALGORITHMS : SECRET_ALGORITHMS;
      return algorithms.every((name) => fitting.includes(name));
    },
    { path: ["algorithms"], error: "HS256, HS384 and HS512 are for a secret, all others for keys" },
  );

/** How tokens are verified: the same at `identity` and, as it was before, at `cache.identity`. */
export const identitySettings = z.strictObject({
  jwt: jwt.describe("JSON Web Tokens in Authorization: Bearer"),
});

export type IdentitySettings = z.output<typeof identitySettings>;
