/**
 * `Cache-Control` (RFC 9111 section 5.2) of an answer or a request, read one character at a time. Where a field can be
 * read in two ways the stricter one counts, and `unreadable` says that it could. Durations are milliseconds.
 */
import { isToken } from "../../core/headers.ts";
import { isTokenCode, readDigits, readQuoted, skipBlanks, trimBlanks } from "../../core/characters.ts";

export interface Directives {
  readonly noStore: boolean;
  /** Without field names; with names they are in `withheld`. */
  readonly noCache: boolean;
  /** Without field names; with names they are in `withheld`. */
  readonly private: boolean;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly minFresh: number | undefined;
  /** Infinity when it comes without a number (RFC 9111 section 5.2.1.2). */
  readonly maxStale: number | undefined;
  /** Lower-case names of the fields that may not be kept: `no-cache="a, b"`, `private="a"`. */
  readonly withheld: readonly string[];
  /** Something in the field is in doubt: what it is on is not to be stored. */
  readonly unreadable: boolean;
}

/** One directive. `argument` is undefined when there is no `=`; quotes and escapes are undone. */
export interface Member {
  readonly name: string;
  readonly argument: string | undefined;
}

interface Draft {
  noStore: boolean;
  noCache: boolean;
  private: boolean;
  public: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  onlyIfCached: boolean;
  maxAge: number | undefined;
  sMaxAge: number | undefined;
  staleWhileRevalidate: number | undefined;
  staleIfError: number | undefined;
  minFresh: number | undefined;
  maxStale: number | undefined;
  withheld: string[];
  unreadable: boolean;
}

/** RFC 9111 section 1.2.2: more seconds than this count as this many. */
const MOST_SECONDS = 2 ** 31;

/** delta-seconds in milliseconds; undefined for what is none. */
export function readSeconds(text: string): number | undefined {
  const seconds = readDigits(text);
  return seconds === undefined ? undefined : Math.min(seconds, MOST_SECONDS) * 1000;
}

const least = (before: number | undefined, next: number): number => Math.min(before ?? Infinity, next);

/** RFC 9111 section 4.2.1: a lifetime that is no number of seconds is none at all, so the answer is stale. */
const lifetime = (argument: string | undefined): number => readSeconds(argument ?? "") ?? 0;

/** Adds the fields a qualified `no-cache` or `private` names; false when it names none: then it is about the whole answer. */
function withhold(draft: Draft, argument: string | undefined): boolean {
  if (argument === undefined) return false;
  let named = false;
  for (const part of argument.split(",")) {
    const name = trimBlanks(part);
    if (name === "") continue;
    if (isToken(name)) draft.withheld.push(name.toLowerCase());
    else draft.unreadable = true;
    named = true;
  }
  return named;
}

function applyDuration(draft: Draft, { name, argument }: Member): void {
  switch (name) {
    case "max-age":
      draft.maxAge = least(draft.maxAge, lifetime(argument));
      break;
    case "s-maxage":
      draft.sMaxAge = least(draft.sMaxAge, lifetime(argument));
      break;
    case "stale-while-revalidate":
      draft.staleWhileRevalidate = least(draft.staleWhileRevalidate, lifetime(argument));
      break;
    case "stale-if-error":
      draft.staleIfError = least(draft.staleIfError, lifetime(argument));
      break;
    case "min-fresh":
      draft.minFresh = Math.max(draft.minFresh ?? 0, lifetime(argument));
      break;
    case "max-stale":
      draft.maxStale = least(draft.maxStale, argument === undefined ? Infinity : lifetime(argument));
      break;
    default: // A directive we do not know is left alone (RFC 9111 section 5.2.3).
  }
}

/** False when the directive is not one of those that stand without an argument. */
function applyFlag(draft: Draft, name: string): boolean {
  switch (name) {
    case "no-store":
      draft.noStore = true;
      return true;
    case "public":
      draft.public = true;
      return true;
    case "must-revalidate":
      draft.mustRevalidate = true;
      return true;
    case "proxy-revalidate":
      draft.proxyRevalidate = true;
      return true;
    case "must-understand":
      draft.mustUnderstand = true;
      return true;
    case "only-if-cached":
      draft.onlyIfCached = true;
      return true;
    default:
      return false;
  }
}

function apply(draft: Draft, member: Member): void {
  const { name, argument } = member;
  if (name === "no-cache") {
    if (!withhold(draft, argument)) draft.noCache = true;
  } else if (name === "private") {
    if (!withhold(draft, argument)) draft.private = true;
  } else if (applyFlag(draft, name)) {
    if (argument !== undefined) draft.unreadable = true;
  } else applyDuration(draft, member);
}

/** What a list of directives (lower-case names) says together: of duplicates the stricter. */
export function combine(members: Iterable<Member>, unreadable: boolean): Directives {
  const draft: Draft = {
    noStore: false,
    noCache: false,
    private: false,
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    onlyIfCached: false,
    maxAge: undefined,
    sMaxAge: undefined,
    staleWhileRevalidate: undefined,
    staleIfError: undefined,
    minFresh: undefined,
    maxStale: undefined,
    withheld: [],
    unreadable,
  };
  for (const member of members) apply(draft, member);
  return draft;
}

/** The argument that starts at `at` (behind the `=`); undefined when a quote is not closed. */
function readArgument(text: string, at: number): { value: string; end: number } | undefined {
  if (text[at] === '"') return readQuoted(text, at);
  let end = at;
  while (isTokenCode(text.charCodeAt(end))) end++;
  return { value: text.slice(at, end), end };
}

/**
 * The directives of a field's lines joined by commas; none when it is absent. After what is no directive reading goes
 * on behind the next comma, so that a `no-store` there is not missed.
 */
export function readDirectives(field: string | undefined): Directives {
  const text = field ?? "";
  const members: Member[] = [];
  let unreadable = false;
  for (let i = 0; i < text.length; i++) {
    i = skipBlanks(text, i);
    const start = i;
    while (isTokenCode(text.charCodeAt(i))) i++;
    const name = text.slice(start, i).toLowerCase();
    let argument: string | undefined;
    if (name !== "" && text[i] === "=") {
      const read = readArgument(text, i + 1);
      argument = read?.value ?? "";
      unreadable ||= read === undefined;
      i = read?.end ?? text.length;
    }
    if (name !== "") members.push({ name, argument });
    i = skipBlanks(text, i);
    if (i < text.length && text[i] !== ",") {
      unreadable = true;
      const comma = text.indexOf(",", i);
      i = comma < 0 ? text.length : comma;
    }
  }
  return combine(members, unreadable);
}
