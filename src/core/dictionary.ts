/**
 * Dictionaries of Structured Fields (RFC 9651 section 3.2), as far as cache directives need them: every type is read
 * strictly, so that a malformed field is known as one, but only booleans, integers, strings, tokens and lists of strings keep their value.
 * Parameters are read and left out. A key that comes twice is handed over twice.
 */
import { isAlpha, isDigit, isLower, isTokenCode } from "./characters.ts";

export type Value =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "integer"; readonly value: number }
  | { readonly type: "string" | "token"; readonly value: string }
  | { readonly type: "strings"; readonly values: readonly string[] }
  | { readonly type: "other" };

export interface Entry {
  readonly key: string;
  readonly value: Value;
}

/** A value and the index behind it. */
interface Read {
  readonly value: Value;
  readonly end: number;
}

const OTHER: Value = { type: "other" };
const TRUE: Value = { type: "boolean", value: true };

/** Spaces only: a tab is allowed around commas of the dictionary, and nowhere else. */
function skipSpaces(text: string, at: number): number {
  let i = at;
  while (text[i] === " ") i++;
  return i;
}

function skipOws(text: string, at: number): number {
  let i = at;
  while (text[i] === " " || text[i] === "\t") i++;
  return i;
}

/** Index behind a key that starts at `at`; `at` when there is none. */
function keyEnd(text: string, at: number): number {
  if (!isLower(text.charCodeAt(at)) && text[at] !== "*") return at;
  let i = at + 1;
  while (isLower(text.charCodeAt(i)) || isDigit(text.charCodeAt(i)) || (i < text.length && "_-.*".includes(text[i]!)))
    i++;
  return i;
}

/** Integers of up to 15 digits, decimals of up to 12 and 3 (section 4.2.4). */
function readNumber(text: string, at: number): Read | undefined {
  let i = text[at] === "-" ? at + 1 : at;
  const start = i;
  while (isDigit(text.charCodeAt(i))) i++;
  const whole = i - start;
  if (whole === 0) return undefined;
  if (text[i] !== ".") {
    return whole > 15 ? undefined : { value: { type: "integer", value: Number(text.slice(at, i)) }, end: i };
  }
  const point = i++;
  while (isDigit(text.charCodeAt(i))) i++;
  const fraction = i - point - 1;
  return whole > 12 || fraction < 1 || fraction > 3 ? undefined : { value: OTHER, end: i };
}

/** Printable ASCII, with `\"` and `\\` as the only escapes (section 4.2.5). */
function readString(text: string, at: number): Read | undefined {
  let value = "";
  for (let i = at + 1; i < text.length; i++) {
    const mark = text[i]!;
    if (mark === '"') return { value: { type: "string", value }, end: i + 1 };
    if (mark === "\\") {
      const next = text[++i];
      if (next !== '"' && next !== "\\") return undefined;
      value += next;
    } else if (mark < " " || mark > "~") return undefined;
    else value += mark;
  }
  return undefined;
}

function readToken(text: string, at: number): Read {
  let i = at + 1;
  while (isTokenCode(text.charCodeAt(i)) || text[i] === ":" || text[i] === "/") i++;
  return { value: { type: "token", value: text.slice(at, i) }, end: i };
}

/** A byte sequence `:...:` (section 4.2.7); whether its base64 makes sense is not looked at. */
function readBytes(text: string, at: number): Read | undefined {
  let i = at + 1;
  while (isAlpha(text.charCodeAt(i)) || isDigit(text.charCodeAt(i)) || (i < text.length && "+/=".includes(text[i]!)))
    i++;
  return text[i] === ":" ? { value: OTHER, end: i + 1 } : undefined;
}

function readBareItem(text: string, at: number): Read | undefined {
  const mark = text[at];
  if (mark === undefined) return undefined;
  if (mark === '"') return readString(text, at);
  if (mark === "?") {
    const bit = text[at + 1];
    return bit === "0" || bit === "1" ? { value: { type: "boolean", value: bit === "1" }, end: at + 2 } : undefined;
  }
  if (mark === ":") return readBytes(text, at);
  if (mark === "@") {
    const date = readNumber(text, at + 1);
    return date?.value.type === "integer" ? { value: OTHER, end: date.end } : undefined;
  }
  if (mark === "*" || isAlpha(text.charCodeAt(at))) return readToken(text, at);
  return readNumber(text, at);
}

/** Index behind the parameters that start at `at`; undefined when they are malformed. */
function parametersEnd(text: string, at: number): number | undefined {
  let i = at;
  while (text[i] === ";") {
    const start = skipSpaces(text, i + 1);
    i = keyEnd(text, start);
    if (i === start) return undefined;
    if (text[i] === "=") {
      const read = readBareItem(text, i + 1);
      if (!read) return undefined;
      i = read.end;
    }
  }
  return i;
}

function readInnerList(text: string, at: number): Read | undefined {
  const values: string[] = [];
  let isOther = false;
  let i = skipSpaces(text, at + 1);
  while (text[i] !== ")") {
    const read = readBareItem(text, i);
    const end = read && parametersEnd(text, read.end);
    if (read === undefined || end === undefined) return undefined;
    if (text[end] !== " " && text[end] !== ")") return undefined;
    if (read.value.type === "string") values.push(read.value.value);
    else isOther = true;
    i = skipSpaces(text, end);
  }
  return { value: isOther ? OTHER : { type: "strings", values }, end: i + 1 };
}

function readValue(text: string, at: number): Read | undefined {
  return text[at] === "(" ? readInnerList(text, at) : readBareItem(text, at);
}

/** The entries of a dictionary in order; undefined when any part of it is malformed. */
export function readDictionary(text: string): Entry[] | undefined {
  const entries: Entry[] = [];
  let i = skipSpaces(text, 0);
  while (i < text.length) {
    const end = keyEnd(text, i);
    if (end === i) return undefined;
    const read = text[end] === "=" ? readValue(text, end + 1) : { value: TRUE, end };
    const after = read && parametersEnd(text, read.end);
    if (read === undefined || after === undefined) return undefined;
    entries.push({ key: text.slice(i, end), value: read.value });
    i = skipOws(text, after);
    if (i === text.length) return entries;
    if (text[i] !== ",") return undefined;
    i = skipOws(text, i + 1);
    if (i === text.length) return undefined; // a comma with nothing behind it
  }
  return entries;
}
