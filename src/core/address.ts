import { isIPv6 } from "node:net";

/** An address as numbers: 32 bits, or four times 32 bits of an IPv6 address that is not a mapped IPv4 one. */
export type Address =
  | { readonly family: 4; readonly bits: number }
  | { readonly family: 6; readonly words: readonly [number, number, number, number] };

/** The 32 bits of a dotted IPv4 address; -1 for any other text. Leading zeros are refused: some read them as octal. */
export function parseIPv4(text: string): number {
  let bits = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit >= 0 && digit <= 9) {
      octet = octet < 0 ? digit : octet === 0 ? 256 : octet * 10 + digit;
      if (octet > 255) return -1;
    } else if (digit === -2 && octet >= 0 && dots < 3) {
      bits = bits * 256 + octet;
      octet = -1;
      dots++;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? bits * 256 + octet : -1;
}

/** Reads an address without brackets and port. A zone (`%eth0`) is left out, a mapped IPv4 address unmapped. */
export function parseAddress(text: string): Address | undefined {
  const bits = parseIPv4(text);
  if (bits >= 0) return { family: 4, bits };
  if (!isIPv6(text)) return undefined;
  const zone = text.indexOf("%");
  const words = ipv6Words(zone < 0 ? text : text.slice(0, zone));
  if (words.some((word) => word < 0)) return undefined;
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? { family: 4, bits: words[3] } : { family: 6, words };
}

/** For texts that are IPv6 addresses. */
function ipv6Words(text: string): [number, number, number, number] {
  const [head = "", tail] = text.split("::");
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const groups = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  const word = (index: number): number => groups[index]! * 65_536 + groups[index + 1]!;
  return [word(0), word(2), word(4), word(6)];
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return Number.parseInt(group, 16);
    const bits = parseIPv4(group);
    return [Math.floor(bits / 65_536), bits % 65_536];
  });
}

const formatIPv4 = (bits: number): string =>
  `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;

/** `::ffff:1.2.3.4`, in any spelling, as `1.2.3.4`; any other text as it is. */
export function unmapAddress(address: string): string {
  const code = address.charCodeAt(0);
  if (code !== 0x3a && code !== 0x30) return address;
  if (!address.includes(":")) return address;
  const parsed = parseAddress(address);
  return parsed?.family === 4 ? formatIPv4(parsed.bits) : address;
}

/**
 * What one client is counted by: an IPv4 address whole, an IPv6 address by its /64, since a client has at least that
 * many to itself. A text that is no address stays as it is.
 */
export function clientKey(address: string): string {
  if (!address.includes(":")) return address;
  const plain = plainPrefix(address);
  if (plain !== undefined) return plain;
  const parsed = parseAddress(address);
  if (!parsed) return address;
  if (parsed.family === 4) return formatIPv4(parsed.bits);
  const [high, low] = parsed.words;
  return formatPrefix(high >>> 16, high & 0xffff, low >>> 16, low & 0xffff);
}

const formatPrefix = (a: number, b: number, c: number, d: number): string =>
  `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}::/64`;

/** The /64 of an IPv6 address in hexadecimal groups alone, as almost all are; undefined for any other text. */
function plainPrefix(text: string): string | undefined {
  const gap = text.indexOf("::");
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  const front = readGroups(text, 0, gap < 0 ? text.length : gap, groups);
  if (gap < 0) {
    if (front !== 8) return undefined;
  } else {
    const tail = [0, 0, 0, 0, 0, 0, 0, 0];
    const back = readGroups(text, gap + 2, text.length, tail);
    if (front < 0 || back < 0 || front + back > 7) return undefined;
    for (let i = 0; i < back; i++) groups[8 - back + i] = tail[i]!;
  }
  const [a, b, c, d, e, f] = groups as [number, number, number, number, number, number];
  const mapped = (a | b | c | d | e) === 0 && f === 0xffff;
  return mapped ? undefined : formatPrefix(a, b, c, d);
}

/** Groups with a colon between each, into `groups`: how many; -1 where they are no such thing, or more than 8. */
function readGroups(text: string, from: number, to: number, groups: number[]): number {
  if (from === to) return 0;
  let count = 0;
  let value = 0;
  let digits = 0;
  for (let at = from; at <= to; at++) {
    const code = at === to ? COLON : text.charCodeAt(at);
    if (code === COLON) {
      if (digits === 0 || count === 8) return -1;
      groups[count++] = value;
      value = digits = 0;
    } else {
      const digit = hexDigit(code);
      if (digit < 0 || ++digits > 4) return -1;
      value = value * 16 + digit;
    }
  }
  return count;
}

const COLON = 0x3a;

const hexDigit = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
};

/** Whether nobody but this machine can be at, or listen on, the address. Of names only "localhost". */
export function isLoopback(address: string): boolean {
  const plain = unmapAddress(address.toLowerCase());
  return plain === "localhost" || plain === "::1" || (plain.startsWith("127.") && parseIPv4(plain) >= 0);
}
