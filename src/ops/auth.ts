/** Who may call: tokens, roles, and what a web page in somebody's browser must not be able to do. */
import { createHash, timingSafeEqual } from "node:crypto";
import { UsageError } from "../core/errors.ts";
import { isLoopback } from "../core/address.ts";
import { MIN_TOKEN, type OpsRole, type OpsSettings } from "./settings.ts";

/**
 * What a call asks of its caller. `open`: nothing but to be no web page of somebody else; `signed`: that, and a
 * signature of its body, which is looked at once it is here.
 */
export type Access = "open" | "signed" | OpsRole;

/** Somebody who was let in, as the audit shows them. */
export interface Actor {
  readonly name: string;
  readonly role: OpsRole;
  /** First 8 hexadecimal digits of the token's SHA-256; "-" for loopback without tokens. */
  readonly fingerprint: string;
}

/** The facts of a request that decide. Absent fields are undefined. */
export interface Credentials {
  readonly host: string | undefined;
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
  /** Of the peer of the connection; nothing a header field says. */
  readonly peer: string;
  /** Our own end of the connection. */
  readonly local: { readonly address: string; readonly port: number };
}

export interface Policy {
  readonly tokens: readonly { readonly actor: Actor; readonly digest: Buffer }[];
  /** Whether the listener is bound to loopback. */
  readonly loopback: boolean;
  /** `host:port`, or a host for the listener's own port. */
  readonly hosts: readonly string[];
}

export type Judgement =
  | { readonly kind: "admitted"; readonly actor: Actor | undefined }
  | { readonly kind: "turned-away"; readonly reason: TurnedAwayReason; readonly actor: Actor | undefined };

export type TurnedAwayReason =
  | "host" // not a name of ours: a rebound DNS name, or `ops.hosts` lacks it
  | "cross-site" // sent by a web page of another origin
  | "not-loopback" // no tokens are configured, and the peer is not on this machine
  | "no-credentials"
  | "wrong-token"
  | "signature"
  | "role"; // a good token of a lesser role

const roles: readonly OpsRole[] = ["read", "operate", "admin"];

/** Throws a UsageError on settings that would let in more than they should, whoever checked them before. */
export function createPolicy(settings: OpsSettings): Policy {
  const loopback = isLoopback(settings.host);
  if (!loopback && settings.tokens.length === 0) {
    throw new UsageError(
      `ops.host ${settings.host} is reachable from other machines and ops.tokens is empty: ` +
        `set a token (openssl rand -hex 32), or ops.host to 127.0.0.1`,
    );
  }
  const names = new Set<string>();
  for (const { name, token } of settings.tokens) {
    if (token.length < MIN_TOKEN) {
      throw new UsageError(
        `ops.tokens: the token "${name}" is shorter than ${MIN_TOKEN} characters: openssl rand -hex 32`,
      );
    }
    if (names.has(name))
      throw new UsageError(`ops.tokens: the name "${name}" is there twice, the audit could not tell`);
    names.add(name);
  }
  const tokens = settings.tokens.map(({ name, role, token }) => {
    const digest = sha256(token);
    return { actor: { name, role, fingerprint: digest.toString("hex").slice(0, 8) }, digest };
  });
  return { tokens, loopback, hosts: settings.hosts.map((host) => host.toLowerCase()) };
}

/** Decides one call. Pure; every token is compared whichever fits, so the time taken tells nothing of them. */
export function judge(asked: Credentials, access: Access, policy: Policy): Judgement {
  const actor = identify(asked, policy);
  const away = (reason: TurnedAwayReason): Judgement => ({ kind: "turned-away", reason, actor });
  // Beyond loopback, open calls are there for probes and scrapers that come by any name.
  if ((access !== "open" || policy.loopback) && !isOurName(asked, policy)) return away("host");
  if (isCrossSite(asked)) return away("cross-site");
  if (access === "open" || access === "signed") return { kind: "admitted", actor };
  if (policy.tokens.length === 0 && !actor) return away("not-loopback");
  if (!actor) return away(asked.authorization === undefined ? "no-credentials" : "wrong-token");
  return roles.indexOf(actor.role) >= roles.indexOf(access) ? { kind: "admitted", actor } : away("role");
}

function identify(asked: Credentials, policy: Policy): Actor | undefined {
  if (policy.tokens.length === 0) {
    return policy.loopback && isLoopback(asked.peer)
      ? { name: "loopback", role: "admin", fingerprint: "-" }
      : undefined;
  }
  const bearer = /^Bearer +([\x21-\x7e]+) *$/i.exec(asked.authorization ?? "");
  const digest = sha256(bearer?.[1] ?? "");
  let found: Actor | undefined;
  for (const token of policy.tokens) {
    if (timingSafeEqual(token.digest, digest) && bearer) found = token.actor;
  }
  return found;
}

/** Against DNS rebinding: a page that made its own name point here still sends that name. */
function isOurName({ host, local }: Credentials, policy: Policy): boolean {
  if (host === undefined) return false;
  const name = host.toLowerCase();
  const ownAddress = local.address.includes(":") ? `[${local.address}]` : local.address;
  const bare = ["127.0.0.1", "[::1]", "localhost", ownAddress];
  if (bare.some((each) => name === `${each}:${local.port}`)) return true;
  return policy.hosts.some((each) => name === (each.includes(":") ? each : `${each}:${local.port}`));
}

function isCrossSite({ host, origin, secFetchSite }: Credentials): boolean {
  if (secFetchSite !== undefined && secFetchSite !== "same-origin" && secFetchSite !== "none") return true;
  return origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`;
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
