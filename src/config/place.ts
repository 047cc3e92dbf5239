import type { ConfigIssue } from "../core/errors.ts";
import { redactValue } from "../core/redact.ts";

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a value and its parts stand in the file. */
export interface Place {
  /** The key in front of it; undefined for an item of a list and the file as a whole. */
  readonly key: Position | undefined;
  readonly value: Position;
  /** What the file says, when the environment took part in the value: errors show this in place of the value. */
  readonly source: string | undefined;
  /** `broken`: its own error is already told, so what the schema says about it is noise. */
  readonly state: "sound" | "broken";
  readonly parts: ReadonlyMap<string, Place>;
}

export type Path = readonly (string | number)[];

/** Something to tell about a path, before it has a position. */
export interface Finding {
  readonly path: Path;
  /** `key` points at the name, `value` at what it holds. */
  readonly at: "key" | "value";
  readonly message: string;
}

/** The place of a path, or of its nearest part that is written in the file. */
export function locate(
  root: Place,
  path: Path,
): { readonly place: Place; readonly found: "exactly" | "parent"; readonly broken: boolean } {
  let place = root;
  for (const step of path) {
    const part = place.parts.get(String(step));
    if (!part) return { place, found: "parent", broken: place.state === "broken" };
    place = part;
  }
  return { place, found: "exactly", broken: place.state === "broken" };
}

/** Gives findings their positions. Without a root (no file) all of them are at 0:0. */
export function toIssues(findings: readonly Finding[], file: string, root: Place | undefined): ConfigIssue[] {
  const issues = findings.map((finding): ConfigIssue => {
    const { line, column } = root ? positionOf(finding, root) : { line: 0, column: 0 };
    const path = finding.path.map((step) => redactValue(String(step))).join(".");
    return { file, line, column, path, message: finding.message };
  });
  return issues.sort((a, b) => a.line - b.line || a.column - b.column);
}

function positionOf(finding: Finding, root: Place): Position {
  const { place, found } = locate(root, finding.path);
  return finding.at === "key" || found === "parent" ? (place.key ?? place.value) : place.value;
}
