import { inspect } from "node:util";
import type { z } from "zod";
import { isSecretName, redactValue } from "../core/redact.ts";
import { keyFinder } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import type { Finding, Path } from "./place.ts";

type Issue = z.core.$ZodIssue;
type KnownKeys = (path: Path) => readonly string[];

/** What the schema found, in words that name the remedy. `input` is the data the issues are about. */
export function explain(issues: readonly Issue[], input: unknown): Finding[] {
  const knownKeys = keyFinder();
  return issues.flatMap((issue) => explainOne(issue, [], input, knownKeys));
}

function explainOne(issue: Issue, prefix: Path, input: unknown, knownKeys: KnownKeys): Finding[] {
  const path: Path = [...prefix, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path);
    return issue.keys.map((key) => ({ path: [...path, key], at: "key", message: unknownKey(key, known) }));
  }
  if (issue.code === "invalid_key") {
    return [{ path, at: "key", message: issue.issues[0]?.message ?? issue.message }];
  }
  const value = valueAt(input, path);
  if (value === null) return [{ path, at: "key", message: "has no value: give it one or leave the key out" }];
  if (issue.code === "invalid_union") return explainUnion(issue, path, input, knownKeys);
  return [{ path, at: "value", message: message(issue, path, value) }];
}

function unknownKey(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const key = redactValue(name);
  if (meant !== undefined) return `unknown key "${key}": did you mean "${meant}"?`;
  return `unknown key "${key}": known here are ${known.join(", ")}`;
}

/** Tells of the alternative that the value was most likely meant to be; of all of them when it is like none. */
function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  input: unknown,
  knownKeys: KnownKeys,
): Finding[] {
  const isOffType = (found: Issue) =>
    found.path.length === 0 && (found.code === "invalid_type" || found.code === "invalid_value");
  const meant = issue.errors
    .filter((branch) => !branch.some(isOffType))
    .toSorted((a, b) => a.length - b.length)
    .at(0);
  if (meant) return meant.flatMap((found) => explainOne(found, path, input, knownKeys));
  const wanted = issue.errors.flatMap((branch) => branch.filter(isOffType).map(expected));
  const value = valueAt(input, path);
  const suggestion = suggest(value, issue.errors.flat());
  return [{ path, at: "value", message: `expected ${wanted.join(" or ")}${got(value, path)}${suggestion}` }];
}

function message(issue: Issue, path: Path, value: unknown): string {
  if (value === undefined && issue.code === "invalid_type") return `is missing: expected ${expected(issue)}`;
  if (!/^(?:Invalid (?:input|option|string)|Too (?:small|big))/.test(issue.message)) {
    const told = typeof value === "object" || issue.message.includes(", got ");
    return told ? issue.message : `${issue.message}${got(value, path)}`;
  }
  switch (issue.code) {
    case "invalid_type":
    case "invalid_value":
      return `expected ${expected(issue)}${got(value, path)}${suggest(value, [issue])}${quotes(issue, value)}`;
    case "too_small":
      return `must be at least ${issue.minimum}${measure(issue.origin)}${got(value, path)}`;
    case "too_big":
      return `must be at most ${issue.maximum}${measure(issue.origin)}${got(value, path)}`;
    case "invalid_format":
      return `does not match ${issue.pattern ?? issue.format}${got(value, path)}`;
    case "custom":
    case "invalid_element":
    case "invalid_key":
    case "invalid_union":
    case "not_multiple_of":
    case "unrecognized_keys":
      return issue.message;
  }
}

function expected(issue: Issue): string {
  if (issue.code === "invalid_type") return NOUNS[issue.expected] ?? issue.expected;
  if (issue.code !== "invalid_value") return issue.message;
  const values = issue.values.map((value) => JSON.stringify(String(value)));
  return values.length === 1 ? values[0]! : `one of ${values.join(", ")}`;
}

const NOUNS: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "a text",
  boolean: "true or false",
  object: "a map of keys",
  record: "a map of keys",
  array: "a list",
};

const measure = (origin: string): string =>
  origin === "array" ? " entries" : origin === "string" ? " characters" : "";

function suggest(value: unknown, issues: readonly Issue[]): string {
  if (typeof value !== "string") return "";
  const options = issues.flatMap((issue) => (issue.code === "invalid_value" ? issue.values.map(String) : []));
  const meant = nearest(value, options);
  return meant === undefined ? "" : `: did you mean "${meant}"?`;
}

/** The remedy where only the quotes decide between a text and a number. */
function quotes(issue: Issue, value: unknown): string {
  if (issue.code !== "invalid_type") return "";
  if (issue.expected === "string") {
    return typeof value === "number" || typeof value === "boolean" ? ": put it in quotes" : "";
  }
  if (typeof value !== "string") return "";
  const scalar = issue.expected === "boolean" ? /^(?:true|false)$/ : /^-?\d+(?:\.\d+)?$/;
  return scalar.test(value) ? ": leave the quotes away" : "";
}

/** Shows scalars only, and never a secret. */
function got(value: unknown, path: Path): string {
  const name = path.findLast((step) => typeof step === "string");
  if (value === undefined || isSecretName(name ?? "")) return "";
  if (Array.isArray(value)) return ", got a list";
  if (typeof value === "object") return ", got a map of keys";
  // The wrong file may be one that holds a key.
  if (path.length === 0) return ", got a single value";
  const text = typeof value === "string" ? JSON.stringify(redactValue(value)) : inspect(value);
  return `, got ${text.length > 80 ? `${text.slice(0, 80)}...` : text}`;
}

/** The part of plain data at a path; undefined when there is none. */
export function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
