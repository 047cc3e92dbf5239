import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Child, plainEnvironment, runChild, startChild } from "../support/child.ts";
import { connectRaw } from "../support/raw-client.ts";
import { listen, startOrigin, stopListening } from "../support/raw-origin.ts";
import { until } from "../support/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = join(root, "bin", "spillway.js");
const LISTENING = /"event":"listening","port":(\d+),"opsPort":(\d+)/;

const spillway = (args: readonly string[], cwd?: string): Child =>
  startChild(process.execPath, [bin, ...args], cwd === undefined ? {} : { cwd });

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "spillway-first-run-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Demo {
  readonly gateway: number;
  readonly ops: number;
  readonly origin: number;
  /** What the banner says to try. */
  readonly example: string;
}

async function readBanner(child: Child): Promise<Demo> {
  const port = async (what: string): Promise<number> =>
    Number((await child.says(new RegExp(`^ +${what} +http://127\\.0\\.0\\.1:(\\d+)`, "m")))[1]);
  return {
    gateway: await port("gateway"),
    ops: await port("ops"),
    origin: await port("demo origin"),
    example: (await child.says(/Try +curl -i (\S+)/))[1]!,
  };
}

/** Whether nobody listens on a port of loopback. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await listen(server, port);
    return true;
  } catch {
    return false;
  } finally {
    await stopListening(server);
  }
}

/** Takes a port unless it is taken already; gives it back with the test. */
async function occupy(t: TestContext, port: number): Promise<void> {
  const server: Server = createServer();
  try {
    await listen(server, port);
    t.after(() => stopListening(server));
  } catch {
    // Somebody else has it: taken is taken.
  }
}

/** Resident memory in MB; undefined where the system does not tell. */
function residentOf(child: Child): number | undefined {
  if (process.platform !== "linux") return undefined;
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.process.pid}/status`, "utf8"));
  return found ? Number(found[1]) / 1024 : undefined;
}

test("npm start without arguments is the demo: three addresses, and an example that works", async (t) => {
  const startedAt = performance.now();
  await using child = spillway(["start"]);
  const demo = await readBanner(child);
  const readyMs = performance.now() - startedAt;
  const answer = await fetch(demo.example);
  assert.equal(answer.status, 200);
  assert.equal(new URL(demo.example).port, String(demo.gateway));
  assert.equal(((await answer.json()) as { id: unknown }).id, 7);
  assert.equal(await (await fetch(`http://127.0.0.1:${demo.ops}/readyz`)).text(), "ok\n");
  assert.equal((await fetch(`http://127.0.0.1:${demo.origin}/api/products/7`)).status, 200);
  t.diagnostic(`ready after ${readyMs.toFixed(0)} ms, ${residentOf(child)?.toFixed(0)} MB resident`);
  assert.ok(readyMs < 10_000, `${readyMs} ms`);
  child.process.kill("SIGINT");
  assert.equal(await child.ended(), 0);
  for (const port of [demo.gateway, demo.ops, demo.origin]) assert.ok(await isFree(port), `port ${port} is free`);
});

test("the gentle load of the demo reaches the gateway and shows in its metrics", async () => {
  await using child = spillway(["demo"]);
  const { ops } = await readBanner(child);
  await until(
    async () => {
      const text = await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text();
      return /^spillway_requests_total\{route="products",.*code="200"\} \d+$/m.test(text);
    },
    { timeoutMs: 60_000, what: "requests are counted" },
  );
});

test("ports that are taken make the demo take the next ones, and it says so", async (t) => {
  for (const port of [8080, 9901, 9100]) await occupy(t, port);
  await using child = spillway(["start"]);
  const demo = await readBanner(child);
  assert.notEqual(demo.gateway, 8080);
  assert.notEqual(demo.ops, 9901);
  assert.notEqual(demo.origin, 9100);
  assert.equal((await fetch(demo.example)).status, 200);
  const said = child.stderr();
  assert.ok(said.includes(`port 8080 is taken: the gateway takes ${demo.gateway}\n`), said);
  assert.ok(said.includes(`port 9901 is taken: the ops listener takes ${demo.ops}\n`), said);
  assert.ok(said.includes(`port 9100 is taken: the demo origin takes ${demo.origin}\n`), said);
});

