import { isToken, listMembers, withoutHeaders, type HeaderList } from "../core/headers.ts";
import {
  PLAIN,
  HOST,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  CONNECTION,
  HOP,
  UPGRADE,
  EXPECT,
  FORWARDED_FOR,
  FORWARDED_PROTO,
  FORWARDED_HOST,
  FORWARDED,
  VIA,
  CDN_LOOP,
  REQUEST_ID,
  TRACEPARENT,
  TRACESTATE,
  TRUSTED_ONLY,
  WEBSOCKET_KEY,
  LOOKALIKE,
  ASIDE,
  NOTED,
  NEVER_NAMED,
  classifyField,
} from "./field-kinds.ts";

/** What the head of a request says, once it is known to mean one thing only. */
export interface Head {
  /** Fields for a dependency: hop-by-hop, framing, forwarding and tracing fields taken out. */
  readonly endToEnd: HeaderList;
  readonly host: string | undefined;
  /** Octets of the body; undefined when absent or chunked. */
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  readonly expectsContinue: boolean;
  /** Lower-case protocol of a wanted upgrade: only when `Connection` names it. */
  readonly upgrade: string | undefined;
  readonly websocketKey: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
  readonly forwardedHost: string | undefined;
  readonly forwarded: string | undefined;
  readonly via: string | undefined;
  readonly cdnLoop: string | undefined;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** Fields that only a trusted peer may send (X-Original-URL, method overrides and the like), kept aside. */
  readonly trustedOnly: HeaderList | undefined;
  /** Fields that say how urgent the request is, names in lower case; those for us alone are not among `endToEnd`. */
  readonly urgency: HeaderList | undefined;
}

/** A head that could be read in two ways, or asks for what we do not do. */
export interface HeadFault {
  readonly fault: "malformed" | "expectation";
  readonly detail: string;
}

/** 1 to 15 digits, no sign, no leading zero: every parser agrees on these (security rule S3). */
const PLAIN_LENGTH = /^(?:0|[1-9]\d{0,14})$/;

const malformed = (detail: string): HeadFault => ({ fault: "malformed", detail });

/** What the loop over the fields gathers, and in the end the {@link Head} itself. */
class Gathering implements Head {
  endToEnd: HeaderList = [];
  host: string | undefined;
  contentLength: number | undefined;
  chunked = false;
  expectsContinue = false;
  upgrade: string | undefined;
  websocketKey: string | undefined;
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;
  forwarded: string | undefined;
  via: string | undefined;
  cdnLoop: string | undefined;
  requestId: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  trustedOnly: HeaderList | undefined;
  urgency: HeaderList | undefined;
  lengthField: string | undefined;
  codingField: string | undefined;
  connectionField: string | undefined;
  upgradeField: string | undefined;
  expectField: string | undefined;
  trouble: HeadFault | undefined;

  special(kind: number, name: string, value: string): void {
    switch (kind) {
      case HOST:
        if (this.host !== undefined) this.trouble = malformed("the request has more than one Host field; send one");
        this.host = value;
        return;
      case CONTENT_LENGTH:
        if (this.lengthField !== undefined)
          this.trouble = malformed("the request has more than one Content-Length field; send one");
        this.lengthField = value;
        return;
      case TRANSFER_ENCODING:
        if (this.codingField !== undefined)
          this.trouble = malformed("the request has more than one Transfer-Encoding field; send one");
        this.codingField = value;
        return;
      case CONNECTION:
        this.connectionField = joined(this.connectionField, value);
        return;
      case UPGRADE:
        this.upgradeField = joined(this.upgradeField, value);
        return;
      case EXPECT:
        this.expectField = joined(this.expectField, value);
        return;
      case LOOKALIKE:
        this.trouble = malformed(
          'a framing, forwarding or credential field is spelt with "_" in place of "-"; spell it with "-"',
        );
        return;
      case TRUSTED_ONLY:
        (this.trustedOnly ??= []).push(name, value);
        return;
      case ASIDE:
      case NOTED:
        if (kind === NOTED) this.endToEnd.push(name, value);
        (this.urgency ??= []).push(name.toLowerCase(), value);
        return;
      default:
        this.forwarding(kind, name, value);
    }
  }

  forwarding(kind: number, name: string, value: string): void {
    switch (kind) {
      case FORWARDED_FOR:
        this.forwardedFor = joined(this.forwardedFor, value);
        return;
      case FORWARDED_PROTO:
        this.forwardedProto = joined(this.forwardedProto, value);
        return;
      case FORWARDED_HOST:
        this.forwardedHost = joined(this.forwardedHost, value);
        return;
      case FORWARDED:
        this.forwarded = joined(this.forwarded, value);
        return;
      case VIA:
        this.via = joined(this.via, value);
        return;
      case CDN_LOOP:
        this.cdnLoop = joined(this.cdnLoop, value);
        return;
      case REQUEST_ID:
        this.requestId = value;
        return;
      case TRACEPARENT:
        this.traceparent = this.traceparent === undefined ? value : "";
        return;
      case TRACESTATE:
        this.tracestate = joined(this.tracestate, value);
        return;
      case WEBSOCKET_KEY:
        this.websocketKey = this.websocketKey === undefined ? value : "";
        this.endToEnd.push(name, value);
        return;
      default: // HOP, PSEUDO
    }
  }
}

