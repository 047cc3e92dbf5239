/** `Vary` (RFC 9110 section 12.5.5) and the secondary key of RFC 9111 section 4.1. */
import type { CacheRequest, CacheResponse } from "../rules.ts";
import { isToken, joinedHeader } from "../../core/headers.ts";
import { isBlank, skipBlanks, trimBlanks } from "../../core/characters.ts";

/** Lists that mean the same in either case, and in which weights tell what comes first (RFC 9110 sections 12.5.3, 12.5.4). */
const WEIGHTED: ReadonlySet<string> = new Set(["accept-language", "accept-encoding"]);

/** Sorted lower-case names; undefined for `*` in any place, and for what is no field name. */
function readNames(field: string | undefined): readonly string[] | undefined {
  const names = new Set<string>();
  for (const part of (field ?? "").split(",")) {
    const name = trimBlanks(part).toLowerCase();
    if (name === "") continue;
    if (name === "*" || !isToken(name)) return undefined;
    names.add(name);
  }
  return [...names].sort();
}

/** The request fields an answer depends on, lower case and sorted; undefined when it fits no other request (`*`). */
export const varyNames = (response: CacheResponse): readonly string[] | undefined =>
  readNames(joinedHeader(response.headers, "vary"));

/** Index behind the quoted-string at `at`; the end of the text when it is not closed. */
function quotedEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/**
 * One spelling of a list: blanks around commas dropped, others made one space, quoted-strings left as they are. Members
 * keep their order, and empty ones their place.
 */
function normalise(value: string): string {
  let out = "";
  let i = skipBlanks(value, 0);
  while (i < value.length) {
    if (value[i] === '"') {
      const end = quotedEnd(value, i);
      out += value.slice(i, end);
      i = end;
    } else if (isBlank(value.charCodeAt(i))) {
      i = skipBlanks(value, i);
      if (i < value.length && value[i] !== ",") out += " ";
    } else if (value[i] === ",") {
      out += ",";
      i = skipBlanks(value, i + 1);
    } else out += value[i++]!;
  }
  return out;
}

/** A weight by RFC 9110 section 12.4.2; 1 without one. What is none sorts as 0 and keeps its text. */
function weightOf(member: string): number {
  const at = member.indexOf("q=");
  return at < 0 ? 1 : Number(/^q=([01](?:\.\d{0,3})?)$/.exec(member.slice(at))?.[1] ?? 0);
}

/** One spelling of a weighted list: heaviest first. Those of one weight keep their order: many servers take the first. */
function byWeight(list: string): string {
  if (!list.includes("q=")) return list;
  const members = list.replaceAll(" ", "").split(",");
  return members.sort((a, b) => weightOf(b) - weightOf(a)).join(",");
}

/**
 * The secondary key of a request under a `Vary` field's lines joined by commas: equal for requests that an answer fits
 * alike, different for all others. An absent field differs from an empty one. "" when the answer depends on nothing,
 * undefined when it fits no other request.
 */
export function varyKey(varyField: string | undefined, request: CacheRequest): string | undefined {
  if (varyField === "") return "";
  const names = readNames(varyField);
  if (!names) return undefined;
  let key = "";
  for (const name of names) {
    const raw = joinedHeader(request.headers, name);
    key += `${String(name.length)}:${name}`;
    if (raw === undefined) key += "-";
    else {
      const value = WEIGHTED.has(name) ? byWeight(normalise(raw.toLowerCase())) : normalise(raw);
      key += `${String(value.length)}:${value}`;
    }
  }
  return key;
}