test("two demos run side by side", async () => {
  await using first = spillway(["start"]);
  const one = await readBanner(first);
  await using second = spillway(["start"]);
  const two = await readBanner(second);
  assert.equal((await fetch(one.example)).status, 200);
  assert.equal((await fetch(two.example)).status, 200);
  assert.notEqual(one.gateway, two.gateway);
});

test("Ctrl-C in the terminal of npm start leaves no process and no port behind", async () => {
  await using child = startChild("npm", ["start"], { cwd: root, group: true });
  const demo = await readBanner(child);
  const group = -child.process.pid!;
  process.kill(group, "SIGINT");
  await child.ended();
  assert.throws(() => process.kill(group, 0), { code: "ESRCH" }, "the whole group is gone");
  for (const port of [demo.gateway, demo.ops, demo.origin]) assert.ok(await isFree(port), `port ${port} is free`);
});

test("Ctrl-C ends the demo even while a client holds a connection and a stream open", async (t) => {
  await using child = spillway(["start"]);
  const demo = await readBanner(child);
  const client = await connectRaw(demo.gateway);
  t.after(() => client.destroy());
  await client.send("GET /api/events HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readHead()).status, 200);
  child.process.kill("SIGINT");
  assert.equal(await child.ended(), 0);
});

test("proxy --to stands in front of an origin without a file", async (t) => {
  await using origin = await startOrigin((req, res) => void res.end(`origin ${req.url}`));
  const startedAt = performance.now();
  await using child = spillway(["proxy", "--to", `:${origin.port}`, "--port", "0", "--ops-port", "0"]);
  const [, port, opsPort] = await child.says(LISTENING);
  t.diagnostic(`listening after ${(performance.now() - startedAt).toFixed(0)} ms, ${residentOf(child)?.toFixed(0)} MB`);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/a?b`)).text(), "origin /a?b");
  await origin.close();
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 502);
  assert.equal((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status, 200, "ready, whatever its dependencies are");
  child.process.kill("SIGINT");
  assert.equal(await child.ended(), 0);
});

test("init --upstream, check, explain and start --config: two commands to a gateway of one's own", async (t) => {
  const folder = temporaryFolder(t);
  await using origin = await startOrigin((req, res) => void res.end(`origin ${req.url}`));
  const run = (...args: string[]): Promise<string> => runChild(process.execPath, [bin, ...args], { cwd: folder });
  assert.match(await run("init", "--upstream", origin.url), /spillway start --config spillway\.yaml/);
  assert.match(await run("check"), /^spillway\.yaml: fine/);
  assert.match(await run("explain", "GET", "/x"), /^ {2}dependency {2}upstream$/m);
  // The file says ${PORT:-8080}; the ops listener is given a free port of its own.
  const file = join(folder, "spillway.yaml");
  appendFileSync(file, "ops: { port: 0 }\ndrain: { delay: 0ms }\n");
  await using child = startChild(process.execPath, [bin, "start", "--config", "spillway.yaml"], {
    cwd: folder,
    env: { ...plainEnvironment(), PORT: "0" },
  });
  const [line] = await child.says(/^\{.*"event":"listening".*\}$/m);
  const told = JSON.parse(line) as { event: string; port: number; opsPort: number };
  assert.ok(told.port > 0 && told.opsPort > 0 && told.port !== told.opsPort);
  assert.equal(child.stdout().split('"event":"listening"').length, 2, "said once");
  assert.equal(await (await fetch(`http://127.0.0.1:${told.port}/hello`)).text(), "origin /hello");
  child.process.kill("SIGTERM");
  assert.equal(await child.ended(), 0);
});

test("a port that a file asks for and that is taken is one line and exit code 2, not a trace", async (t) => {
  const server = createServer();
  t.after(() => stopListening(server));
  const port = await listen(server, 0);
  await using child = spillway(["proxy", "--to", ":1", "--port", String(port), "--ops-port", "0"]);
  assert.equal(await child.ended(), 2);
  assert.match(child.stderr(), new RegExp(`^spillway proxy: [^\\n]*${port}[^\\n]*\\n$`));
});
