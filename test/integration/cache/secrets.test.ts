import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startChild } from "../../support/child.ts";
import { startCommand, type RunningCommand } from "../../support/command.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { deadPort, startOrigin } from "../../support/raw-origin.ts";
import { redisMissing, startRedis, startRedisSentinel, type RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";

const BIN = fileURLToPath(new URL("../../../bin/spillway.js", import.meta.url));

/** With what a URL has to escape, so that each has two forms. */
const password = (): string => `pw:${randomBytes(6).toString("hex")}@x/y#${randomBytes(6).toString("hex")}`;
const key = (): string => randomBytes(24).toString("hex");

const secrets = {
  redis: password(),
  postgres: password(),
  sentinel: password(),
  master: password(),
  seal: key(),
  formerSeal: key(),
  webhook: key(),
  admin: key(),
  reader: key(),
};

/** Each as it is, as URLs have it, and the random parts that are left of it when it was cut in two. */
const forms = Object.entries(secrets).flatMap(([name, secret]) => {
  const parts = secret.match(/[0-9a-f]{12,}/g) ?? [];
  return [secret, encodeURIComponent(secret), encodeURI(secret), ...parts].map((form) => [name, form] as const);
});

function assertNone(text: string, where: string): void {
  for (const [name, form] of forms) {
    const at = text.indexOf(form);
    if (at >= 0) assert.fail(`${where} tells the secret "${name}": ${text.slice(Math.max(0, at - 200), at + 60)}`);
  }
}

const inUrl = encodeURIComponent;

interface Places {
  readonly origin: string;
  readonly redis: object;
  readonly postgres: string;
}

const config = ({ origin, redis, postgres }: Places): Record<string, unknown> => ({
  drain: { delay: "0ms", timeout: "1s" },
  ops: {
    tokens: [
      { name: "boss", role: "admin", token: secrets.admin },
      { name: "looker", role: "read", token: secrets.reader },
    ],
  },
  redis,
  cache: {
    secret: secrets.seal,
    previousSecrets: [secrets.formerSeal],
    webhook: { secret: secrets.webhook },
    postgres: { url: postgres },
  },
  dependencies: { shop: { http: { targets: [origin] } } },
  routes: [{ name: "all", match: { path: "/*" }, dependency: "shop", cache: { ttl: "1m", tags: ["all"] } }],
});

/** Text that is no configuration any more, each in another way, with the secrets where they were. */
const broken = (good: Record<string, unknown>, postgres: string): readonly string[] => {
  const text = (more: object): string => JSON.stringify({ ...good, ...more });
  const cache = good["cache"] as object;
  return [
    text({ redis: { url: `redis://:${inUrl(secrets.redis)}@127.0.0.1:6379/x?y` } }),
    text({ redis: { url: `redis://:${secrets.redis}@127.0.0.1:6379` } }),
    text({ redis: { url: `http://:${inUrl(secrets.redis)}@127.0.0.1` } }),
    text({ redis: { cluster: [`redis://:${inUrl(secrets.redis)}@127.0.0.1:1/3`] } }),
    text({ redis: { sentinels: { hosts: [`redis://:${secrets.sentinel}@127.0.0.1`], name: "", password: "" } } }),
    text({ redis: { url: ["redis://", secrets.redis] } }),
    text({ redis: { [`redis://:${secrets.redis}@127.0.0.1`]: 1 } }),
    text({ cache: { ...cache, postgres: { url: `mysql://u:${inUrl(secrets.postgres)}@127.0.0.1/x` } } }),
    text({ cache: { ...cache, postgres: { url: `postgres//u:${secrets.postgres}@127.0.0.1/x` } } }),
    text({ cache: { ...cache, postgres } }),
    text({ cache: { ...cache, secret: secrets.seal.slice(0, 15), webhook: { secret: secrets.webhook.slice(0, 31) } } }),
    text({ cache: { ...cache, secret: { is: secrets.seal } } }),
    text({ ops: { tokens: [{ name: "boss", role: "chief", token: secrets.admin.slice(0, 20) }] } }),
    text({ ops: { tokens: secrets.admin } }),
    // YAML that ends in the middle of a secret, or has it in a place of its own.
    text({}).slice(0, text({}).indexOf(secrets.admin) + 30),
    `redis:\n  url: "redis://:${secrets.redis}@127.0.0.1\ncache: {}\n`,
    `redis:\n  url: redis://:${inUrl(secrets.redis)}@127.0.0.1\n  url: redis://:${inUrl(secrets.redis)}@127.0.0.1\n`,
    `cache:\n  secret: *${secrets.seal}\n`,
    `${secrets.admin}\n`,
  ];
};

type Asking = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> };

