/** Character classes of RFC 9110 section 5.6, by UTF-16 code: for parsers that look at one character at a time. */

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

export const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;

export const isAlpha = (code: number): boolean => isLower(code) || (code >= 0x41 && code <= 0x5a);

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";

/** tchar, RFC 9110 section 5.6.2. NaN, as read past the end of a text, is none. */
export const isTokenCode = (code: number): boolean =>
  isDigit(code) || isAlpha(code) || (code < 0x80 && TOKEN_MARKS.includes(String.fromCharCode(code)));

/** Optional whitespace, RFC 9110 section 5.6.3: space and tab, nothing else. */
export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** Index of the first character from `at` that is not blank. */
export function skipBlanks(text: string, at: number): number {
  let i = at;
  while (isBlank(text.charCodeAt(i))) i++;
  return i;
}

/** `text` without blanks at its ends; unlike `trim` it leaves every other kind of space alone. */
export function trimBlanks(text: string): string {
  const from = skipBlanks(text, 0);
  let to = text.length;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** The number a text of nothing but digits stands for; undefined for anything else, the empty text too. */
export function readDigits(text: string): number | undefined {
  if (text === "") return undefined;
  for (let i = 0; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return undefined;
  return Number(text);
}

export interface Quoted {
  /** Without the quotes and with escapes undone. */
  readonly value: string;
  /** Index behind the closing quote. */
  readonly end: number;
}

/** The quoted-string (RFC 9110 section 5.6.4) whose opening quote is at `at`; undefined when it is not closed. */
export function readQuoted(text: string, at: number): Quoted | undefined {
  let value = "";
  for (let i = at + 1; i < text.length; i++) {
    const mark = text[i]!;
    if (mark === '"') return { value, end: i + 1 };
    if (mark !== "\\") value += mark;
    else if (++i < text.length) value += text[i]!;
  }
  return undefined;
}
