import { isIPv4, isIPv6 } from "node:net";

export type Authority =
  /** Lower case, without a trailing dot and without the port that is the scheme's own. */
  { readonly kind: "ok"; readonly authority: string } | { readonly kind: "bad"; readonly detail: string };

const MOST = 255;
const ORDINARY = /^[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)*$/;
const PARTS = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?$/;
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

const bad = (detail: string): Authority => ({ kind: "bad", detail });

/**
 * Judges the value of a Host field or `:authority`: one host name, IPv4 address or bracketed IPv6 address with an
 * optional port. Stricter than RFC 3986, which lets a host hold escapes and most punctuation.
 */
export function readHost(value: string, scheme: "http" | "https"): Authority {
  if (value.length > MOST) return bad(`the Host field is longer than ${MOST} characters`);
  if (ORDINARY.test(value)) return { kind: "ok", authority: value };
  if (value === "") return bad("the Host field is empty");
  const parts = PARTS.exec(value.toLowerCase());
  if (!parts) return bad("the Host field is not one host name or address with an optional port");
  const host = canonicalHost(parts[1]!);
  if (host === undefined) return bad("the Host field names no valid host");
  const port = parts[2];
  if (port === undefined || port === (scheme === "http" ? "80" : "443")) return { kind: "ok", authority: host };
  if (Number(port) > 65_535) return bad("the port in the Host field is not between 1 and 65535");
  return { kind: "ok", authority: `${host}:${port}` };
}

/** A name whose last label is a number is an IPv4 address or nothing, as in the URL standard. */
function canonicalHost(text: string): string | undefined {
  if (text.startsWith("[")) return isIPv6(text.slice(1, -1)) ? text : undefined;
  const host = text.endsWith(".") ? text.slice(0, -1) : text;
  if (!LABELS.test(host)) return undefined;
  return /(?:^|\.)[0-9]+$/.test(host) && !isIPv4(host) ? undefined : host;
}
