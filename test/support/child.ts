import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { spawnTied } from "./lifeline.ts";
import { deadline, until } from "./wait.ts";

/** A process of ours and what it has said so far. */
export interface Child extends AsyncDisposable {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The first match in its standard output; waits for it, a minute by default. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Its exit code once it has ended, a minute at most; the name of the signal that ended it instead. */
  ended(): Promise<number | string>;
}

export interface ChildOptions {
  readonly cwd?: string;
  /** Default: ours, without what an outer npm has put into it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A process group of its own, as in a terminal: `process.kill(-pid)` reaches all of it. */
  readonly group?: boolean;
}

const PATIENCE = 60_000;

/** Starts a program; it is killed at the end of an `await using` block. */
export function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const { cwd, env = plainEnvironment(), group = false } = options;
  const child = spawnTied(file, args, { cwd, env, detached: group });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const over = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const said = (): string => `${file} ${args.join(" ")} said ${JSON.stringify(stdout)} and ${JSON.stringify(stderr)}`;
  const ended = async (): Promise<number | string> => {
    const [code, signal] = await deadline(over, PATIENCE, () => `its end; ${said()}`);
    return code ?? signal ?? "nothing";
  };
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    says: (pattern, timeoutMs = PATIENCE) =>
      until(
        () => {
          const found = pattern.exec(stdout);
          if (!found && child.exitCode !== null) throw new Error(`ended with ${child.exitCode}; ${said()}`);
          return found;
        },
        { timeoutMs, what: () => `${String(pattern)}; ${said()}` },
      ),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await over;
    },
  };
}

/** Runs a program to its end, 5 minutes at most, and gives what it wrote; throws when it fails. */
export async function runChild(file: string, args: readonly string[], options: ChildOptions = {}): Promise<string> {
  await using child = startChild(file, args, options);
  const [code] = await deadline(once(child.process, "close"), 300_000, () => `the end of ${file} ${args.join(" ")}`);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${code}: ${child.stdout()}${child.stderr()}`);
  return child.stdout();
}

const KEPT = new Set(["npm_config_registry", "npm_config_cache", "npm_config_userconfig"]);

/** Our environment without what `npm run` and the test runner add for their own children. */
export function plainEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(
    ([name]) => name !== "NODE_TEST_CONTEXT" && (!name.startsWith("npm_") || KEPT.has(name)),
  );
  return Object.fromEntries(entries);
}
