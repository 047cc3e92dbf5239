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
