/** What an answer to an unsafe request makes invalid (RFC 9111 section 4.4). */
import { fieldLines } from "./fields.ts";

export interface UnsafeTarget {
  /** "http" or "https". */
  readonly scheme: string;
  /** Host, with the port when it is not the scheme's own. */
  readonly authority: string;
  readonly path: string;
  /** With its "?"; "" when there is none. */
  readonly query: string;
}

/** RFC 9110 section 9.2.1 and the registry of methods. One we do not know is taken for unsafe. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"]);

export const isSafe = (method: string): boolean => SAFE.has(method);

/** A reference as a target of the same origin; undefined when it is of another, or none. */
function sameOrigin(reference: string, base: URL): string | undefined {
  const text = reference.trim();
  if (text === "" || !URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  if (url.origin !== base.origin || url.origin === "null") return undefined;
  return `${url.pathname}${url.search}`;
}

/**
 * The targets, in origin form and each once, whose stored answers may no longer be used after an answer of this status to
 * a request of this method: the request's own, and those `Location` and `Content-Location` name on the same origin. None
 * after a safe method or an error. The paths those fields name are spelt as in a URL, not yet as in a key.
 */
export function invalidatedBy(
  method: string,
  status: number,
  target: UnsafeTarget,
  headers: readonly string[],
): string[] {
  if (isSafe(method) || status < 200 || status > 399) return [];
  const own = `${target.path}${target.query}`;
  const targets = new Set([own]);
  const base = `${target.scheme}://${target.authority}${own}`;
  if (URL.canParse(base)) {
    const url = new URL(base);
    for (const line of [...fieldLines(headers, "location"), ...fieldLines(headers, "content-location")]) {
      const other = sameOrigin(line, url);
      if (other !== undefined) targets.add(other);
    }
  }
  return [...targets];
}