/** Everything that the gateway can be asked, by who may and by who may not. Every answer is looked at. */
async function ask(gateway: RunningCommand): Promise<void> {
  const { port, opsPort } = gateway;
  const authorized = { Authorization: `Bearer ${secrets.admin}` };
  const look = async (url: string, init: Asking = {}): Promise<string> => {
    const answer = await fetch(url, { ...init, headers: { ...authorized, ...init.headers } });
    const text = `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
    assertNone(text, `${init.method ?? "GET"} ${url}`);
    return text;
  };
  const ops = (path: string, body?: object, headers: Record<string, string> = {}): Promise<string> =>
    look(`http://127.0.0.1:${opsPort}${path}`, {
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      headers: { ...(body && { "Content-Type": "application/json" }), ...headers },
    });
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
    assertNone(text, path);
    return text;
  };
  for (let i = 0; i < 30; i++) assert.match(await get(`/${i % 10}`), /^200 /);
  const shown = await ops("/ops/config");
  assert.match(shown, /^200 .*"postgres":.*"redis":/s);
  for (const path of ["stats", "report", "tags", "warm"]) await ops(`/ops/cache/${path}`);
  for (const path of ["/metrics", "/healthz", "/readyz", "/ops/limits", "/ops/requests", "/ops/openapi.json", "/"]) {
    await ops(path);
  }
  assert.match(await ops("/ops/cache/purge", { tags: ["all"], reason: "a test" }), /^20\d /);
  await ops("/ops/cache/warm", { urls: [`http://127.0.0.1:${port}/1`] });
  const event = { id: "1", type: "changed", tags: ["all"] };
  await ops("/ops/cache/events", event, { "Spillway-Signature": `t=1,v1=${"0".repeat(64)}` });
  const at = Math.floor(Date.now() / 1000);
  const v1 = createHmac("sha256", secrets.webhook)
    .update(`${at}.${JSON.stringify(event)}`)
    .digest("hex");
  await ops("/ops/cache/events", event, { "Spillway-Signature": `t=${at},v1=${v1}` });
  await ops("/ops/config", undefined, { Authorization: `Bearer ${secrets.webhook}` });
  await ops("/ops/cache/purge", { tags: ["all"] }, { Authorization: `Bearer ${secrets.reader}` });
  await ops(`/ops/config?token=${secrets.admin}`, undefined, { Authorization: "" });
}

/** A command as an operator has it, and all that it says. */
async function run(args: readonly string[], opsPort: number): Promise<string> {
  const env = { ...process.env, SPILLWAY_OPS_URL: `http://127.0.0.1:${opsPort}`, SPILLWAY_OPS_TOKEN: secrets.admin };
  await using child = startChild(process.execPath, [BIN, ...args], { env: { ...env, NODE_TEST_CONTEXT: undefined } });
  const code = await child.ended();
  const said = `${code} ${child.stdout()}${child.stderr()}`;
  assertNone(said, `spillway ${args[0]}`);
  return said;
}

