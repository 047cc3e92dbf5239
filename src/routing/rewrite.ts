import { UsageError } from "../core/errors.ts";
import { isParamName, parsePattern, type PathPattern } from "./pattern.ts";
import { readTarget } from "./target.ts";

/** As a route's `rewrite` has it. */
type RewriteSetting = { readonly prefix: string } | { readonly path: string };

/**
 * Makes the target that a dependency gets. `target`, `path` and `query` are those of `readTarget`, `params` those of the
 * route that matched: nothing else may be handed in.
 */
export type Rewrite = (target: string, path: string, query: string, params: Readonly<Record<string, string>>) => string;

/** `match` is the route's path pattern. Absent setting: the raw target, byte for byte. */
export function compileRewrite(match: string, setting: RewriteSetting | undefined): Rewrite {
  if (setting === undefined) return (target) => target;
  const pattern = parsePattern(match);
  return "prefix" in setting
    ? compilePrefix(match, pattern, setting.prefix)
    : compileTemplate(match, pattern, setting.path);
}

/** Throws UsageError unless the text is a canonical path, without a query or path parameters. */
function checkPath(what: string, text: string, example: string): void {
  const read = readTarget(example, "GET", "");
  const sound = read.kind === "ok" && read.path === example && read.query === "" && !/[;*]/.test(example);
  if (!sound) {
    throw new UsageError(`${what} ${JSON.stringify(text)}: expected a path without query, "//", ".", "..", ";" or "*"`);
  }
}

function compilePrefix(match: string, pattern: PathPattern, prefix: string): Rewrite {
  const what = "rewrite prefix";
  checkPath(what, prefix, prefix);
  const star = pattern.star;
  if (star.kind === "none") {
    throw new UsageError(`${what} ${JSON.stringify(prefix)}: the path pattern ${JSON.stringify(match)} has no "*"`);
  }
  if (star.kind === "partial" && prefix.endsWith("/")) {
    throw new UsageError(`${what} ${JSON.stringify(prefix)}: may not end in "/", as the "*" stands inside a segment`);
  }
  const joint = star.kind === "partial" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  const literal = match.slice(0, -1);
  const isLiteral = pattern.segments.every(({ kind }) => kind === "literal");
  return (target, path, query) => {
    const at = isLiteral && path.startsWith(literal) ? literal.length : restAt(path, pattern);
    return at > path.length ? prefix + query : joint + restFrom(target, path, query, at);
  };
}

/**
 * What stands from `at` of the canonical path on, taken from the raw target where that reads the same up to there.
 * Where a run of slashes stands there in the raw target, the rest would begin with a slash: canonical path, too.
 */
function restFrom(target: string, path: string, query: string, at: number): string {
  const doubled = target.charCodeAt(at - 1) === SLASH && target.charCodeAt(at) === SLASH;
  return !doubled && target.startsWith(path.slice(0, at)) ? target.slice(at) : path.slice(at) + query;
}

/**
 * Where that which the `*` of a pattern took begins in a canonical path that matches. Beyond the end of the path when
 * the path is the prefix itself without its closing slash.
 */
function restAt(path: string, pattern: PathPattern): number {
  let at = 1;
  for (let left = pattern.segments.length; left > 0; left--) {
    const slash = path.indexOf("/", skipBare(path, at));
    if (slash < 0) return path.length + 1;
    at = slash + 1;
  }
  return pattern.star.kind === "partial" ? partialEnd(path, skipBare(path, at), pattern.star.text) : at;
}

/** Past segments that are nothing but parameters (`/;x/`): patterns do not see them. */
function skipBare(path: string, from: number): number {
  let at = from;
  while (path.charCodeAt(at) === SEMICOLON) {
    const slash = path.indexOf("/", at);
    if (slash < 0) return at;
    at = slash + 1;
  }
  return at;
}

const SEMICOLON = 0x3b;
const SLASH = 0x2f;

/** The end of `text`, some of which may stand there escaped. */
function partialEnd(path: string, from: number, text: string): number {
  let at = from;
  for (let left = text.length; left > 0; left--) at += path.charCodeAt(at) === 0x25 ? 3 : 1;
  return at;
}

type Piece = { readonly kind: "text"; readonly text: string } | { readonly kind: "param"; readonly name: string };

function compileTemplate(match: string, pattern: PathPattern, template: string): Rewrite {
  const known = new Set(pattern.segments.map((segment) => (segment.kind === "param" ? segment.name : "")));
  const pieces = template
    .split("/")
    .slice(1)
    .map((text): Piece => {
      if (!text.startsWith(":")) return { kind: "text", text: `/${text}` };
      const name = text.slice(1);
      if (!isParamName(name) || !known.has(name)) {
        throw new UsageError(
          `rewrite path ${JSON.stringify(template)}: ${JSON.stringify(match)} captures no ${JSON.stringify(text)}`,
        );
      }
      return { kind: "param", name };
    });
  checkPath("rewrite path", template, pieces.map((piece) => (piece.kind === "param" ? "/x" : piece.text)).join(""));
  return (_target, _path, query, params) => {
    let written = "";
    for (const piece of pieces) {
      written += piece.kind === "text" ? piece.text : `/${encodeSegment(params[piece.name] ?? "")}`;
    }
    return written + query;
  };
}

/**
 * A captured value as one segment. Values of accepted paths hold no slash, backslash, control octet and are no dots;
 * should one, it is escaped twice: a wrong value is better than another path.
 */
function encodeSegment(value: string): string {
  if (/^[A-Za-z0-9_~-]+$/.test(value)) return value;
  const encoded = encodeURIComponent(value.toWellFormed());
  if (/^\.{0,2}(?:%3B|$)/.test(encoded)) return `%252E${encoded}`;
  return /%(?:2F|5C|[01][0-9A-F]|7F)/.test(encoded) ? encodeURIComponent(encoded) : encoded;
}
