/** Characters of one text in a line; what is longer is cut and ends in an ellipsis. */
const MOST = 1024;
const MOST_MEMBERS = 64;
const MOST_DEPTH = 4;

export const cut = (text: string): string => (text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text);

/** A copy of `fields` fit for a line: texts redacted and cut, errors as their message, lists and depth bounded. */
export function clean(fields: object, redact: (text: string) => string): object {
  return cleanValue(fields, redact, 0) as object;
}

function cleanValue(value: unknown, redact: (text: string) => string, depth: number): unknown {
  switch (typeof value) {
    case "string":
      // Cut before too: a redaction has to look at every character.
      return cut(redact(value.slice(0, MOST * 4)));
    case "number":
    case "boolean":
    case "undefined":
      return value;
    case "bigint":
    case "symbol":
    case "function":
      return cut(String(value));
    case "object":
      break;
  }
  if (value === null) return null;
  if (value instanceof Error) return cut(redact(value.message));
  if (depth >= MOST_DEPTH) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, MOST_MEMBERS).map((member) => cleanValue(member, redact, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value).slice(0, MOST_MEMBERS)) {
    copy[cut(key)] = cleanValue(member, redact, depth + 1);
  }
  return copy;
}

/**
 * DEL, the C1 controls (U+009B begins an escape sequence), line separators and marks that turn the direction of text:
 * JSON leaves them as they are, a terminal that shows the log does not.
 */
const harmful = /[\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/;
const everyHarmful = new RegExp(harmful, "g");

/** A line of JSON with everything escaped that a terminal or another parser of lines could act on. */
export function hardenLine(line: string): string {
  if (!harmful.test(line)) return line;
  return line.replace(everyHarmful, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
