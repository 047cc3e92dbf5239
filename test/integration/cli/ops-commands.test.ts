import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { runSolo, type Running } from "../../../src/cluster/solo.ts";
import { fileSource } from "../../../src/config/source.ts";
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import type { Sink } from "../../../src/telemetry/sink.ts";
import { deadPort, startOrigin } from "../../support/raw-origin.ts";
import { deadline } from "../../support/wait.ts";
import { temporaryWorld } from "../../unit/cli/world.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const nowhere: Sink = { write: (_chunk, done) => done() };

const yaml = (status: number): string => `
listen: { host: 127.0.0.1, port: 0 }
drain: { delay: 0ms, timeout: 1s }
ops:
  port: 0
  tokens:
    - { name: test, role: admin, token: ${TOKEN} }
    - { name: looker, role: read, token: look-${TOKEN} }
routes:
  - { match: { path: "/*" }, respond: { status: ${status} } }
`;

/** A gateway that runs in this process, and a place to run commands in that knows where it is. */
async function running(t: TestContext, env: Readonly<Record<string, string>> = { SPILLWAY_OPS_TOKEN: TOKEN }) {
  const place = temporaryWorld();
  t.after(() => place[Symbol.dispose]());
  const file = join(place.cwd, "spillway.yaml");
  writeFileSync(file, yaml(201));
  const source = fileSource(file, {}, { shownAs: "spillway.yaml" });
  const gateway: Running = await runSolo({
    source,
    first: await source.load(),
    clock: systemClock,
    random: systemRandom,
    version: "1.2.3",
    nodeVersion: "26.0.0",
    out: nowhere,
    spare: nowhere,
  });
  t.after(() => gateway.stop());
  const world = temporaryWorld({ SPILLWAY_OPS_URL: `http://127.0.0.1:${gateway.opsPort}`, ...env });
  t.after(() => world[Symbol.dispose]());
  return { gateway, file, run: world.run };
}

test("health: 0 and ready, and the token is not needed", async (t) => {
  const { run } = await running(t, {});
  assert.deepEqual(await run("health"), { code: EXIT.ok, out: "ok\n", err: "" });
  assert.deepEqual(JSON.parse((await run("health", "--json")).out), { ok: true, status: 200, state: "ok" });
});

test("health: 1 while draining", async () => {
  await using origin = await startOrigin((_req, res) => void res.writeHead(503).end("draining\n"));
  using world = temporaryWorld({ SPILLWAY_OPS_URL: origin.url });
  assert.deepEqual(await world.run("health"), { code: EXIT.failure, out: "", err: "draining\n" });
});

test("health: 3 when nobody answers, on every command", async () => {
  const url = `http://127.0.0.1:${await deadPort()}`;
  using world = temporaryWorld({ SPILLWAY_OPS_URL: url });
  for (const command of ["health", "status", "reload", "drain"]) {
    const { code, out, err } = await world.run(command);
    assert.deepEqual({ code, out }, { code: EXIT.unreachable, out: "" }, command);
    assert.ok(err.startsWith(`spillway: no ops listener at ${url}: `), err);
    const json = JSON.parse((await world.run(command, "--json")).out) as { ok: boolean };
    assert.equal(json.ok, false);
  }
});

test("status tells life, configuration, routes and dependencies", async (t) => {
  const { run } = await running(t);
  const { code, out } = await run("status");
  assert.equal(code, EXIT.ok);
  assert.match(out, /^life {10}ready$/m);
  assert.match(out, /^config {8}.*spillway\.yaml, [0-9a-f]{12}, since \d{4}-/m);
  assert.match(out, /^routes {8}1$/m);
  assert.match(out, /^dependencies {2}none$/m);
  const json = JSON.parse((await run("status", "--json")).out) as { life: string; routes: number };
  assert.equal(json.life, "ready");
  assert.equal(json.routes, 1);
});

test("without a token: 4, and what to set; with a lesser role: 4", async (t) => {
  const { gateway, run } = await running(t, {});
  const { code, err } = await run("status");
  assert.equal(code, EXIT.refused);
  assert.match(err, /^spillway: 401 .*SPILLWAY_OPS_TOKEN\n$/);
  using looker = temporaryWorld({
    SPILLWAY_OPS_URL: `http://127.0.0.1:${gateway.opsPort}`,
    SPILLWAY_OPS_TOKEN: `look-${TOKEN}`,
  });
  assert.equal((await looker.run("status")).code, EXIT.ok);
  assert.equal((await looker.run("drain")).code, EXIT.refused);
  assert.equal(gateway.control.life(), "ready");
});

