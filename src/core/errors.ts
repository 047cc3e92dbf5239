/** A mistake in what an operator gave us: a file, a flag, a call. Shown as it is, without a stack. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One place in a configuration file that is wrong. */
export interface ConfigIssue {
  readonly file: string;
  /** From 1; a missing key is told at what it is missing from. 0 when there is no file. */
  readonly line: number;
  readonly column: number;
  /** Such as `routes.0.match.path`; "" for the file as a whole. */
  readonly path: string;
  /** What is wrong and the remedy. */
  readonly message: string;
}

/** A configuration that cannot be used: all of its errors at once, a line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(issueLine).join("\n"));
    this.issues = issues;
  }
}

/** `file:line:column path - message`. */
export function issueLine(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column} ${issue.path || "(file)"} - ${issue.message}`;
}

/** Any thrown value as an Error. */
export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
