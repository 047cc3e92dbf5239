/** Which field of an answer speaks to this cache: targeted fields (RFC 9213) before `Cache-Control`. */
import { joinedHeader } from "../../core/headers.ts";
import { combine, readDirectives, type Directives, type Member } from "./directives.ts";
import { readDictionary, type Entry } from "../../core/dictionary.ts";

/** First come, first heard. */
const TARGETED = ["spillway-cache-control", "cdn-cache-control", "surrogate-control"];

export interface Ruling {
  readonly directives: Directives;
  /** Given by a targeted field: `Cache-Control` and `Expires` do not count (RFC 9213 section 2.2). */
  readonly targeted: boolean;
}

/** Only these take a string; on any other directive a string is of the wrong type. */
const takesString = (key: string): boolean => key === "private" || key === "no-cache";

/** An entry as a directive; undefined when it says of itself that it does not hold (`no-store=?0`). */
function toMember({ key, value }: Entry): Member | undefined {
  switch (value.type) {
    case "boolean":
      return value.value ? { name: key, argument: undefined } : undefined;
    case "integer":
      return { name: key, argument: String(value.value) };
    case "token":
      return { name: key, argument: value.value };
    case "string":
      return { name: key, argument: takesString(key) ? value.value : "" };
    case "strings":
    case "other":
      return { name: key, argument: "" };
  }
}

/** What an answer's fields say to this cache. A malformed or empty targeted field counts as absent (RFC 9213 section 2.1). */
export function readRuling(headers: readonly string[]): Ruling {
  for (const name of TARGETED) {
    const text = joinedHeader(headers, name);
    const entries = text === undefined ? undefined : readDictionary(text);
    if (!entries || entries.length === 0) continue;
    const members = entries.map(toMember).filter((member) => member !== undefined);
    return { directives: combine(members, false), targeted: true };
  }
  return { directives: readDirectives(joinedHeader(headers, "cache-control")), targeted: false };
}
