import { listMembers, type HeaderList } from "../core/headers.ts";
import type { Head } from "./fields.ts";

/** What one connection tells every dependency about itself. Pure text, made once a connection and host. */
export interface Hop {
  /** Address of the peer of the connection, unmapped, without port. */
  readonly peer: string;
  readonly peerTrusted: boolean;
  readonly scheme: "http" | "https";
  /** Received protocol for Via: "1.1", "1.0", "2.0". */
  readonly version: string;
}

/** How often a message may pass gateways that name themselves in CDN-Loop before it counts as a loop. */
const MOST_HOPS = 20;

/** Whether the request has been here already (RFC 8586): our name, or too many names, in CDN-Loop. */
export function isLoop(cdnLoop: string | undefined, ourName: string): boolean {
  if (cdnLoop === undefined) return false;
  const members = listMembers(cdnLoop);
  if (members.length > MOST_HOPS) return true;
  return members.some((member) => member.split(";", 1)[0]!.trim() === ourName);
}

/**
 * The forwarding fields of a request on its way to a dependency. From an untrusted peer whatever it said is
 * replaced; from a trusted one it is continued (RFC 7239, RFC 9110 section 7.6.3, RFC 8586).
 */
export function forwardingFields(hop: Hop, head: Head, authority: string, ourName: string): HeaderList {
  const trusted = hop.peerTrusted;
  const fields: HeaderList = [
    "x-forwarded-for",
    after(trusted ? head.forwardedFor : undefined, hop.peer),
    "x-forwarded-host",
    (trusted && head.forwardedHost) || authority,
    "x-forwarded-proto",
    (trusted && head.forwardedProto) || hop.scheme,
    "forwarded",
    after(trusted ? head.forwarded : undefined, forwardedElement(hop, authority)),
    "via",
    after(head.via, `${hop.version} ${ourName}`),
    "cdn-loop",
    after(head.cdnLoop, ourName),
  ];
  if (trusted && head.trustedOnly) fields.push(...head.trustedOnly);
  return fields;
}

/** One element of a Forwarded field: `for=192.0.2.1;host=a.example;proto=http`. */
function forwardedElement(hop: Hop, authority: string): string {
  const node = hop.peer.includes(":") ? `"[${hop.peer}]"` : hop.peer;
  const host = authority.includes(":") ? `"${authority}"` : authority;
  return `for=${node};host=${host};proto=${hop.scheme}`;
}

const after = (before: string | undefined, value: string): string => (before ? `${before}, ${value}` : value);

/**
 * The same, remembering the last text: nearly every request of a connection has the same host and no fields of
 * its own, and then the list is shared. Callers must not change what they get.
 */
export function createForwarding(hop: Hop, ourName: string): (head: Head, authority: string) => HeaderList {
  let lastAuthority: string | undefined;
  let last: HeaderList = [];
  return (head, authority) => {
    const continues = head.via !== undefined || head.cdnLoop !== undefined || hop.peerTrusted;
    if (continues) return forwardingFields(hop, head, authority, ourName);
    if (authority !== lastAuthority) {
      last = forwardingFields(hop, head, authority, ourName);
      lastAuthority = authority;
    }
    return last;
  };
}
