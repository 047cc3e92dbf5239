import { relative, resolve, sep } from "node:path";
import type { Io } from "./command.ts";

/** Looked for where the command is run. */
export const DEFAULT_CONFIG = "spillway.yaml";

/** Where a configuration is, and what messages call it: from where the command is run, when it lies there or below. */
export function configFile(
  given: string | undefined,
  { cwd }: Io,
): { readonly path: string; readonly shownAs: string } {
  const path = resolve(cwd, given ?? DEFAULT_CONFIG);
  const inside = relative(cwd, path);
  return { path, shownAs: inside === ".." || inside.startsWith(`..${sep}`) ? path : inside };
}

/**
 * Where the caller stands, which relative paths start from. npm runs the scripts of a checkout in the checkout itself and
 * tells in the environment where it was called. `manifest` is the path of our own package.json.
 */
export function callersDirectory(env: Io["env"], cwd: string, manifest: string): string {
  const script = env["npm_lifecycle_event"];
  const isOurs = env["npm_package_json"] === manifest && (script === "start" || script === "spillway");
  return (isOurs && env["INIT_CWD"]) || cwd;
}
