/** Who is measured, and how each is started. A contender is one entry here, and a file in contenders/ when it is Node. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Launch } from "./launch.ts";
import { onPath } from "./machine.ts";
import { type SpillwayOptions, spillway } from "./spillway.ts";
import { haproxyConfig, nginxConfig } from "./native.ts";

export interface Setting {
  /** Where the contender has to listen on 127.0.0.1. */
  port: number;
  /** Port of the upstream on 127.0.0.1. */
  upstream: number;
  /** Octets of the answer's body. */
  size: number;
  /** For configuration files; it is removed afterwards. */
  folder: string;
}

export interface Contender {
  name: string;
  /** A text when it cannot be started here: the reason, as it is shown. */
  launch(setting: Setting): Launch | string;
}

/** Ratios count from this one. */
export const FLOOR = "floor";

/** The generator straight at the upstream: no process of its own, the CPU shown is the upstream's. */
export const DIRECT = "direct";

export const CONTENDERS: readonly Contender[] = [
  { name: DIRECT, launch: () => "it is the upstream itself" },
  inNode("bare", "bare.ts"),
  inNode(FLOOR, "floor.ts"),
  inNode("express-floor", "express-floor.ts"),
  gateway("spillway", {}),
  gateway("spillway-log", { accessLog: true }),
  inNode("fastify-http-proxy", "fastify-http-proxy.js"),
  inNode("http-proxy-middleware", "http-proxy-middleware.js"),
  {
    name: "fast-gateway",
    launch: () => "does not install: 5.0.1 asks for fast-proxy-lite ^1.1.3, which was never published",
  },
  native("nginx", nginxConfig, (file, folder) => ["nginx", "-p", folder, "-c", file]),
  native("haproxy", haproxyConfig, (file) => ["haproxy", "-db", "-f", file]),
];

export function gateway(name: string, options: SpillwayOptions): Contender {
  return { name, launch: (setting) => spillway(name, setting, options) };
}

export function inNode(name: string, script: string): Contender {
  const file = fileURLToPath(new URL(`contenders/${script}`, import.meta.url));
  return {
    name,
    launch: ({ port, upstream, size }) => ({
      command: [process.execPath, file, String(port), `http://127.0.0.1:${upstream}`, String(size)],
      env: { NODE_ENV: "production" },
    }),
  };
}

export function native(
  name: string,
  config: (setting: Setting) => string,
  command: (file: string, folder: string) => string[],
): Contender {
  return {
    name,
    launch(setting) {
      if (!onPath(name)) return "not on PATH";
      const file = join(setting.folder, `${name}.conf`);
      writeFileSync(file, config(setting));
      return { command: command(file, setting.folder) };
    },
  };
}
