import { UsageError } from "../core/errors.ts";
import type { Client } from "../core/exchange.ts";
import { parseAddress, parseIPv4, unmapAddress } from "../core/address.ts";
import { previousElement, readFor } from "./forwarded.ts";

/** Whether an address is a trusted proxy's. False for texts that are no address. */
export type Trusts = (address: string) => boolean;

interface Range4 {
  readonly bits: number;
  readonly mask: number;
}

interface Range6 {
  readonly words: readonly number[];
  readonly masks: readonly number[];
}

/** `cidrs`: `10.0.0.0/8`, `fd00::/8` or single addresses. Throws UsageError for anything else. */
export function compileTrust(cidrs: readonly string[]): Trusts {
  const ranges4: Range4[] = [];
  const ranges6: Range6[] = [];
  for (const cidr of cidrs) addRange(cidr, ranges4, ranges6);
  if (cidrs.length === 0) return () => false;
  const holds4 = (bits: number): boolean => ranges4.some((range) => (bits & range.mask) === range.bits);
  return (address) => {
    const bits = parseIPv4(address);
    if (bits >= 0) return holds4(bits);
    const parsed = parseAddress(address);
    if (!parsed) return false;
    if (parsed.family === 4) return holds4(parsed.bits);
    const words = parsed.words;
    return ranges6.some((range) => range.words.every((word, i) => (words[i]! & range.masks[i]!) === word));
  };
}

/** A mapped IPv4 range (`::ffff:10.0.0.0/104`) is the IPv4 range itself. */
function addRange(cidr: string, ranges4: Range4[], ranges6: Range6[]): void {
  const slash = cidr.indexOf("/");
  const text = slash < 0 ? cidr : cidr.slice(0, slash);
  const parsed = text.includes("%") ? undefined : parseAddress(text);
  const whole = text.includes(":") ? 128 : 32;
  const length = slash < 0 ? whole : prefixLength(cidr.slice(slash + 1));
  const offset = parsed?.family === 4 && whole === 128 ? 96 : 0;
  if (!parsed || !(length >= offset && length <= whole)) {
    throw new UsageError(
      `${JSON.stringify(cidr)} is not an address or range: expected one such as "10.0.0.0/8" or "fd00::/8"`,
    );
  }
  if (parsed.family === 4) {
    const mask = maskOf(length - offset);
    ranges4.push({ bits: parsed.bits & mask, mask });
  } else {
    const masks = [0, 1, 2, 3].map((i) => maskOf(Math.min(Math.max(length - 32 * i, 0), 32)));
    ranges6.push({ words: parsed.words.map((word, i) => word & masks[i]!), masks });
  }
}

const prefixLength = (text: string): number => (/^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Number.NaN);

/** 32 bits, the first `length` of them set. */
const maskOf = (length: number): number => (length === 0 ? 0 : -1 << (32 - length));

/**
 * Who asks. The forwarding fields count only if `peer`, the other end of the connection, is trusted; then they are
 * walked from the right, and the first address that is no trusted proxy's is the client. What cannot be read ends the
 * walk at the last good address. Where both fields stand, X-Forwarded-For counts: a proxy that appends to it seldom
 * touches a client's own Forwarded. Repeated lines come joined by commas.
 */
export function clientAddress(
  peer: string,
  xff: string | undefined,
  forwarded: string | undefined,
  trusts: Trusts,
): Client {
  const address = unmapAddress(peer);
  if (!trusts(address)) return { address, trusted: false };
  if (xff !== undefined) return { address: walkPlain(address, xff, trusts), trusted: true };
  if (forwarded !== undefined) return { address: walkForwarded(address, forwarded, trusts), trusted: true };
  return { address, trusted: true };
}

function walkPlain(peer: string, field: string, trusts: Trusts): string {
  let good = peer;
  for (let end = field.length; end >= 0;) {
    const comma = end === 0 ? -1 : field.lastIndexOf(",", end - 1);
    const member = field.slice(comma + 1, end).trim();
    end = comma;
    if (member === "") continue;
    const address = readNode(member);
    if (address === undefined) return good;
    good = address;
    if (!trusts(address)) return good;
  }
  return good;
}

function walkForwarded(peer: string, field: string, trusts: Trusts): string {
  let good = peer;
  for (let end = field.length; end >= 0;) {
    const start = previousElement(field, end);
    const element = field.slice(start, end).trim();
    end = start - 1;
    if (element === "") continue;
    const node = readFor(element);
    // RFC 7239 wants an IPv6 address in brackets.
    const address = node === undefined || isBareIPv6(node) ? undefined : readNode(node);
    if (address === undefined) return good;
    good = address;
    if (!trusts(address)) return good;
  }
  return good;
}

const isBareIPv6 = (node: string): boolean => !node.startsWith("[") && node.indexOf(":") !== node.lastIndexOf(":");

/** `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; "unknown" and `_names` are no address. */
function readNode(node: string): string | undefined {
  if (parseIPv4(node) >= 0) return node;
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?$/.exec(node);
  const text = parts ? (parts[1] ?? parts[2]!) : node;
  if (text.length > 45 || text.includes("%") || (parts?.[1] !== undefined && !text.includes(":"))) return undefined;
  return parseAddress(text) ? unmapAddress(text) : undefined;
}
