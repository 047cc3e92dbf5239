import { createPublicKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { LARGEST_FALLBACK } from "../cache/settings.ts";
import { ConfigError, toError, type ConfigIssue } from "../core/errors.ts";
import { LARGEST_KEY_SET, readKeySet } from "../core/key-set.ts";
import { identityOf, type Config, type NamedRoute } from "./schema.ts";

/** What a configuration names by file: read and looked at before anything is built of it. */
export interface Material {
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Certificate authorities, PEM, by dependency. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Certificate authorities of Redis, PEM. Default: those of Node. */
  readonly redisAuthority?: string;
  /** The key that tokens are verified with, PEM, or a JWK Set. Default: none, a secret, or the keys of a dependency. */
  readonly identityKey?: string;
  /** Octets of the files of fallback answers, by route. */
  readonly fallbacks: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads the files that a configuration names, relative ones from `directory`. Throws a {@link ConfigError} with every one
 * that cannot be used; `file` is what the configuration is called in it.
 */
export async function loadMaterial(config: Config, file: string, directory = "."): Promise<Material> {
  const read = async ({ path, at, most }: Named): Promise<Read> => {
    const name = resolve(directory, path);
    try {
      if (most !== undefined && (await stat(name)).size > most) return { at, path, failure: larger(most) };
      return { at, path, octets: await readFile(name) };
    } catch (thrown) {
      return { at, path, failure: toError(thrown).message };
    }
  };
  return materialOf(config, file, await Promise.all(namedFiles(config).map(read)));
}

/** As {@link loadMaterial}, at once and from the working directory: for an application that mounts the middleware while it starts. */
export function readMaterial(config: Config, file: string): Material {
  const read = ({ path, at, most }: Named): Read => {
    try {
      if (most !== undefined && statSync(path).size > most) return { at, path, failure: larger(most) };
      return { at, path, octets: readFileSync(path) };
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
  /** Octets that it may have. Absent: any number. */
  readonly most?: number;
}
type Read = Named & ({ readonly octets: Buffer } | { readonly failure: string });

const larger = (most: number): string => `it is larger than ${most / 1024} KiB`;

const fallbackAt = (index: number): string => `routes.${index}.cache.fallback.file`;

const fallbackOf = ({ cache }: NamedRoute): string | undefined =>
  typeof cache === "object" ? cache.fallback?.file : undefined;

const REDIS_AUTHORITY = "redis.ca";
const authorityAt = (name: string): string => `dependencies.${name}.http.ca`;

/** The file that tokens are verified with. */
function identityFile(config: Config): Named | undefined {
  const { settings, at } = identityOf(config) ?? {};
  if (!settings) return undefined;
  const { publicKey, jwks } = settings.jwt;
  if (publicKey !== undefined) return { path: publicKey, at: `${at}.jwt.publicKey` };
  return jwks && "file" in jwks ? { path: jwks.file, at: `${at}.jwt.jwks.file`, most: LARGEST_KEY_SET } : undefined;
}

function namedFiles(config: Config): readonly Named[] {
  const { listen, dependencies, redis, routes } = config;
  const fallbacks = routes.flatMap((route, index) => {
    const path = fallbackOf(route);
    return path === undefined ? [] : [{ path, at: fallbackAt(index), most: LARGEST_FALLBACK }];
  });
  const authorities = Object.entries(dependencies).flatMap(([name, { http }]) =>
    http.ca === undefined ? [] : [{ path: http.ca, at: authorityAt(name) }],
  );
  if (redis?.ca !== undefined) authorities.push({ path: redis.ca, at: REDIS_AUTHORITY });
  const { tls } = listen;
  const identity = identityFile(config);
  const keys = identity ? [identity] : [];
  const others = [...authorities, ...keys, ...fallbacks];
  if (!tls) return others;
  return [...others, { path: tls.cert, at: "listen.tls.cert" }, { path: tls.key, at: "listen.tls.key" }];
}

function materialOf(config: Config, file: string, files: readonly Read[]): Material {
  const issues: ConfigIssue[] = [];
  const issue = (path: string, message: string) => issues.push({ file, line: 0, column: 0, path, message });
  const texts = new Map<string, string>();
  const fallbacks = new Map<string, Uint8Array>();
  const routeAt = new Map(config.routes.map(({ name }, index) => [fallbackAt(index), name]));
  for (const read of files) {
    const route = routeAt.get(read.at);
    if ("octets" in read && route !== undefined) fallbacks.set(route, read.octets);
    else if ("octets" in read) texts.set(read.at, read.octets.toString("utf8"));
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
  const keyFile = identityFile(config)?.at ?? "";
  const identityKey = texts.get(keyFile);
  const trouble = identityKey === undefined ? undefined : keyTrouble(identityKey, keyFile.endsWith(".file"));
  if (trouble !== undefined) issue(keyFile, trouble);
  if (issues.length > 0) throw new ConfigError(issues);
  return {
    tls,
    authorities,
    fallbacks,
    ...(redisAuthority === undefined ? {} : { redisAuthority }),
    ...(identityKey === undefined ? {} : { identityKey }),
  };
}

/** Why tokens cannot be verified with a text; undefined: they can. */
function keyTrouble(text: string, isSet: boolean): string | undefined {
  if (!isSet) {
    return isPublicKey(text)
      ? undefined
      : "holds no public key: expected PEM, which begins with -----BEGIN PUBLIC KEY-----";
  }
  try {
    readKeySet(text);
    return undefined;
  } catch (thrown) {
    return `holds no JWK Set: ${toError(thrown).message}`;
  }
}

function isPublicKey(text: string): boolean {
  if (text.includes("PRIVATE KEY")) return false;
  try {
    createPublicKey(text);
    return true;
  } catch {
    return false;
  }
}
