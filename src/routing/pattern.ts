import { UsageError } from "../core/errors.ts";

/** One segment of a path pattern. */
type PatternSegment =
  | { readonly kind: "literal"; readonly text: string }
  /** `:name`: one segment that is not empty. */
  | { readonly kind: "param"; readonly name: string };

/** A path pattern taken apart. */
export interface PathPattern {
  /** The segments between slashes; a closing slash is an empty literal at the end, before no `*`. */
  readonly segments: readonly PatternSegment[];
  /**
   * Where the `*` stands: `none`, after a slash (`/api/*`, which matches `/api` too), or inside a segment
   * (`/files/img*`), whose text before it is `text`.
   */
  readonly star:
    | { readonly kind: "none" }
    | { readonly kind: "below" }
    | { readonly kind: "partial"; readonly text: string };
}

/** Takes a path pattern apart. Throws UsageError for one that can never match or is ambiguous. */
export function parsePattern(pattern: string): PathPattern {
  const fault = (what: string): never => {
    throw new UsageError(`path pattern ${JSON.stringify(pattern)}: ${what}`);
  };
  if (!/^\/[!-~]*$/.test(pattern) || /[?#;\\%]|\*./.test(pattern))
    fault('expected one such as "/api/*" or "/items/:id"');
  const texts = pattern.slice(1).split("/");
  const names = new Set<string>();
  const last = texts.at(-1)!;
  const starred = last.endsWith("*");
  if (starred) texts.pop();
  const segments = texts.map((text, index): PatternSegment => {
    if (text === "" && index < texts.length - (starred ? 0 : 1))
      fault("an empty segment never matches, slashes are merged");
    checkDots(text, fault);
    if (!text.startsWith(":")) return { kind: "literal", text };
    const name = text.slice(1);
    if (!isParamName(name)) fault('a parameter is ":" and a name of letters, digits and _');
    if (names.has(name)) fault(`the parameter ":${name}" stands there twice`);
    names.add(name);
    return { kind: "param", name };
  });
  const text = last.slice(0, -1);
  if (!starred) return { segments, star: { kind: "none" } };
  if (text === "") return { segments, star: { kind: "below" } };
  if (text.startsWith(":")) fault('a "*" may not follow a parameter in one segment');
  return { segments, star: { kind: "partial", text } };
}

export const isParamName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

function checkDots(text: string, fault: (what: string) => never): void {
  if (text === "." || text === "..") fault('a "." or ".." segment never matches, such requests are refused');
}

/**
 * A canonical path as patterns see it: parameters (`;x=y`) gone from every segment, escapes decoded, slashes merged.
 * Origins differ in what they take away before they look, so what a rule judges must not hang on it: some take an
 * escaped ";" for a plain one, and for them it `ends segments`, too.
 */
export function plainPath(path: string, escaped: "ends segments" | "is text" = "is text"): string {
  if (!path.includes(";") && !path.includes("%")) return path;
  let plain = "";
  for (let from = 1; from <= path.length;) {
    const slash = path.indexOf("/", from);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(from, end);
    const mark = segment.search(escaped === "is text" ? /;/ : /;|%3B/);
    const text = mark < 0 ? segment : segment.slice(0, mark);
    if (text !== "" || end === path.length) plain += `/${decodeSegment(text)}`;
    from = end + 1;
  }
  return plain;
}

/** Escapes that are no UTF-8, or that would add a slash, stay as they are. */
function decodeSegment(text: string): string {
  if (!text.includes("%")) return text;
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes("/") ? text : decoded;
  } catch {
    return text;
  }
}