const joined = (before: string | undefined, value: string): string =>
  before === undefined ? value : `${before}, ${value}`;

/** Reads heads. Remembers how field names were spelt, up to `remembered` spellings, so that the usual ones cost one look-up. */
export function createHeadReader(remembered = 2048): (raw: readonly string[], version: string) => Head | HeadFault {
  const spellings = new Map<string, number>();
  const classify = (name: string): number => {
    const known = spellings.get(name);
    if (known !== undefined) return known;
    const kind = classifyField(name);
    if (spellings.size < remembered && name.length <= 64) spellings.set(name, kind);
    return kind;
  };
  return (raw, version) => {
    const gathering = new Gathering();
    const endToEnd = gathering.endToEnd;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!;
      const kind = classify(name);
      if (kind === PLAIN) endToEnd.push(name, raw[i + 1]!);
      else gathering.special(kind, name, raw[i + 1]!);
    }
    return gathering.trouble ?? settle(gathering, version);
  };
}

function settle(found: Gathering, version: string): Head | HeadFault {
  const { lengthField, codingField, expectField, connectionField } = found;
  if (lengthField !== undefined || codingField !== undefined) {
    const framing = readFraming(lengthField, codingField, version);
    if ("fault" in framing) return framing;
    found.contentLength = framing.length;
    found.chunked = framing.chunked;
  }
  if (expectField !== undefined) {
    if (expectField.toLowerCase() !== "100-continue") {
      return { fault: "expectation", detail: 'the only expectation that can be met here is "100-continue"' };
    }
    found.expectsContinue = version !== "1.0";
  }
  if (connectionField !== undefined) {
    const tokens = readConnection(connectionField);
    if ("fault" in tokens) return tokens;
    if (tokens.upgrade && version !== "2.0") found.upgrade = found.upgradeField?.toLowerCase().trim();
    if (tokens.named.size > 0) found.endToEnd = withoutHeaders(found.endToEnd, tokens.named);
  }
  if (version === "2.0") found.endToEnd = joinCookies(found.endToEnd);
  return found;
}

type Framing = { readonly length: number | undefined; readonly chunked: boolean };

/** One message length, or a fault: RFC 9112 section 6.3, without its leniency. */
export function readFraming(
  length: string | undefined,
  coding: string | undefined,
  version: string,
): Framing | HeadFault {
  if (coding !== undefined) {
    if (version !== "1.1") return malformed(`HTTP/${version} has no Transfer-Encoding; send a Content-Length`);
    if (length !== undefined)
      return malformed("Transfer-Encoding and Content-Length contradict each other; send one of them");
    if (coding.toLowerCase() !== "chunked") return malformed('the only Transfer-Encoding taken is exactly "chunked"');
    return { length: undefined, chunked: true };
  }
  if (length === undefined) return { length: undefined, chunked: false };
  if (!PLAIN_LENGTH.test(length))
    return malformed("Content-Length must be 1 to 15 digits without sign, list or leading zero");
  return { length: Number(length), chunked: false };
}

type ConnectionTokens = { readonly upgrade: boolean; readonly named: ReadonlySet<string> };

/** The options of a Connection field: what may be dropped on its word, and whether an upgrade is meant. */
function readConnection(value: string): ConnectionTokens | HeadFault {
  let upgrade = false;
  const named = new Set<string>();
  for (const member of listMembers(value)) {
    const token = member.toLowerCase();
    if (token === "close" || token === "keep-alive") continue;
    const kind = classifyField(token);
    if (kind === UPGRADE) upgrade = true;
    else if (kind === HOP) continue;
    else if (!isToken(token)) return malformed("a member of Connection is not a field name");
    else if ((kind !== PLAIN && kind !== NOTED) || NEVER_NAMED.has(token)) {
      return malformed(`Connection may not name the field "${token.slice(0, 40)}": it is not hop-by-hop`);
    } else named.add(token);
  }
  return { upgrade, named };
}

/** HTTP/2 may split a cookie into lines for better compression; elsewhere there may be one line (RFC 9113 section 8.2.3). */
function joinCookies(list: HeaderList): HeaderList {
  const rest: HeaderList = [];
  const cookies: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]!.toLowerCase() === "cookie") cookies.push(list[i + 1]!);
    else rest.push(list[i]!, list[i + 1]!);
  }
  if (cookies.length < 2) return list;
  rest.push("cookie", cookies.join("; "));
  return rest;
}
