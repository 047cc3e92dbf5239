import { spawn, type ChildProcessByStdio, type SpawnOptions } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";

/** Its standard input is closed; what it says can be read, and has to be. */
export type TiedChild = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Kills `$1`, and what it has started itself, once nobody holds the other end of standard input any more. Signals to
 * the group of the tests do not reach it: it is in a session of its own.
 */
const WATCH = 'read -r _; for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null) "$1"; do kill -9 "$pid"; done';

/**
 * As `spawn`, for a program that must not outlive this process, however this process ends: by itself, by a signal that
 * nobody can catch, or by an exit in the middle of a test.
 */
export function spawnTied(file: string, args: readonly string[], options: Omit<SpawnOptions, "stdio"> = {}): TiedChild {
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid === undefined) return child;
  const watch = spawn("sh", ["-c", WATCH, "sh", `${child.pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watch.on("error", () => {});
  watch.stdin.on("error", () => {});
  watch.unref();
  (watch.stdin as Socket).unref();
  child.once("exit", () => void watch.kill("SIGKILL"));
  return child;
}

/** From now on this process can end while the child runs: a test that failed before it released it comes to its end. */
export function letGo(child: TiedChild): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as Socket).unref();
}