/** Starts it, asks it all there is, breaks its configuration in these ways, and looks at what it says. */
async function drive(good: Record<string, unknown>, wrong: readonly string[], tells: RegExp): Promise<void> {
  await using gateway = await startCommand(good);
  const { opsPort, file, child, lines } = gateway;
  await until(() => tells.test(JSON.stringify(lines)), {
    what: () => `it tells of its stores: ${JSON.stringify(lines)}`,
  });
  await ask(gateway);
  for (const args of [["status"], ["status", "--json"], ["explain", "--config", file, "GET", "/1"], ["check", file]]) {
    assert.match(await run(args, opsPort), /^0 /, args.join(" "));
  }
  await run(["cache", "stats"], opsPort);
  await run(["cache", "purge", "--tag", "all"], opsPort);
  await run(["status", "--curl"], opsPort);
  for (const text of wrong) {
    await writeFile(file, text);
    const told = lines.length;
    const answer = await fetch(`http://127.0.0.1:${opsPort}/ops/config/reload`, {
      method: "POST",
      headers: { Authorization: `Bearer ${secrets.admin}`, "Content-Type": "application/json" },
      body: "{}",
    });
    const body = await answer.text();
    assert.equal(answer.status >= 400, true, `${answer.status} ${body}`);
    assertNone(body, "POST /ops/config/reload");
    child.kill("SIGHUP");
    await until(() => lines.length > told, { what: "it tells that it refuses" });
  }
  child.kill("SIGTERM");
  await gateway.exited;
  assertNone(JSON.stringify(lines), "standard output");
  assertNone(gateway.stderr(), "standard error");
}

suite(
  "passwords, tokens and keys appear in no output",
  { skip: redisMissing || postgresMissing, timeout: 240_000 },
  () => {
    let redis: RedisServer;
    let postgres: TestPostgres;
    let origin: Awaited<ReturnType<typeof startOrigin>>;
    before(async () => {
      if (redisMissing || postgresMissing) return;
      origin = await startOrigin((_, response) => void response.end("an answer"));
      [redis, postgres] = await Promise.all([startRedis({ requirepass: secrets.redis }), startPostgres()]);
    });
    after(() => Promise.all([redis?.[Symbol.asyncDispose](), postgres?.[Symbol.asyncDispose](), origin?.close()]));

    const redisUrl = (secret: string, port: number): string => `redis://default:${inUrl(secret)}@127.0.0.1:${port}/0`;
    const postgresUrl = (port: number, database = "postgres"): string =>
      `postgres://spillway:${inUrl(secrets.postgres)}@127.0.0.1:${port}/${database}`;

    test("of a broken configuration, by check and explain", async (t) => {
      const directory = await mkdtemp(join(tmpdir(), "spillway-secrets-"));
      t.after(() => rm(directory, { recursive: true, force: true }));
      const file = join(directory, "broken.yaml");
      const url = postgresUrl(postgres.port);
      const good = config({ origin: origin.url, redis: { url: redisUrl(secrets.redis, redis.port) }, postgres: url });
      for (const [at, text] of broken(good, url).entries()) {
        await writeFile(file, text);
        const args = at % 5 === 0 ? ["explain", "--config", file, "GET", "/1"] : ["check", file];
        assert.doesNotMatch(await run(args, 1), /^0 /);
      }
    });

    test("with both stores there", async () => {
      const url = postgresUrl(postgres.port);
      const places = { origin: origin.url, redis: { url: redisUrl(secrets.redis, redis.port) }, postgres: url };
      await drive(config(places), broken(config(places), url).slice(0, 2), /"redis-up"/);
    });

    test("with neither there", async () => {
      const url = postgresUrl(await deadPort());
      const places = { origin: origin.url, redis: { url: redisUrl(secrets.redis, await deadPort()) }, postgres: url };
      await drive(config(places), broken(config(places), url).slice(0, 2), /ECONNREFUSED/);
    });

    test("with a wrong password, and no such database", async () => {
      const url = postgresUrl(postgres.port, "nowhere");
      const places = { origin: origin.url, redis: { url: redisUrl(secrets.master, redis.port) }, postgres: url };
      await drive(config(places), broken(config(places), url).slice(0, 2), /WRONGPASS/);
    });

    test("through sentinels with passwords of their own, which nobody asks for", async () => {
      await using sentinels = await startRedisSentinel(1);
      const url = postgresUrl(await deadPort());
      const hosts = sentinels.hosts.map((host) => host.replace("//", `//:${inUrl(secrets.sentinel)}@`));
      const sentinelsOf = { hosts, name: sentinels.name, password: secrets.master };
      await drive(config({ origin: origin.url, redis: { sentinels: sentinelsOf }, postgres: url }), [], /"redis-up"/);
    });
  },
);
