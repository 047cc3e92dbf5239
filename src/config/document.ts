import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  Scalar,
  type Alias,
  type Document,
  type Node,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { ConfigIssue } from "../core/errors.ts";
import { isSecretName } from "../core/redact.ts";
import { type Environment, interpolate, plainScalar } from "./interpolate.ts";
import type { Path, Place, Position } from "./place.ts";

/** A YAML text as plain data, with the place of every part. `value` is undefined when there is nothing to go on with. */
export interface ReadDocument {
  readonly value: unknown;
  readonly root: Place;
  readonly issues: readonly ConfigIssue[];
}

/** Values a file may hold, aliases written out: far beyond any honest file, far below what hurts. */
const MOST_VALUES = 100_000;
const DEEPEST = 64;
const TOO_DEEP = `nested too deep: at most ${DEEPEST} levels`;
/** Syntax errors follow each other; the first ones are the ones to mend. */
const MOST_SYNTAX_ERRORS = 10;

/** Reads a YAML text, environment variables put into its scalars. Never throws for what the text says. */
export function readDocument(text: string, file: string, env: Environment): ReadDocument {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const nothing = (issues: readonly ConfigIssue[]): ReadDocument => ({
    value: undefined,
    root: { key: undefined, value: at(0), source: undefined, state: "broken", parts: new Map() },
    issues,
  });
  const whole = (message: string): ReadDocument => nothing([{ file, line: 1, column: 1, path: "", message }]);

  let document: Document;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false });
  } catch (thrown) {
    // The parser recurses: what is nested thousands deep ends its stack.
    if (thrown instanceof RangeError) return whole(TOO_DEEP);
    return whole(`cannot be read as YAML: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const problems = [...document.errors, ...document.warnings];
  if (problems.some((error) => error.message.includes("call stack"))) return whole(TOO_DEEP);
  if (problems.length > 0) {
    return nothing(syntaxIssues(problems, text, file, at));
  }
  if (!document.contents || (isScalar(document.contents) && document.contents.value === null)) {
    return whole('the file is empty: it needs at least "dependencies" and "routes"');
  }
  const reader = new Reader(file, env, at);
  const { value, place } = reader.read(document.contents, [], undefined);
  return { value, root: place, issues: reader.issues };
}

/** The first of each line: what follows on the same line is mostly its consequence. */
function syntaxIssues(
  problems: readonly YAMLError[],
  text: string,
  file: string,
  at: (offset: number) => Position,
): ConfigIssue[] {
  const source = text.split("\n");
  const byLine = new Map<number, ConfigIssue>();
  for (const error of problems) {
    const place = at(error.pos[0]);
    if (byLine.has(place.line)) continue;
    byLine.set(place.line, { file, ...place, path: "", message: syntaxMessage(error, source[place.line - 1] ?? "") });
    if (byLine.size === MOST_SYNTAX_ERRORS) break;
  }
  return [...byLine.values()].sort((a, b) => a.line - b.line);
}

function syntaxMessage(error: YAMLError, line: string): string {
  if (error.code === "MULTIPLE_DOCS") return 'one document only: take the second "---" out';
  if (error.code === "NON_STRING_KEY") return "a key must be a plain text";
  const hint = line.includes("${") ? ' (inside [ ] or { }, or with ": ", a value with "${" needs quotes)' : "";
  return `${error.message}${hint}`;
}

interface Read {
  readonly value: unknown;
  readonly place: Place;
}

const NO_PARTS: ReadonlyMap<string, Place> = new Map();

/** Walks the nodes of one document in the order of the text. */
class Reader {
  readonly issues: ConfigIssue[] = [];
  readonly #file: string;
  readonly #env: Environment;
  readonly #at: (offset: number) => Position;
  readonly #anchors = new Map<string, Node>();
  #values = 0;

  constructor(file: string, env: Environment, at: (offset: number) => Position) {
    this.#file = file;
    this.#env = env;
    this.#at = at;
  }

  read(node: unknown, path: Path, key: Position | undefined, fallback = 0): Read {
    const start = (node as Node | null)?.range?.[0] ?? fallback;
    const value = this.#at(start);
    this.#values++;
    if (path.length > DEEPEST) return this.#broken(path, key, value, TOO_DEEP);
    if (this.#values > MOST_VALUES) {
      if (this.#values > MOST_VALUES + 1) return broken(key, value);
      return this.#broken(path, key, value, `too many values: at most ${MOST_VALUES}, aliases written out`);
    }
    if (isAlias(node)) return this.#alias(node, path, key, value);
    const anchor = (node as Scalar | null)?.anchor;
    if (anchor) this.#anchors.set(anchor, node as Node);
    if (isMap(node)) return this.#map(node, path, key, value);
    if (isSeq(node)) {
      const parts = new Map<string, Place>();
      const items = node.items.map((item, index) => {
        const read = this.read(item, [...path, index], undefined, start);
        parts.set(String(index), read.place);
        return read.value;
      });
      return { value: items, place: { key, value, source: undefined, state: "sound", parts } };
    }
    return this.#scalar(node, path, key, value);
  }

  #alias(node: Alias, path: Path, key: Position | undefined, at: Position): Read {
    const target = this.#anchors.get(node.source);
    if (!target) {
      // A password may begin so.
      const isSecret = isSecretName(String(path.at(-1)));
      const what = isSecret ? "" : ` "*${node.source}": no "&${node.source}" before it`;
      return this.#broken(path, key, at, `unknown alias${what || ': a text that begins with "*" needs quotes'}`);
    }
    const { value, place } = this.read(target, path, key);
    return { value, place: { ...place, value: at } };
  }

  #map(node: YAMLMap, path: Path, key: Position | undefined, at: Position): Read {
    const parts = new Map<string, Place>();
    const value: Record<string, unknown> = {};
    for (const pair of node.items) {
      const name = isScalar(pair.key) && typeof pair.key.value === "string" ? pair.key.value : "";
      const offset = (pair.key as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0;
      const position = this.#at(offset);
      const within = [...path, name];
      const earlier = parts.get(name)?.key;
      if (earlier) {
        this.#issue(within, position, `duplicate key "${name}": it already stands in line ${earlier.line}`);
        continue;
      }
      if (name === "__proto__") {
        this.#issue(within, position, '"__proto__" cannot be a key: choose another name');
        continue;
      }
      const read = this.read(pair.value, within, position, offset);
      parts.set(name, read.place);
      value[name] = read.value;
    }
    return { value, place: { key, value: at, source: undefined, state: "sound", parts } };
  }

  #scalar(node: unknown, path: Path, key: Position | undefined, at: Position): Read {
    const value: unknown = isScalar(node) ? node.value : null;
    const place: Place = { key, value: at, source: undefined, state: "sound", parts: NO_PARTS };
    if (typeof value !== "string") return { value, place };
    const result = interpolate(value, this.#env);
    if (result.outcome === "untouched") return { value, place };
    if (result.outcome === "failed") {
      for (const message of result.messages) this.#issue(path, at, message);
      return broken(key, at);
    }
    const { type, tag } = node as Scalar;
    const plain = result.whole && type === Scalar.PLAIN && tag === undefined;
    return { value: plain ? plainScalar(result.text) : result.text, place: { ...place, source: value } };
  }

  #broken(path: Path, key: Position | undefined, at: Position, message: string): Read {
    this.#issue(path, at, message);
    return broken(key, at);
  }

  #issue(path: Path, at: Position, message: string): void {
    this.issues.push({ file: this.#file, ...at, path: path.join("."), message });
  }
}

const broken = (key: Position | undefined, value: Position): Read => ({
  value: undefined,
  place: { key, value, source: undefined, state: "broken", parts: NO_PARTS },
});
