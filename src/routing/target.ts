import { readHost } from "./authority.ts";

export type Target =
  | {
      readonly kind: "ok";
      /** Path and query byte for byte as they came, in origin form. */
      readonly target: string;
      /** The one canonical path: unreserved octets decoded, escapes in capitals, slashes merged, no dot segments. */
      readonly path: string;
      /** Raw, with its "?"; "" when there is none. */
      readonly query: string;
    }
  /** `OPTIONS *`: the server as a whole. */
  | { readonly kind: "asterisk" }
  | { readonly kind: "bad"; readonly detail: string };

// Visible ASCII but # % / ? \ ; and no segment that is empty (save the last) or begins with a dot.
const PLAIN = /^(?:\/[!"$&-\-0-9:->@-[\]-~][!"$&-.0-9:->@-[\]-~]*)*\/?$/;
const QUERY = /^[!"$-~]*$/;
// Servlet containers take what follows a ";" away before they look for dots, some even when it is escaped.
const DOT_SEGMENT = /\/(?:\.{1,2}(?:[;/]|%3B|$)|%3B)/;

const bad = (detail: string): Target => ({ kind: "bad", detail });
const ASTERISK: Target = Object.freeze({ kind: "asterisk" });
const NOT_VISIBLE = bad('the request target holds "#" or an octet outside visible ASCII');

/**
 * Judges a request target (RFC 9112 section 3.2). `host` is the authority as `readHost` gives it, `scheme` that of
 * the connection. The query is opaque:
 * its escapes are neither checked nor changed.
 */
export function readTarget(raw: string, method: string, host: string, scheme: "http" | "https" = "http"): Target {
  if (raw.charCodeAt(0) === SLASH) return readOrigin(raw);
  if (raw === "*") return method === "OPTIONS" ? ASTERISK : bad('the target "*" is for OPTIONS only');
  return readAbsolute(raw, host, scheme);
}

function readOrigin(target: string): Target {
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark);
  if (!QUERY.test(query)) return NOT_VISIBLE;
  if (PLAIN.test(rawPath)) return { kind: "ok", target, path: rawPath, query };
  const canonical = canonicalPath(rawPath);
  return canonical.kind === "bad" ? canonical : { kind: "ok", target, path: canonical.path, query };
}

function readAbsolute(raw: string, host: string, wanted: "http" | "https"): Target {
  const found = /^(https?):\/\/([^/?]*)/i.exec(raw);
  if (!found) return bad("the request target is neither a path nor an http URL");
  const scheme = found[1]!.length === 4 ? "http" : "https";
  if (scheme !== wanted) return bad(`the scheme of the request target is not that of the connection, ${wanted}`);
  const named = readHost(found[2]!, scheme);
  if (named.kind === "bad") return bad("the authority of the request target is not a host with an optional port");
  if (named.authority !== host) return bad("the authority of the request target is not that of the Host field");
  const rest = raw.slice(found[0].length);
  return readOrigin(rest.charCodeAt(0) === SLASH ? rest : `/${rest}`);
}

const SLASH = 0x2f;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;

type Canonical = { readonly kind: "path"; readonly path: string } | { readonly kind: "bad"; readonly detail: string };

/** For paths that are not plain. One pass; pieces that stay as they are get copied whole. */
function canonicalPath(raw: string): Canonical {
  let path = "";
  let copied = 0;
  let at = 0;
  while (at < raw.length) {
    const code = raw.charCodeAt(at);
    if (code === PERCENT) {
      const end = escapeEnd(raw, at);
      if (typeof end === "string") return { kind: "bad", detail: end };
      const first = octetAt(raw, at);
      path += raw.slice(copied, at) + (isUnreserved(first) ? String.fromCharCode(first) : upper(raw, at, end));
      at = copied = end;
    } else if (code === SLASH && raw.charCodeAt(at + 1) === SLASH) {
      path += raw.slice(copied, at);
      copied = ++at;
    } else if (code <= 0x20 || code >= 0x7f || code === 0x23) {
      return { kind: "bad", detail: 'the request target holds "#" or an octet outside visible ASCII' };
    } else if (code === BACKSLASH) {
      return { kind: "bad", detail: "the path holds a backslash" };
    } else at++;
  }
  path = copied === 0 ? raw : path + raw.slice(copied);
  return DOT_SEGMENT.test(path)
    ? { kind: "bad", detail: 'the path holds a "." or ".." segment, or one that begins with an escaped ";"' }
    : { kind: "path", path };
}

const upper = (raw: string, from: number, to: number): string => raw.slice(from, to).toUpperCase();

/** Where the escaped character at `at` ends (one octet, or a whole UTF-8 sequence), or what is wrong with it. */
function escapeEnd(raw: string, at: number): number | string {
  const octet = octetAt(raw, at);
  if (octet < 0) return "the path holds a malformed percent escape";
  if (octet < 0x20 || octet === 0x7f) return "the path holds an escaped control octet";
  if (octet === SLASH || octet === BACKSLASH) return "the path holds an escaped slash or backslash";
  if (octet < 0x80) return at + 3;
  const more = followers(octet);
  for (let i = 1; i <= more; i++) {
    const next = octetAt(raw, at + 3 * i);
    const least = i === 1 ? leastFollower(octet) : 0x80;
    const most = i === 1 ? mostFollower(octet) : 0xbf;
    if (next < least || next > most) return NOT_UTF8;
  }
  return more === 0 ? NOT_UTF8 : at + 3 * (more + 1);
}

const NOT_UTF8 = "the escapes in the path are not valid UTF-8";

/** Octets after a lead octet of UTF-8 (RFC 3629); 0 when it can lead nothing. */
function followers(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

// The second octet keeps overlong forms, surrogates and what lies beyond U+10FFFF out.
const leastFollower = (lead: number): number => (lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80);
const mostFollower = (lead: number): number => (lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf);

/** The octet that the escape at `at` stands for; -1 when there is no well-formed escape. */
function octetAt(raw: string, at: number): number {
  if (raw.charCodeAt(at) !== PERCENT) return -1;
  const high = hexDigit(raw.charCodeAt(at + 1));
  const low = hexDigit(raw.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** RFC 3986 section 2.3: A-Z a-z 0-9 - . _ ~ */
function isUnreserved(octet: number): boolean {
  const letter = octet | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  return (octet >= 0x30 && octet <= 0x39) || octet === 0x2d || octet === 0x2e || octet === 0x5f || octet === 0x7e;
}
