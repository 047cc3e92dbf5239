/** Who is measured as a cache. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, CONTENDERS, inNode, native, type Setting } from "../contenders.ts";
import type { Launch } from "../launch.ts";
import { onPath } from "../machine.ts";
import { haproxyCache, nginxCache, varnishCache } from "./native.ts";

/** Ratios of hits count from this one. */
export const BASE = "varnish";

/** The built package. */
export const COMMAND = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));

function spillwayCache({ port, upstream, folder }: Setting): Launch | string {
  if (!existsSync(COMMAND)) return "dist/main.js is not there: run npm run build";
  const file = join(folder, "spillway-cache.json");
  const config = {
    listen: { host: "127.0.0.1", port, accessLog: false },
    ops: { port: 0 },
    dependencies: { origin: { http: { targets: [`http://127.0.0.1:${upstream}`] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "origin", cache: "origin" }],
  };
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  return {
    command: [process.execPath, COMMAND, "start", "--config", file],
    env: { NODE_ENV: "production", SPILLWAY_ALLOW_ROOT: "1" },
  };
}

const varnish: Contender = {
  name: "varnish",
  launch(setting) {
    if (!onPath("varnishd")) return "not on PATH";
    const file = join(setting.folder, "varnish.vcl");
    writeFileSync(file, varnishCache(setting));
    const place = join(setting.folder, "varnish");
    const options = [
      "-F",
      "-j",
      "none",
      "-n",
      place,
      "-a",
      `127.0.0.1:${setting.port}`,
      "-f",
      file,
      "-s",
      "malloc,64m",
    ];
    return { command: ["varnishd", ...options] };
  },
};

/** Those that keep answers. */
export const CACHES: readonly Contender[] = [
  { name: "spillway", launch: spillwayCache },
  native("nginx", nginxCache, (file, folder) => ["nginx", "-p", folder, "-c", file]),
  varnish,
  native("haproxy", haproxyCache, (file) => ["haproxy", "-db", "-f", file]),
];

/** Those that only show what a hit costs at least. */
export const ANSWERERS: readonly Contender[] = [
  ...CONTENDERS.filter(({ name }) => name === "bare"),
  inNode("express-buffer", "express-buffer.ts"),
];
