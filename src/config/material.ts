import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ConfigError, toError, type ConfigIssue } from "../core/errors.ts";
import type { Config } from "./schema.ts";

/** What a configuration names by file: read and looked at before anything is built of it. */
export interface Material {
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Certificate authorities, PEM, by dependency. */
  readonly authorities: ReadonlyMap<string, string>;
}

/** Reads the files that a configuration names. Throws a {@link ConfigError} with every one that cannot be used. */
export async function loadMaterial(config: Config, file: string): Promise<Material> {
  const issues: ConfigIssue[] = [];
  const read = async (path: string, at: string): Promise<string> => {
    try {
      return await readFile(path, "utf8");
    } catch (thrown) {
      issues.push({ file, line: 0, column: 0, path: at, message: `cannot read ${path}: ${toError(thrown).message}` });
      return "";
    }
  };
  const authorities = new Map<string, string>();
  for (const [name, { http }] of Object.entries(config.dependencies)) {
    if (http.ca !== undefined) authorities.set(name, await read(http.ca, `dependencies.${name}.http.ca`));
  }
  const { tls } = config.listen;
  const pair = tls && { cert: await read(tls.cert, "listen.tls.cert"), key: await read(tls.key, "listen.tls.key") };
  if (pair && issues.length === 0) {
    try {
      createSecureContext(pair);
    } catch (thrown) {
      const message = `certificate and key do not work together: ${toError(thrown).message}`;
      issues.push({ file, line: 0, column: 0, path: "listen.tls", message });
    }
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return { tls: pair, authorities };
}
