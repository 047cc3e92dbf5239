/** The `Cookie` field of requests (RFC 6265 section 4.2.1), as far as a cache has to tell one cookie from another. */
import { withoutHeaders, type HeaderList } from "../core/headers.ts";
import { fieldLines } from "./rules/fields.ts";

export interface Cookie {
  readonly name: string;
  /** As it was sent, name included. */
  readonly text: string;
}

/** All cookies of a request, in order, those of several lines too. */
export function readCookies(headers: readonly string[]): Cookie[] {
  const cookies: Cookie[] = [];
  for (const line of fieldLines(headers, "cookie")) {
    for (const part of line.split(";")) {
      const text = part.trim();
      const at = text.indexOf("=");
      if (text !== "") cookies.push({ name: at < 0 ? "" : text.slice(0, at).trim(), text });
    }
  }
  return cookies;
}

const COOKIE: ReadonlySet<string> = new Set(["cookie"]);

/** The fields with these cookies in place of all. */
export function withCookies(headers: HeaderList, cookies: readonly Cookie[]): HeaderList {
  const fields = withoutHeaders(headers, COOKIE);
  if (cookies.length > 0) fields.push("cookie", cookies.map(({ text }) => text).join("; "));
  return fields;
}
