import assert from "node:assert/strict";
import { test } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { startSpillway } from "../../support/spillway-process.ts";
import { until } from "../../support/wait.ts";
import { temporaryWorld } from "../../unit/cli/world.ts";
import { allTokens, bearer, startOps, tokenOf } from "./ops-rig.ts";

const PATH = "/ops/dependencies/catalog/breaker";
const json = { "Content-Type": "application/json" };

test("a breaker is held with a reason and an end, and given back, both audited; what is missing or too much is refused", async (t) => {
  const asked: object[] = [];
  const breaker = async (ask: { dependency: string; hold: { state: "isolated" | "forced-closed" } | undefined }) => {
    asked.push(ask);
    const after = ask.hold?.state ?? ("half-open" as const);
    return {
      answers: [{ changed: ask.dependency === "catalog" ? { before: "closed" as const, after } : undefined }],
      silent: 1,
    };
  };
  const { ask, audited } = await startOps(t, { tokens: allTokens }, { breaker });
  const put = (body: object, path = PATH) =>
    ask({ method: "PUT", path, headers: { ...bearer("operate"), ...json }, body: JSON.stringify(body) });
  const held = await put({ state: "isolated", reason: "migration" });
  assert.deepEqual(
    [held.status, JSON.parse(held.text)],
    [200, { processes: 1, silent: 1, dependency: "catalog", state: "isolated" }],
  );
  assert.deepEqual(asked.pop(), {
    dependency: "catalog",
    hold: { state: "isolated", ttl: 15 * 60_000, reason: "migration" },
  });
  assert.equal((await put({ state: "forced-closed", reason: "x", ttl: "24h" })).status, 200);
  assert.deepEqual(asked.pop(), {
    dependency: "catalog",
    hold: { state: "forced-closed", ttl: 24 * 3_600_000, reason: "x" },
  });
  const back = await ask({ method: "DELETE", path: PATH, headers: bearer("operate") });
  assert.deepEqual([back.status, (JSON.parse(back.text) as { state: string }).state], [200, "half-open"]);
  assert.deepEqual(audited.map(({ call, before, after }) => ({ call, before, after })).at(0), {
    call: "PUT /ops/dependencies/{name}/breaker",
    before: { dependency: "catalog", state: "closed" },
    after: { dependency: "catalog", state: "isolated", ttlMs: 15 * 60_000, reason: "migration" },
  });
  assert.equal(audited.length, 3);
  for (const wrong of [
    { state: "isolated" },
    { state: "open", reason: "x" },
    { state: "isolated", reason: "" },
    { state: "isolated", reason: "x", ttl: "25h" },
    { state: "isolated", reason: "x", ttl: 5 },
    { state: "isolated", reason: "x", for: "5m" },
  ]) {
    assert.equal((await put(wrong)).status, 422, JSON.stringify(wrong));
  }
  assert.equal((await put({ state: "isolated", reason: "x" }, "/ops/dependencies/nobody/breaker")).status, 404);
  assert.equal((await ask({ method: "DELETE", path: PATH, headers: bearer("read") })).status, 403);
});

test("by hand it is in force in all workers, those that start later among them; the command does the same", async (t) => {
  const origin = await startOrigin((_request, response) => void response.end("ok"));
  t.after(() => origin.close());
  await using gateway = await startSpillway({
    listen: { workers: 2 },
    ops: { tokens: allTokens },
    dependencies: { catalog: { http: { targets: [origin.url] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "catalog" }],
  });
  using world = temporaryWorld({
    SPILLWAY_OPS_URL: `http://127.0.0.1:${gateway.opsPort}`,
    SPILLWAY_OPS_TOKEN: tokenOf("operate"),
  });
  const states = async (): Promise<object> => {
    const answer = await fetch(`http://127.0.0.1:${gateway.opsPort}/ops/dependencies`, { headers: bearer("read") });
    const shown = (await answer.json()) as { dependencies: { breaker: { states: object } }[] };
    return shown.dependencies[0]!.breaker.states;
  };
  const status = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${gateway.port}/x`, { headers: { Connection: "close" } })).status;
  await until(async () => JSON.stringify(await states()) === '{"closed":2}', { what: "both are closed" });
  const done = await world.run("breaker", "isolate", "catalog", "--reason", "migration", "--ttl", "10m");
  assert.deepEqual(done, { code: EXIT.ok, out: "catalog is isolated in 2 processes\n", err: "" });
  for (let i = 0; i < 10; i++) assert.equal(await status(), 503);
  const { out } = await world.run("breaker", "ls");
  assert.match(out, /^catalog {2}isolated for another (10m|9m.*|\d+s): migration {2}\(0 calls, .*; 10 refused\)\n$/);
  const audit = await until(() => gateway.lines().find(({ event }) => event === "audit"), {
    what: "the log is written",
  });
  assert.deepEqual(audit["after"], { dependency: "catalog", state: "isolated", ttlMs: 600_000, reason: "migration" });

  const [worker] = gateway.children();
  process.kill(worker!, "SIGKILL");
  await until(() => !gateway.children().includes(worker!) && gateway.children().length === 2, {
    what: "another worker is there",
    timeoutMs: 60_000,
  });
  await until(async () => JSON.stringify(await states()) === '{"isolated":2}', { what: "it is isolated, too" });

  assert.equal((await world.run("breaker", "release", "catalog")).out, "catalog is half-open in 2 processes\n");
  await until(async () => (await status()) === 200, { what: "a probe passes" });
});

test("the command says what it wants", async () => {
  using world = temporaryWorld();
  const error = async (...argv: string[]): Promise<string> => {
    const { code, err } = await world.run("breaker", ...argv);
    assert.equal(code, EXIT.usage, argv.join(" "));
    return err;
  };
  assert.match(await error(), /what of breakers\?: one of ls, isolate, force-close, release/);
  assert.match(await error("open", "catalog"), /no "open" here/);
  assert.match(await error("isolate"), /of which dependency\?/);
  assert.match(await error("isolate", "catalog"), /--reason/);
  assert.match(await error("isolate", "catalog", "reports", "--reason", "x"), /takes one name, got reports, too/);
  assert.match(await error("release", "catalog", "--ttl", "5m"), /takes no --ttl and no --reason/);
  assert.match(await error("ls", "catalog"), /ls takes nothing/);
  const { out } = await world.run("breaker", "isolate", "a/b", "--reason", "it's", "--curl");
  assert.match(out, /^curl -sS -X PUT .*-d '\{"state":"isolated","reason":"it'\\''s"\}' .*a%2Fb\/breaker'\n$/);
});
