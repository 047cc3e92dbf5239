import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EXIT } from "../../../src/cli/command.ts";
import { temporaryWorld } from "./world.ts";

const CONFIG = `
dependencies:
  catalog:
    http: { targets: ["http://127.0.0.1:3001", "http://127.0.0.1:3002"], ca: not/here.pem }
    timeout: 2s
    limit: off
routes:
  - name: admin
    match: { path: "/admin/*" }
    respond: { status: 403 }
  - name: item
    match: { host: shop.example, path: "/items/:id", methods: [GET] }
    dependency: catalog
    rewrite: { path: "/v2/items/:id" }
    timeout: 250ms
    cache: { ttl: 60s, staleWhileRevalidate: 5m, staleIfError: 1h }
    priority: { header: x-class, map: { "0": critical }, default: bulk }
    requestHeaders: { set: { X-Key: hidden-value }, remove: [Cookie] }
`;

function placed(t: TestContext) {
  const world = temporaryWorld();
  t.after(() => world[Symbol.dispose]());
  writeFileSync(join(world.cwd, "spillway.yaml"), CONFIG);
  return world;
}

test("tells route, class, dependency, what is sent and how long it waits", async (t) => {
  const { run } = placed(t);
  const { code, out, err } = await run("explain", "GET", "http://shop.example/items/a%20b?x=1#top");
  assert.equal(err, "");
  assert.equal(code, EXIT.ok);
  assert.equal(
    out,
    `GET shop.example/items/a%20b?x=1
  route       item
  class       bulk
  path        /items/a%20b
  captured    id="a b"
  seats       as many as come
  breaker     opens when 50 % fail or 80 % take 1s or longer, of 20 calls or more in 10s
  dependency  catalog
  targets     http://127.0.0.1:3001, http://127.0.0.1:3002
  sends       GET /v2/items/a%20b?x=1
  sets        X-Key
  removes     Cookie
  timeout     250ms until the head of the answer
  cache       fresh for 1m, stale for 5m while refreshed, stale for 1h in an outage
`,
  );
  assert.ok(!out.includes("hidden-value"));
});

test("header fields count, Host among them", async (t) => {
  const { run } = placed(t);
  const argv = ["explain", "GET", "/items/7", "-H", "Host: shop.example", "-H", "X-Class: 0", "--json"];
  const { code, out } = await run(...argv);
  assert.equal(code, EXIT.ok);
  const said = JSON.parse(out) as { class: string; route: string; goes: { target: string; timeout: number } };
  assert.equal(said.class, "critical");
  assert.equal(said.route, "item");
  assert.equal(said.goes.target, "/v2/items/7");
  assert.equal(said.goes.timeout, 250);
});

test("a fixed answer asks nobody", async (t) => {
  const { run } = placed(t);
  const { code, out } = await run("explain", "DELETE", "/admin/x");
  assert.equal(code, EXIT.ok);
  assert.match(out, /^ {2}answer {6}403, fixed, no dependency is asked$/m);
});

for (const [why, argv, status] of [
  ["no route", ["GET", "/nowhere"], 404],
  ["another method", ["POST", "http://shop.example/items/7"], 405],
  ["a bad path", ["GET", "/%zz"], 400],
  ["a bad host", ["GET", "/", "-H", "Host: a b"], 400],
  ["a method that is not carried", ["TRACE", "/admin/x"], 501],
] as const) {
  test(`what the gateway would refuse ends with 4: ${why}`, async (t) => {
    const { run } = placed(t);
    const { code, out } = await run("explain", ...argv, "--json");
    assert.equal(code, EXIT.refused);
    const said = JSON.parse(out) as { ok: boolean; status: number };
    assert.equal(said.ok, false);
    assert.equal(said.status, status);
    assert.match((await run("explain", ...argv)).out, new RegExp(`^ {2}refused {5}${status} `, "m"));
  });
}

test("words it cannot read are a usage error, a wrong file a failure", async (t) => {
  const { run, cwd } = placed(t);
  for (const argv of [[], ["GET"], ["GET", "shop.example"], ["GET", "/", "-H", "nonsense"], ["G T", "/"]]) {
    const { code, err } = await run("explain", ...argv);
    assert.equal(code, EXIT.usage, argv.join(" "));
    assert.match(err, /^spillway explain: /);
  }
  assert.equal((await run("explain", "GET", "/", "--config", "missing.yaml")).code, EXIT.usage);
  writeFileSync(join(cwd, "bad.yaml"), "routes: 1\n");
  assert.equal((await run("explain", "GET", "/", "--config", "bad.yaml")).code, EXIT.failure);
});

test("tells who may refuse it on its way: quotas, the client's own deadline and the seats of the dependency", async (t) => {
  const { run, cwd } = placed(t);
  const yaml = `
rateLimits:
  everybody: { by: client, limit: 100, window: 1s, mode: shadow }
dependencies:
  catalog:
    http: { targets: ["http://127.0.0.1:3001"] }
    limit: { initial: 20, queue: { bulk: 0ms } }
  plain:
    http: { targets: ["http://127.0.0.1:3002"] }
    limit: off
routes:
  - match: { path: "/items" }
    name: items
    dependency: catalog
    priority: bulk
    rateLimit: [everybody, { by: [tenant, { header: x-app }], limit: 10, window: 90s, concurrent: 3 }]
  - { match: { path: "/*" }, dependency: plain }
`;
  writeFileSync(join(cwd, "gates.yaml"), yaml);
  const explained = async (...argv: string[]) => (await run("explain", ...argv, "--config", "gates.yaml")).out;
  const out = await explained("GET", "/items", "-H", "X-Request-Timeout-Ms: 250");
  assert.match(
    out,
    new RegExp(
      [
        " {2}quota {7}everybody: 100 in 1s by client \\(shadow: refuses nobody\\)",
        " {2}quota {7}items-2: 10 in 90s and 3 at a time by tenant\\+header x-app",
        " {2}deadline {4}the client waits 250ms",
        " {2}seats {7}adaptive, from 20, 2 to 1000; no wait for one",
      ].join("\n"),
    ),
  );
  assert.match(await explained("GET", "/"), / {2}seats {7}as many as come\n/);
  const { gates } = JSON.parse(await explained("GET", "/items", "--json"));
  assert.deepEqual(gates.quotas[1], {
    name: "items-2",
    by: "tenant+header x-app",
    limit: 10,
    window: 90_000,
    concurrent: 3,
    mode: "enforce",
  });
});

test("what the request says of its urgency counts, as from a client without trust; no key is read", async (t) => {
  const { run, cwd } = placed(t);
  const more = `
identity: { jwt: { publicKey: not/here.pem } }
priority: { claim: {}, methods: { DELETE: sheddable } }
`;
  writeFileSync(join(cwd, "spillway.yaml"), CONFIG.replace("    priority: {", "    # {") + more);
  const classOf = async (method: string, ...fields: string[]): Promise<string | undefined> => {
    const { out } = await run(
      "explain",
      method,
      "http://shop.example/items/1",
      ...fields.flatMap((field) => ["-H", field]),
    );
    return /class +(\w+)/.exec(out)?.[1];
  };
  assert.equal(await classOf("GET"), "default");
  assert.equal(await classOf("GET", "Priority: u=7"), "bulk");
  assert.equal(await classOf("GET", "Priority: u=0"), "default");
  assert.equal(await classOf("GET", "X-Retry-Attempt: 1", "Authorization: Bearer a.b.c"), "sheddable");
});
