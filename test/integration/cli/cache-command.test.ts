import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { runSolo } from "../../../src/cluster/solo.ts";
import { objectSource } from "../../../src/config/source.ts";
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import type { Sink } from "../../../src/telemetry/sink.ts";
import { deadPort, startOrigin } from "../../support/raw-origin.ts";
import { temporaryWorld } from "../../unit/cli/world.ts";

const nowhere: Sink = { write: (_chunk, done) => done() };
const tokens = ["read", "operate", "admin"].map((role) => ({
  name: role,
  role,
  token: `${role}-token`.padEnd(40, "x"),
}));

/** A gateway in this process, in front of an origin that counts its calls, and a place to run commands in. */
async function running(t: TestContext, role = "operate") {
  let calls = 0;
  const origin = await startOrigin((_, response) => void response.end(String(++calls)));
  t.after(() => origin.close());
  const source = objectSource({
    listen: { host: "127.0.0.1", port: 0 },
    ops: { port: 0, tokens },
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ name: "all", match: { path: "/*" }, dependency: "shop", cache: { ttl: "1h", tags: ["it's"] } }],
  });
  const gateway = await runSolo({
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
  const env = {
    SPILLWAY_OPS_URL: `http://127.0.0.1:${gateway.opsPort}`,
    SPILLWAY_OPS_TOKEN: `${role}-token`.padEnd(40, "x"),
  };
  const world = temporaryWorld(env);
  t.after(() => world[Symbol.dispose]());
  const url = `http://127.0.0.1:${gateway.port}/a`;
  const get = async (): Promise<string> => (await fetch(url, { headers: { Connection: "close" } })).text();
  return { run: world.run, get, url, env };
}

test("cache stats, report, tags and entry tell what is kept", async (t) => {
  const { run, get, url } = await running(t, "read");
  await get();
  await get();
  const stats = await run("cache", "stats");
  assert.match(
    stats.out,
    /^hit ratio 50\.0 %, 0 flights\ntier memory: 1 entries, 0\.0 MiB of 64\.0 MiB, 1 hits, 0 stale, 1 misses$/m,
  );
  assert.match(stats.out, /^route all: 2 requests, 1 hits, 0 stale, 1 misses, 0 bypasses\nremoved: none$/m);
  assert.match((await run("cache", "report")).out, new RegExp(`^missed 1: ${url}\nused 1: ${url}$`, "m"));
  assert.match((await run("cache", "tags")).out, /^it's: 1 entries$/m);
  const entry = await run("cache", "entry", url);
  assert.match(entry.out, new RegExp(`^${url} in memory\n`));
  assert.match(entry.out, /^ {2}hits {10}1$/m);
  const json = JSON.parse((await run("cache", "entry", url, "--json")).out) as { ok: boolean; entries: object[] };
  assert.deepEqual([json.ok, json.entries.length], [true, 1]);
  assert.equal((await run("cache", "entry", "none")).code, EXIT.failure);
});

test("cache purge takes away, or tells how much it would", async (t) => {
  const { run, get, url } = await running(t);
  await get();
  assert.equal((await run("cache", "purge", "--tag", "it's", "--dry-run")).out, "would purge 1 entries in memory\n");
  assert.equal(await get(), "1");
  const options: readonly (readonly string[])[] = [
    ["--tag", "it's", "--tag", "other"],
    ["--key", url],
    ["--prefix", "/a"],
    ["--pattern", "*/?"],
    ["--dependency", "shop"],
    ["--route", "all", "--reason", "a test"],
  ];
  for (const [at, option] of options.entries()) {
    assert.equal((await run("cache", "purge", ...option)).out, "purged 1 entries in memory\n", option.join(" "));
    assert.equal(await get(), String(at + 2));
  }
  const json = JSON.parse((await run("cache", "purge", "--table", "t", "--soft", "--json")).out) as object;
  assert.deepEqual("matched" in json && json.matched, 0);
});

test("cache purge of everything: a usage error without --confirm, refused without the role", async (t) => {
  const { run } = await running(t);
  const { code, err } = await run("cache", "purge", "--all");
  assert.deepEqual([code, err], [EXIT.usage, "spillway cache: everything goes: say --confirm, too, or --dry-run\n"]);
  assert.equal((await run("cache", "purge", "--all", "--confirm")).code, EXIT.refused);
});

test("what cannot be meant is a usage error that says what can", async () => {
  using world = temporaryWorld({ SPILLWAY_OPS_URL: `http://127.0.0.1:${await deadPort()}` });
  const err = async (...words: string[]) => {
    const { code, err } = await world.run("cache", ...words);
    assert.equal(code, EXIT.usage, words.join(" "));
    return err;
  };
  assert.match(await err(), /one of stats, report, tags, entry, purge/);
  assert.match(await err("flush"), /no "flush" here/);
  assert.match(await err("stats", "extra"), /takes no argument, got extra/);
  assert.match(await err("entry"), /which entry/);
  assert.match(await err("purge"), /nothing to purge/);
  assert.equal((await world.run("cache", "stats")).code, EXIT.unreachable);
});

test("what cache purge --curl prints is what a shell can run, whatever the tag holds", async (t) => {
  const { run, get, env } = await running(t);
  await get();
  const { out } = await run("cache", "purge", "--tag", "it's", "--curl");
  const words = execFileSync("sh", ["-c", `set -- ${out.trim()}; printf '%s\\n' "$@"`], { env, encoding: "utf8" });
  assert.ok(words.includes('\n-d\n{"tags":["it\'s"]}\n'), words);
  assert.ok(!out.includes("operate-token"));
  assert.equal(await get(), "1", "nothing was called");
});
