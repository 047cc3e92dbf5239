import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { ConfigError, toError, type ConfigIssue } from "../core/errors.ts";
import type { Config } from "./schema.ts";

/** What a configuration names by file: read and looked at before anything is built of it. */
export interface Material {
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Certificate authorities, PEM, by dependency. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Certificate authorities of Redis, PEM. Default: those of Node. */
  readonly redisAuthority?: string;
}

/**
 * Reads the files that a configuration names, relative ones from `directory`. Throws a {@link ConfigError} with every one
 * that cannot be used; `file` is what the configuration is called in it.
 */
export async function loadMaterial(config: Config, file: string, directory = "."): Promise<Material> {
  const read = async ({ path, at }: Named): Promise<Read> => {
    try {
      return { at, path, text: await readFile(resolve(directory, path), "utf8") };
    } catch (thrown) {
      return { at, path, failure: toError(thrown).message };
    }
  };
  return materialOf(config, file, await Promise.all(namedFiles(config).map(read)));
}

/** As {@link loadMaterial}, at once and from the working directory: for an application that mounts the middleware while it starts. */
export function readMaterial(config: Config, file: string): Material {
  const read = ({ path, at }: Named): Read => {
    try {
      return { at, path, text: readFileSync(path, "utf8") };
    } catch (thrown) {
      return { at, path, failure: toError(thrown).message };
    }
  };
  return materialOf(config, file, namedFiles(config).map(read));
}

interface Named {
  readonly path: string;
  /** Where the configuration names it. */
  readonly at: string;
}
type Read = Named & ({ readonly text: string } | { readonly failure: string });

const REDIS_AUTHORITY = "redis.ca";
const authorityAt = (name: string): string => `dependencies.${name}.http.ca`;

function namedFiles({ listen, dependencies, redis }: Config): readonly Named[] {
  const authorities = Object.entries(dependencies).flatMap(([name, { http }]) =>
    http.ca === undefined ? [] : [{ path: http.ca, at: authorityAt(name) }],
  );
  if (redis?.ca !== undefined) authorities.push({ path: redis.ca, at: REDIS_AUTHORITY });
  const { tls } = listen;
  if (!tls) return authorities;
  return [...authorities, { path: tls.cert, at: "listen.tls.cert" }, { path: tls.key, at: "listen.tls.key" }];
}

function materialOf(config: Config, file: string, files: readonly Read[]): Material {
  const issues: ConfigIssue[] = [];
  const issue = (path: string, message: string) => issues.push({ file, line: 0, column: 0, path, message });
  const texts = new Map<string, string>();
  for (const read of files) {
    if ("text" in read) texts.set(read.at, read.text);
    else issue(read.at, `cannot read ${read.path}: ${read.failure}`);
  }
  const cert = texts.get("listen.tls.cert");
  const key = texts.get("listen.tls.key");
  const tls = cert === undefined || key === undefined ? undefined : { cert, key };
  if (tls) {
    try {
      createSecureContext(tls);
    } catch (thrown) {
      issue("listen.tls", `certificate and key do not work together: ${toError(thrown).message}`);
    }
  }
  const authority = (at: string): string | undefined => {
    const text = texts.get(at);
    // OpenSSL passes over what it cannot read, and would then trust nobody.
    if (text === undefined || text.includes("-----BEGIN CERTIFICATE-----")) return text;
    issue(at, "holds no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----");
    return undefined;
  };
  const authorities = new Map<string, string>();
  for (const name of Object.keys(config.dependencies)) {
    const text = authority(authorityAt(name));
    if (text !== undefined) authorities.set(name, text);
  }
  const redisAuthority = authority(REDIS_AUTHORITY);
  if (issues.length > 0) throw new ConfigError(issues);
  return { tls, authorities, ...(redisAuthority === undefined ? {} : { redisAuthority }) };
}
