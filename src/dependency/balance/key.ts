import type { Exchange } from "../../core/exchange.ts";
import { headerValue } from "../../core/headers.ts";
import type { BalanceSettings } from "./settings.ts";

/** What of a request decides on its target; undefined: nothing does. */
export type KeyOf = (exchange: Exchange) => string | undefined;

const NO_KEY: KeyOf = () => undefined;

export function keyOf(by: BalanceSettings["by"]): KeyOf {
  if (typeof by === "string") return NO_KEY;
  const { hash } = by;
  if (hash === "client") return ({ client }) => client.address;
  if ("header" in hash) {
    const name = hash.header.toLowerCase();
    return ({ headers }) => headerValue(headers, name) || undefined;
  }
  return ({ headers }) => cookieValue(headerValue(headers, "cookie") ?? "", hash.cookie) || undefined;
}

/** The value of the first cookie of that name (RFC 6265 section 4.2.1). */
function cookieValue(field: string, name: string): string | undefined {
  for (const pair of field.split(";")) {
    const at = pair.indexOf("=");
    if (at >= 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
