import { isIPv4, isIPv6 } from "node:net";

/** An IPv4 address without the IPv6 prefix that a dual-stack socket puts before it. */
export function unmapped(address: string): string {
  const found = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return found ? found[1]! : address;
}

/** Whether nobody but this machine can be at, or listen on, the address. Of names only "localhost". */
export function isLoopback(address: string): boolean {
  const plain = unmapped(address);
  if (isIPv4(plain)) return plain.startsWith("127.");
  return plain === "::1" || plain === "localhost";
}

/** What is counted as one client: an IPv4 address, or the /64 that one IPv6 customer has to itself. */
export function addressKey(address: string): string {
  const plain = unmapped(address.replace(/%.*$/, ""));
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  // An embedded IPv4 address stands for two groups, both beyond the first four unless "::" is short; zeros will do.
  const gap = Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: gap }, () => "0"), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => (Number.parseInt(group, 16) || 0).toString(16))
    .join(":")}::/64`;
}
