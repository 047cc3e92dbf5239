import { dirname } from "node:path";
import { contentHash, loadOctets, readBounded, validateConfig, type ConfigOptions, type LoadedConfig } from "./load.ts";
import type { Environment } from "./interpolate.ts";
import { loadMaterial, type Material } from "./material.ts";

/** A configuration that is ready to be built: checked, frozen, with the files it names. */
export interface ReadyConfig extends LoadedConfig {
  readonly material: Material;
}

/** Where a gateway's configuration comes from, now and at every reload. */
export interface ConfigSource {
  /** Undefined: the configuration was made by a command and never changes. */
  readonly file: string | undefined;
  /** Throws ConfigError or UsageError. */
  load(): Promise<ReadyConfig>;
  /** SHA-256 of the octets that the last `load` read, usable or not; undefined when it could not read them. */
  lastRead(): string | undefined;
}

/** A YAML file. */
export function fileSource(file: string, env: Environment, options: ConfigOptions = {}): ConfigSource {
  let lastRead: string | undefined;
  return {
    file,
    async load() {
      lastRead = undefined;
      const octets = await readBounded(file, options.shownAs ?? file);
      lastRead = contentHash(octets);
      const loaded = loadOctets(octets, file, env, options);
      const material = await loadMaterial(loaded.config, options.shownAs ?? file, dirname(file));
      return { ...loaded, material, hash: hashOf(loaded.hash, material) };
    },
    lastRead: () => lastRead,
  };
}

/** Another fallback answer is another configuration: a reload takes it over. */
function hashOf(hash: string, { fallbacks }: Material): string {
  if (fallbacks.size === 0) return hash;
  return contentHash([hash, ...Array.from(fallbacks.values(), contentHash)].join("\n"));
}

/** A plain object, as a command makes it. */
export function objectSource(input: unknown, options: ConfigOptions = {}): ConfigSource {
  return {
    file: undefined,
    async load() {
      const loaded = validateConfig(input, options);
      return { ...loaded, material: await loadMaterial(loaded.config, "config") };
    },
    lastRead: () => undefined,
  };
}
