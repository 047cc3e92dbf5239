import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { SignJWT } from "jose";
import { stopwatch } from "../../support/fair-clock.ts";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { connectRaw, type RawResponse } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

async function ask(gateway: TestGateway, fields = "", target = "/", method = "GET"): Promise<RawResponse> {
  using client = await connectRaw(gateway.port);
  await client.send(`${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  return await client.readResponse({ timeoutMs: 10_000 });
}

/** The exchange that a request became. */
async function exchangeOf(gateway: TestGateway, fields = "", target = "/") {
  const before = gateway.ended.length;
  assert.equal((await ask(gateway, fields, target)).status, 200);
  await until(() => gateway.ended.length > before, { what: "the exchange has ended" });
  return gateway.ended[before]!.exchange;
}

async function rig(config: TestConfig = {}) {
  const seen: Record<string, string | string[] | undefined>[] = [];
  const origin = await startOrigin((request, response) => {
    seen.push(request.headers);
    response.end("ok");
  });
  const gateway = await startGateway({ target: origin.url, ...config });
  const faults: string[] = [];
  gateway.gateway.bus.subscribe("spillway:fault", ({ where, error }) => void faults.push(`${where}: ${error.message}`));
  return {
    gateway,
    origin: origin.url,
    seen,
    faults,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
}

const bearer = async (claims: Record<string, unknown>): Promise<string> => {
  const key = new TextEncoder().encode(SECRET);
  return `Authorization: Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(key)}\r\n`;
};

suite("the class of a request", () => {
  test("Priority lowers it and goes on to the dependency; a trusted peer's raises it", async () => {
    await using all = await rig();
    assert.equal((await exchangeOf(all.gateway)).class, "default");
    assert.equal((await exchangeOf(all.gateway, "Priority: u=5, i\r\n")).class, "sheddable");
    assert.equal((await exchangeOf(all.gateway, "Priority: u=0\r\n")).class, "default");
    assert.equal((await exchangeOf(all.gateway, "Priority: u=5\r\nPriority: (\r\n")).class, "default");
    assert.equal(all.seen[1]?.["priority"], "u=5, i");
    await using trusting = await rig({ listen: { trustedProxies: ["127.0.0.1"] } });
    assert.equal((await exchangeOf(trusting.gateway, "Priority: u=0\r\n")).class, "critical");
  });

  test("a repetition is one class down and stays told", async () => {
    await using all = await rig();
    assert.equal((await exchangeOf(all.gateway, "X-Retry-Attempt: 1\r\n")).class, "sheddable");
    assert.equal(all.seen[0]?.["x-retry-attempt"], "1");
    await using critical = await rig({ route: { priority: "critical" } });
    assert.equal((await exchangeOf(critical.gateway, "X-Envoy-Attempt-Count: 4\r\n")).class, "critical");
  });

  test("a signed one counts for what it was signed for, and the signature goes no further", async () => {
    await using all = await rig({ priority: { secret: SECRET } });
    const expires = Math.floor(Date.now() / 1000) + 120;
    const text = ["spillway-class", "critical", String(expires), "GET", "/a?b=1"].join("\n");
    const signature = createHmac("sha256", SECRET).update(text).digest("base64url");
    const field = `Spillway-Class: critical;exp=${expires};sig=${signature}\r\n`;
    assert.equal((await exchangeOf(all.gateway, field, "/a?b=1")).class, "critical");
    assert.equal((await exchangeOf(all.gateway, field, "/a?b=2")).class, "default");
    assert.ok(all.seen.every((headers) => headers["spillway-class"] === undefined));
  });

  test("a verified token tells class and tenant; without one it is the address", async () => {
    const priority = { claim: { name: "plan", map: { gold: "critical" } }, tenant: [{ claim: "org" }] };
    await using all = await rig({ identity: { jwt: { secret: SECRET } }, priority });
    const gold = await bearer({ plan: "gold", org: "acme" });
    for (let i = 0; i < 2; i++) {
      const { class: cls, tenant, cohort } = await exchangeOf(all.gateway, gold);
      assert.deepEqual([cls, tenant], ["critical", "tenant:acme"]);
      assert.ok(Number.isInteger(cohort) && cohort >= 0 && cohort <= 127);
    }
    const bad = [
      "Authorization: Bearer x.y.z\r\n",
      gold.replace(/..\r\n$/, "AA\r\n"),
      "Authorization: Basic x\r\n",
      `Authorization: Bearer ${"a".repeat(9000)}\r\n`,
    ];
    for (const fields of bad) {
      const { class: cls, tenant } = await exchangeOf(all.gateway, fields);
      assert.deepEqual([cls, tenant], ["default", "127.0.0.1"]);
    }
  });

  test("who keeps a dependency at work for long gives way first, also when it leaves no time for an answer", async () => {
    const clock = new ManualClock();
    await using origin = await startOrigin((request, response) => {
      const key = request.headers["x-key"];
      clock.advance(key === "light" ? 2 : 500);
      response.end("ok");
    });
    const config = {
      target: origin.url,
      priority: { tenant: [{ apiKey: "x-key" }], cohort: { salt: "0".repeat(16) } },
    };
    await using gateway = await startGateway(config, clock);
    for (let i = 0; i < 3; i++) {
      await ask(gateway, "X-Key: light\r\n");
      await ask(gateway, "X-Key: heavy\r\n");
      assert.equal((await ask(gateway, "X-Key: hasty\r\nX-Request-Timeout-Ms: 400\r\n")).status, 504);
    }
    await until(() => gateway.ended.length === 9, { what: "all have ended" });
    clock.advance(1000);
    const place = async (key: string) => (await exchangeOf(gateway, `X-Key: ${key}\r\n`)).cohort;
    const [light, heavy, hasty] = [await place("light"), await place("heavy"), await place("hasty")];
    assert.ok(light >= 85 && heavy < 85 && hasty < 85, `${light}, ${heavy}, ${hasty}`);
  });

  test("of a request that nothing matches is default, and a refusal names it", async () => {
    await using all = await rig({ route: { match: { path: "/only" }, priority: "critical" } });
    const answer = await ask(all.gateway, "X-Request-Timeout-Ms: 0\r\nPriority: u=7\r\n", "/only");
    assert.deepEqual((answer.json() as { spillway: object }).spillway, { reason: "deadline", level: 0, class: "bulk" });
    const none = await ask(all.gateway, "Priority: u=7\r\n", "/none");
    assert.equal((none.json() as { spillway: { class: string } }).spillway.class, "default");
  });
});

suite("keys of a dependency", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256" }] });
  const token = async (sub: string, kid = "k1"): Promise<string> => {
    const signed = await new SignJWT({ sub, prio: "critical" })
      .setProtectedHeader({ alg: "ES256", kid })
      .sign(privateKey);
    return `Authorization: Bearer ${signed}\r\n`;
  };
  const identity = { jwt: { jwks: { dependency: "auth" } } };
  const priority = { claim: {} };

  /** A gateway whose keys come from a server that answers as told. */
  async function keyed(answer: (count: number) => { status?: number; body?: string; hang?: boolean }) {
    let count = 0;
    const paths: (string | undefined)[] = [];
    const auth = await startOrigin((request, response) => {
      paths.push(request.url);
      const { status = 200, body = "", hang = false } = answer(++count);
      if (!hang) response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
    const routes = [{ name: "vital", match: { path: "/vital" }, dependency: "origin", priority: "critical" }];
    const all = await rig({ identity, priority, dependencies: { auth: { http: { targets: [auth.url] } } }, routes });
    return {
      ...all,
      paths,
      async [Symbol.asyncDispose]() {
        await all[Symbol.asyncDispose]();
        await auth.close();
      },
    };
  }

  test("are asked for once, with the first token, at the well-known place", async () => {
    await using all = await keyed(() => ({ body: jwks }));
    await exchangeOf(all.gateway);
    assert.deepEqual(all.paths, []);
    assert.equal((await exchangeOf(all.gateway, await token("ada"))).class, "critical");
    assert.equal((await exchangeOf(all.gateway, await token("bob"))).class, "critical");
    assert.equal((await exchangeOf(all.gateway, await token("eve", "other"))).class, "default");
    assert.deepEqual(all.paths, ["/.well-known/jwks.json"]);
  });

  test("a reload that does not touch them keeps them, the tokens that are known and every tenant's place", async () => {
    let loads = 0;
    const auth = await startOrigin((_, response) => {
      loads++;
      response.end(jwks);
    });
    const dependencies = { auth: { http: { targets: [auth.url] } } };
    await using all = await rig({ identity, priority, dependencies });
    const ada = await token("ada");
    const before = await exchangeOf(all.gateway, ada);
    const { origin } = all;
    await all.gateway.apply({
      target: origin,
      identity,
      priority: { ...priority, methods: { PUT: "bulk" } },
      dependencies,
    });
    const after = await exchangeOf(all.gateway, ada);
    assert.deepEqual([after.class, after.cohort, loads], ["critical", before.cohort, 1]);
    await all.gateway.apply({
      target: origin,
      identity: { jwt: { ...identity.jwt, issuer: "us" } },
      priority,
      dependencies,
    });
    assert.equal((await exchangeOf(all.gateway, ada)).class, "default");
    await auth.close();
  });

  for (const [what, answer, told] of [
    ["down", { status: 503 }, /answered 503/],
    ["garbage", { body: "<html>" }, /not JSON/],
    ["huge", { body: " ".repeat(400_000) }, /longer than 256 KiB/],
    ["empty", { body: '{"keys":[]}' }, /no public key/],
  ] as const) {
    test(`${what}: requests are served as if without a token, and it is told as a fault`, async () => {
      await using all = await keyed(() => answer);
      assert.equal((await exchangeOf(all.gateway, await token("ada"))).class, "default");
      assert.equal((await exchangeOf(all.gateway, await token("bob"))).class, "default");
      assert.match(all.faults.join(), told);
      assert.match(all.faults.join(), /^identity\.jwt\.jwks: /);
    });
  }

  test("hang: the first token waits two seconds, a critical request not at all, and later ones do not wait", async () => {
    await using all = await keyed(() => ({ hang: true }));
    const vital = stopwatch();
    assert.equal((await exchangeOf(all.gateway, await token("vip"), "/vital")).class, "critical");
    assert.ok(vital().fair < 1000);
    const first = stopwatch();
    assert.equal((await exchangeOf(all.gateway, await token("ada"))).class, "default");
    assert.ok(first().fair < 3000);
    const later = stopwatch();
    assert.equal((await exchangeOf(all.gateway, await token("bob"))).class, "default");
    assert.ok(later().fair < 1000);
  });

  test("a client that leaves while its token is looked at leaves nothing behind", async () => {
    await using all = await keyed(() => ({ hang: true }));
    {
      using client = await connectRaw(all.gateway.port);
      await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${await token("ada")}\r\n`);
      await until(() => all.paths.length === 1, { what: "the keys are asked for" });
    }
    await until(() => all.gateway.gateway.open() === 0, { what: "no exchange is open" });
    await until(() => all.faults.length === 1, { what: "the keys were given up" });
    assert.equal(all.seen.length, 0);
  });
});
