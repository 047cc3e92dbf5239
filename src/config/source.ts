import { dirname } from "node:path";
import { loadConfigFile, validateConfig, type ConfigOptions, type LoadedConfig } from "./load.ts";
import type { Environment } from "./interpolate.ts";
import { loadMaterial, type Material } from "./material.ts";

/** A configuration that is ready to be built: checked, frozen, with the files it names. */
export interface ReadyConfig extends LoadedConfig {
  readonly material: Material;
  /** SHA-256 of the file's octets; undefined when there is no file. */
  readonly contentHash: string | undefined;
}

/** Where a gateway's configuration comes from, now and at every reload. */
export interface ConfigSource {
  /** Undefined: the configuration was made by a command and never changes. */
  readonly file: string | undefined;
  /** Throws ConfigError or UsageError. */
  load(): Promise<ReadyConfig>;
}

/** A YAML file. */
export function fileSource(file: string, env: Environment, options: ConfigOptions = {}): ConfigSource {
  return {
    file,
    async load() {
      const loaded = await loadConfigFile(file, env, options);
      return { ...loaded, material: await loadMaterial(loaded.config, options.shownAs ?? file, dirname(file)) };
    },
  };
}

/** A plain object, as a command makes it. */
export function objectSource(input: unknown, options: ConfigOptions = {}): ConfigSource {
  return {
    file: undefined,
    async load() {
      const loaded = validateConfig(input, options);
      return { ...loaded, contentHash: undefined, material: await loadMaterial(loaded.config, "config") };
    },
  };
}
