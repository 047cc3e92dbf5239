import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ConfigError, toError, UsageError, type ConfigIssue } from "../core/errors.ts";
import { crossChecks, type Host } from "./checks.ts";
import { readDocument } from "./document.ts";
import { explain, valueAt } from "./explain.ts";
import type { Environment } from "./interpolate.ts";
import { locate, toIssues, type Finding, type Place } from "./place.ts";
import { type Config, configSchema } from "./schema.ts";
import { contradictions } from "./warnings.ts";

/** A configuration that can be used, and what its author may want to know. */
export interface LoadedConfig {
  /** Frozen to the last part. */
  readonly config: Config;
  /** Contradictions that can be served all the same. */
  readonly warnings: readonly ConfigIssue[];
  /** SHA-256 of what the configuration says, environment included: comments and spelling do not change it. */
  readonly hash: string;
}

/** A configuration with the file it came from. */
export interface LoadedFile extends LoadedConfig {
  /** As it was asked for, not resolved. */
  readonly file: string;
}

export interface ConfigOptions {
  /** Something stands behind `dependency: next`: the application that embeds the library. Default: nothing does. */
  readonly hostApp?: boolean;
  /** What a file is called in messages. Default: its path as given. */
  readonly shownAs?: string;
}

const LARGEST_FILE = 1024 * 1024;

/** The configuration in a YAML text. Throws a {@link ConfigError} with all of its errors, each with its place. */
export function parseConfig(text: string, file: string, env: Environment, options: ConfigOptions = {}): Config {
  return readConfig(text, file, env, options).config;
}

/** As {@link parseConfig}, with warnings. */
export function readConfig(text: string, file: string, env: Environment, options: ConfigOptions = {}): LoadedConfig {
  const { value, root, issues } = readDocument(text, file, env);
  if (value === undefined) throw new ConfigError(issues);
  return judge(value, file, root, issues, options);
}

/** The configuration in a plain object, as the library takes it: same checks, no environment. Issues are at config:0:0. */
export function validateConfig(input: unknown, options: ConfigOptions = {}): LoadedConfig {
  return judge(input, "config", undefined, [], options);
}

/** Reads a file of at most 1 MiB. Throws a {@link UsageError} when there is no such file to read. */
export async function loadConfigFile(path: string, env: Environment, options: ConfigOptions = {}): Promise<LoadedFile> {
  return loadOctets(await readBounded(path, options.shownAs ?? path), path, env, options);
}

/** As {@link loadConfigFile}, of a file at `path` that has been read. */
export function loadOctets(octets: Buffer, path: string, env: Environment, options: ConfigOptions = {}): LoadedFile {
  const file = options.shownAs ?? path;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch {
    throw new ConfigError([{ file, line: 1, column: 1, path: "", message: "is not UTF-8: save it as UTF-8" }]);
  }
  return { ...readConfig(text, file, env, options), file: path };
}

/** SHA-256 in hexadecimal. */
export const contentHash = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** At most 1 MiB of a file; more, a directory or nothing at all is a {@link UsageError}. */
export async function readBounded(path: string, shownAs = path): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    if ((await file.stat()).isDirectory()) throw new UsageError(`${shownAs} is a directory: name the file in it`);
    const octets = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(octets, length, octets.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === octets.length) break;
    }
    if (length > LARGEST_FILE) throw new UsageError(`${shownAs} is larger than 1 MiB, the most a configuration may be`);
    return octets.subarray(0, length);
  } catch (thrown) {
    throw thrown instanceof UsageError ? thrown : new UsageError(cannotRead(shownAs, toError(thrown)));
  } finally {
    await file?.close();
  }
}

function cannotRead(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return `${path} does not exist`;
  if (error.code === "EACCES" || error.code === "EPERM") return `${path} may not be read: check its permissions`;
  if (error.code === "EISDIR") return `${path} is a directory: name the file in it`;
  return `${path} cannot be read: ${error.message}`;
}

function judge(
  input: unknown,
  file: string,
  root: Place | undefined,
  told: readonly ConfigIssue[],
  { hostApp = false }: ConfigOptions,
): LoadedConfig {
  const host: Host = hostApp ? "application" : "gateway";
  const parsed = configSchema.safeParse(input);
  const findings = [...(parsed.success ? [] : explain(parsed.error.issues, input)), ...crossChecks(input, host)].filter(
    (finding) => !root || !locate(root, finding.path).broken,
  );
  const issues = toIssues(
    findings.map((finding) => (root ? hideEnvironment(finding, root, input) : finding)),
    file,
    root,
  );
  const all = [...told, ...issues].sort((a, b) => a.line - b.line || a.column - b.column);
  if (!parsed.success || all.length > 0) throw new ConfigError(all);
  const config = freeze(parsed.data);
  const warnings = toIssues(contradictions(config, input), file, root);
  return { config, warnings, hash: contentHash(JSON.stringify(config)) };
}

/** What came from the environment may be a secret put in the wrong place: errors show the expression, not the value. */
function hideEnvironment(finding: Finding, root: Place, input: unknown): Finding {
  const { place, found } = locate(root, finding.path);
  if (place.source === undefined || found === "parent") return finding;
  const value = valueAt(input, finding.path);
  const source = `the value of ${place.source}`;
  const text = String(value);
  const message = finding.message.replaceAll(JSON.stringify(value), () => source);
  return { ...finding, message: text.length > 3 ? message.replaceAll(text, () => source) : message };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
