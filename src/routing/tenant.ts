import { hash } from "node:crypto";
import type { Exchange } from "../core/exchange.ts";
import { headerValue } from "../core/headers.ts";
import type { Claims } from "../core/identity.ts";
import type { PrioritySettings } from "./priority-settings.ts";

/** Who a request counts for, other than an address. */
export interface Tenant {
  /** Told apart from addresses and from other kinds by what it begins with. */
  readonly id: string;
  /** As the token or a trusted peer names it; undefined for one that nobody vouches for. */
  readonly name: string | undefined;
}

export type TenantOf = (
  request: Pick<Exchange, "headers" | "client">,
  claims: Claims | undefined,
) => Tenant | undefined;

/** Longer names are nobody's: each is kept for as long as something is known of it. */
const LONGEST_NAME = 256;

function named(value: unknown): Tenant | undefined {
  const name = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  return name === "" || name.length > LONGEST_NAME ? undefined : { id: `tenant:${name}`, name };
}

function compileSource(source: PrioritySettings["tenant"][number]): TenantOf {
  if ("claim" in source) {
    const { claim } = source;
    return (_, claims) => (claims && Object.hasOwn(claims, claim) ? named(claims[claim]) : undefined);
  }
  if ("header" in source) {
    const field = source.header.toLowerCase();
    return ({ headers, client }) => (client.trusted ? named(headerValue(headers, field)) : undefined);
  }
  const field = source.apiKey.toLowerCase();
  return ({ headers }) => {
    const key = headerValue(headers, field);
    return key ? { id: `key:${hash("sha256", key, "base64url").slice(0, 22)}`, name: undefined } : undefined;
  };
}

/** Who a request counts for by the first source that says so; undefined: nobody but its address. */
export function compileTenant(sources: PrioritySettings["tenant"]): TenantOf | undefined {
  if (sources.length === 0) return undefined;
  const read = sources.map(compileSource);
  return (request, claims) => {
    for (const source of read) {
      const tenant = source(request, claims);
      if (tenant) return tenant;
    }
    return undefined;
  };
}
