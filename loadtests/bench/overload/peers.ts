/** Who stands before the dependencies, and how each is started. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Launch } from "../launch.ts";
import { onPath } from "../machine.ts";
import type { Place } from "./contenders/gated.ts";
import { haproxyGate, nginxGate } from "./native.ts";
import { CLASS_FIELD, CLASSES } from "./schedule.ts";

export interface PeerSetting {
  readonly port: number;
  /** For a listener of operators, of those that have one. */
  readonly ops: number;
  readonly places: readonly Place[];
  /** What the dependency can do at once: told to every peer but Spillway. */
  readonly seats: number;
  readonly folder: string;
}

export interface Peer {
  readonly name: string;
  /** Whether it tells its limit at `ops`. */
  readonly tellsLimit?: boolean;
  /** A text when it cannot be started here: the reason, as it is shown. */
  launch(setting: PeerSetting): Launch | string;
}

/** The clients straight at the dependency. */
export const DIRECT: Peer = { name: "direct", launch: () => "it is the dependency itself" };

const COMMAND = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));

export interface SpillwayOptions {
  /** Default: 1. */
  readonly workers?: number;
  /** Of every dependency. Default: none, as in every measurement but one. */
  readonly limit?: object;
}

/** Everything at its default but what the options say; the routes, and which field tells the class. */
export function spillwayConfig(
  { port, ops, places }: PeerSetting,
  { workers = 1, limit }: SpillwayOptions = {},
): object {
  const origins = [...new Set(places.map(({ origin }) => origin))];
  const map = Object.fromEntries(CLASSES.map((name) => [name, name]));
  return {
    listen: { host: "127.0.0.1", port, ...(workers > 1 ? { workers } : {}) },
    ops: { port: ops },
    dependencies: Object.fromEntries(
      origins.map((origin, i) => [`origin${i}`, { http: { targets: [origin] }, ...(limit ? { limit } : {}) }]),
    ),
    routes: places.map(({ prefix, origin }, i) => ({
      name: `route${i}`,
      match: { path: `${prefix}*` },
      dependency: `origin${origins.indexOf(origin)}`,
      priority: { header: CLASS_FIELD, map },
    })),
  };
}

/** `told`: it gets the number of seats that the others get, in place of finding it. */
export function spillway(name: string, { workers = 1, told = false } = {}): Peer {
  return {
    name,
    tellsLimit: workers === 1,
    launch(setting) {
      if (!existsSync(COMMAND)) return "dist/main.js is not there: run npm run build";
      const file = join(setting.folder, `${name}.json`);
      // JSON is YAML too.
      const options = { workers, ...(told ? { limit: { algorithm: "fixed", initial: setting.seats } } : {}) };
      writeFileSync(file, JSON.stringify(spillwayConfig(setting, options), undefined, 2));
      return {
        command: [process.execPath, COMMAND, "start", "--config", file],
        env: { NODE_ENV: "production", SPILLWAY_ALLOW_ROOT: "1" },
      };
    },
  };
}

/** A file of contenders/. `more` follows its usual arguments. */
export function inNode(name: string, script: string, more: readonly string[] = []): Peer {
  const file = fileURLToPath(new URL(`contenders/${script}`, import.meta.url));
  return {
    name,
    launch: ({ port, places, seats }) => ({
      command: [process.execPath, file, String(port), JSON.stringify(places), String(seats), ...more],
      env: { NODE_ENV: "production" },
    }),
  };
}

/** So many times the seats it should have: the mistake that a limit set by hand invites. */
export const TOO_MANY = 30;

function haproxy(name: string, times: number): Peer {
  return {
    name,
    launch(setting) {
      if (!onPath("haproxy")) return "not on PATH";
      const file = join(setting.folder, `${name}.conf`);
      writeFileSync(file, haproxyGate({ ...setting, seats: setting.seats * times }));
      return { command: ["haproxy", "-db", "-f", file] };
    },
  };
}

const nginx: Peer = {
  name: "nginx limit_conn",
  launch(setting) {
    if (!onPath("nginx")) return "not on PATH";
    const file = join(setting.folder, "nginx-gate.conf");
    writeFileSync(file, nginxGate(setting));
    return { command: ["nginx", "-p", setting.folder, "-c", file] };
  },
};

export const SPILLWAY = spillway("spillway");
/** What finding the limit costs is the difference. */
export const TOLD = spillway("spillway told", { told: true });
export const HAPROXY = haproxy("haproxy", 1);

export const GATES: readonly Peer[] = [
  SPILLWAY,
  TOLD,
  HAPROXY,
  haproxy(`haproxy x${TOO_MANY}`, TOO_MANY),
  nginx,
  inNode("express+opossum", "opossum.js"),
  inNode("express+bottleneck", "bottleneck.js"),
  inNode("express+cockatiel", "cockatiel.js"),
  inNode("fastify+under-pressure", "under-pressure.js"),
  inNode("express", "no-gate.ts"),
  DIRECT,
];

/** Those of {@link GATES} with these names. */
export const gates = (...names: readonly string[]): Peer[] => GATES.filter(({ name }) => names.includes(name));

/** Applications that burn their own processor time when asked to. */
export const HOSTS: readonly Peer[] = [
  inNode("express+spillway", "host.js", ["spillway"]),
  inNode("express", "host.js"),
  inNode("fastify+under-pressure", "under-pressure.js"),
];

export const WORKERS: readonly Peer[] = [spillway("spillway 1 worker"), spillway("spillway 4 workers", { workers: 4 })];