test("reload: unchanged, applied, and refused with the place of every error", async (t) => {
  const { file, run } = await running(t);
  assert.match((await run("reload")).out, /^unchanged [0-9a-f]{12}\n$/);
  writeFileSync(file, yaml(202).replace("1s", "2s"));
  // The file is watched, too: whoever is first applies it.
  assert.match((await run("reload")).out, /^(applied|unchanged) [0-9a-f]{12}\n$/);
  writeFileSync(file, "routes: 7\n");
  const { code, err } = await run("reload");
  assert.equal(code, EXIT.refused);
  assert.match(err, /^spillway\.yaml:1:9 routes - .*\nrefused; the old configuration stays\n$/);
  assert.equal((JSON.parse((await run("reload", "--json")).out) as { ok: boolean }).ok, false);
});

test("drain returns at once, and the gateway ends with 0", async (t) => {
  const { gateway, run } = await running(t);
  assert.deepEqual(await run("drain"), { code: EXIT.ok, out: "draining\n", err: "" });
  assert.equal(await deadline(gateway.ended, 30_000, "the end of the drain"), 0);
});

test("--curl prints the call and makes none; the token stays in the environment", async (t) => {
  const { gateway, run } = await running(t);
  for (const [command, method, path] of [
    ["health", "", "/readyz"],
    ["reload", " -X POST", "/ops/config/reload"],
    ["drain", " -X POST", "/ops/drain"],
  ] as const) {
    const { code, out } = await run(command, "--curl");
    const url = `http://127.0.0.1:${gateway.opsPort}${path}`;
    assert.equal(code, EXIT.ok);
    assert.equal(out, `curl -sS${method} -H "Authorization: Bearer $SPILLWAY_OPS_TOKEN" '${url}'\n`);
  }
  const { out } = await run("status", "--curl");
  assert.ok(!out.includes(TOKEN), "the token is not printed");
  assert.equal(gateway.control.life(), "ready", "nothing was called");
});

test("what --curl prints is what a shell can run", async (t) => {
  const { run } = await running(t);
  const { out } = await run("health", "--curl");
  const words = execFileSync("sh", ["-c", `set -- ${out.trim()}; printf '%s\\n' "$@"`], {
    env: { SPILLWAY_OPS_TOKEN: TOKEN },
    encoding: "utf8",
  });
  assert.match(
    words,
    new RegExp(`^curl\\n-sS\\n-H\\nAuthorization: Bearer ${TOKEN}\\nhttp://127.0.0.1:\\d+/readyz\\n$`),
  );
});

test("an address or a token that cannot be used is a usage error that does not show the token", async () => {
  for (const url of ["nonsense", "ftp://a", "http://user:word@a", "http://a/'x"]) {
    using world = temporaryWorld({ SPILLWAY_OPS_URL: url });
    assert.equal((await world.run("health")).code, EXIT.usage, url);
  }
  using world = temporaryWorld({ SPILLWAY_OPS_TOKEN: `${TOKEN}\n` });
  const { code, err } = await world.run("status");
  assert.equal(code, EXIT.usage);
  assert.ok(!err.includes(TOKEN));
  assert.equal((await world.run("health", "extra")).code, EXIT.usage);
  assert.equal((await world.run("status", "extra")).code, EXIT.usage);
});

test("a redirect is not followed: the token would go with it", async () => {
  let asked = 0;
  await using origin = await startOrigin((_req, res) => {
    asked++;
    res.writeHead(307, { Location: "/elsewhere" }).end();
  });
  using world = temporaryWorld({ SPILLWAY_OPS_URL: origin.url, SPILLWAY_OPS_TOKEN: TOKEN });
  assert.equal((await world.run("drain")).code, EXIT.unreachable);
  assert.equal(asked, 1);
});

test("explain --request tells why a running gateway gave an answer, and 1 when it knows of none", async (t) => {
  const { gateway, run } = await running(t);
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/some/path?secret=1`);
  await answer.arrayBuffer();
  const id = answer.headers.get("x-request-id")!;
  const told = await run("explain", "--request", id);
  assert.equal(told.code, EXIT.ok, told.err);
  assert.match(told.out, /^GET \/some\/path\n {2}answered {4}201 served by route\n {2}route {7}route-1\n/);
  assert.ok(!told.out.includes("secret"));
  assert.equal(JSON.parse((await run("explain", "--request", id, "--json")).out).id, id);
  const curl = await run("explain", "--request", "a/b", "--curl");
  assert.match(curl.out, /\/ops\/requests\/a%2Fb'\n$/);
  const none = await run("explain", "--request", "0".repeat(32));
  assert.equal(none.code, EXIT.failure);
  assert.match(none.err, /404 No request with this X-Request-Id/);
});
