/** Spillway as the package ships it, compiled, with everything at its default but what a measurement varies. */
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Setting } from "./contenders.ts";
import type { Launch } from "./launch.ts";

const COMMAND = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface SpillwayOptions {
  /** Root of the built checkout that is started. Default: this one. */
  checkout?: string;
  /** Default here: off. */
  accessLog?: boolean;
  /** Default: 1. */
  workers?: number;
  /** Default: that of the package. */
  maxBody?: string;
  /** How many routes there are; the requests of the generator match the last. Default: 1. */
  routes?: number;
  env?: Readonly<Record<string, string>>;
}

/** The command as the package ships it: `npm run build` makes it. */
export function spillway(name: string, setting: Setting, options: SpillwayOptions): Launch | string {
  const command = options.checkout === undefined ? COMMAND : resolve(options.checkout, "dist/main.js");
  if (!existsSync(command)) return `${command} is not there: run npm run build`;
  const file = join(setting.folder, `${name}.json`);
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify(spillwayConfig(setting, options), undefined, 2));
  return {
    command: [process.execPath, command, "start", "--config", file],
    env: { NODE_ENV: "production", ...options.env },
  };
}

export function spillwayConfig(
  { port, upstream }: Pick<Setting, "port" | "upstream">,
  { accessLog = false, workers = 1, routes = 1, maxBody }: SpillwayOptions,
): object {
  const before = Array.from({ length: routes - 1 }, (_, i) => ({
    name: `other-${i}`,
    match: { path: `/other-${i}/*` },
    dependency: "origin",
  }));
  return {
    listen: { host: "127.0.0.1", port, workers, accessLog, ...(maxBody === undefined ? {} : { maxBody }) },
    ops: { port: 0 },
    dependencies: { origin: { http: { targets: [`http://127.0.0.1:${upstream}`] } } },
    routes: [...before, { name: "all", match: { path: "/*" }, dependency: "origin" }],
  };
}
