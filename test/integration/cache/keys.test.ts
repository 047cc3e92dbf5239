import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { SignJWT } from "jose";
import { sends, startRig, type Behaviour } from "./cache-rig.ts";

const MINUTE = { "Cache-Control": "max-age=60" };

/** Answers with what it saw of these fields, or of the whole request line: an origin that trusts what it gets. */
const reflects = (names: readonly string[], fields: Record<string, string> = MINUTE): Behaviour =>
  sends((request) => JSON.stringify([request.url, ...names.map((name) => request.headers[name] ?? null)]), fields);

const EVIL: Readonly<Record<string, string>> = {
  "x-forwarded-host": "evil.example",
  "x-forwarded-proto": "nothttp",
  "x-forwarded-for": "203.0.113.9",
  forwarded: "host=evil.example",
  "x-original-url": "/admin",
  "x-rewrite-url": "/admin",
  "x-http-method-override": "POST",
  "x-host": "evil.example",
  "user-agent": "evil",
  "x-anything": "evil",
  origin: "https://evil.example",
  referer: "https://evil.example",
};

test("C6: no field that is in no key reaches an answer that is kept", async () => {
  const names = Object.keys(EVIL);
  await using rig = await startRig("origin", reflects(names));
  const clean = (await rig.ask("/clean")).text.replace("/clean", "");
  for (const [index, name] of names.entries()) {
    const poisoned = await rig.ask(`/${index}`, `${name}: ${EVIL[name]}\r\n`);
    assert.match(poisoned.cache, /stored/, name);
    const next = await rig.ask(`/${index}`);
    assert.match(next.cache, /hit/, name);
    for (const { text } of [poisoned, next]) {
      assert.ok(!text.includes("evil") && !text.includes("203.0.113.9"), `${name}: ${text}`);
      assert.equal(text.replace(`/${index}`, ""), clean, name);
    }
  }
});

test("C6: who is answered alone is seen as they are, and nothing is kept of it", async () => {
  await using rig = await startRig(
    "origin",
    reflects(["x-anything", "user-agent"], { "Cache-Control": "public, max-age=60" }),
  );
  for (const credential of ["Cookie: a=1\r\n", "Authorization: Bearer a\r\n", "Cache-Control: no-store\r\n"]) {
    const own = await rig.ask("/x", `${credential}X-Anything: mine\r\nUser-Agent: me\r\n`);
    assert.equal(own.text, '["/x","mine","me"]', credential);
    assert.doesNotMatch(own.cache, /stored/);
  }
  assert.equal((await rig.ask()).text, '["/x",null,"spillway"]');
});

test("C6: a field that Vary names is learnt of, and each value has its own answer", async () => {
  const shape = sends((request) => String(request.headers["x-shape"]), { ...MINUTE, Vary: "X-Shape" });
  await using rig = await startRig("origin", shape);
  assert.equal((await rig.ask("/x", "X-Shape: 0\r\n")).text, "0");
  assert.equal(rig.calls(), 2, "one that did not see the field, and one that did");
  const answers = await rig.herd(40, (index) => `X-Shape: ${index % 4}\r\n`);
  for (const [index, { text }] of answers.entries()) assert.equal(text, `${index % 4}`);
  assert.equal(rig.calls(), 5);
  for (let index = 0; index < 4; index++) {
    const { text, cache } = await rig.ask("/x", `X-Shape: ${index}\r\n`);
    assert.equal(text, `${index}`);
    assert.match(cache, /hit/);
  }
});

test("C6: what of the query is not in the key does not reach the dependency", async () => {
  await using rig = await startRig({ query: { ignore: ["utm_*"] } }, reflects([]));
  assert.equal((await rig.ask("/x?a=1&utm_source=evil")).text, '["/x?a=1"]');
  const same = await rig.ask("/x?utm_medium=other&a=1");
  assert.deepEqual([same.text, rig.calls()], ['["/x?a=1"]', 1]);
  assert.equal((await rig.ask("/x?a=1;utm_source=evil")).text, '["/x?a=1;utm_source=evil"]');
  assert.equal((await rig.ask("/x?a=1&utm%5Fsource=evil")).text, '["/x?a=1&utm%5Fsource=evil"]');
  await rig.ask("/x?a=1&utm_source=z", "Content-Length: 0\r\n", "POST");
  assert.match((await rig.ask("/x?a=1")).cache, /fwd=miss/, "an unsafe request is about what is kept");
});

test("C2: a request with a cookie has no part in what is kept, whatever the answer says of itself", async () => {
  for (const control of ["max-age=60", "public, max-age=60", "s-maxage=60"]) {
    await using rig = await startRig(
      "origin",
      sends((request) => request.headers.cookie ?? "nobody", { "Cache-Control": control }),
    );
    assert.equal((await rig.ask("/x", "Cookie: id=1\r\n")).text, "id=1", control);
    assert.equal((await rig.ask("/x")).text, "nobody", control);
    assert.equal((await rig.ask("/y", "Cookie: id=2\r\n")).text, "id=2", control);
  }
});

test("C2: a cookie that the route calls irrelevant does not reach the dependency, and its clients share", async () => {
  await using rig = await startRig(
    { cookieIrrelevant: ["_ga*"] },
    sends((request) => request.headers.cookie ?? "nobody", MINUTE),
  );
  assert.equal((await rig.ask("/x", "Cookie: _ga=1\r\n")).text, "nobody");
  assert.match((await rig.ask("/x", "Cookie: _ga_A=2; _ga=3\r\n")).cache, /hit/);
  assert.equal((await rig.ask("/x", "Cookie: _ga=1; session=s\r\n")).text, "session=s");
  assert.equal((await rig.ask("/x")).text, "nobody");
});

test("C3: an answer that sets a cookie is not kept, or kept without it; a 304 brings none", async () => {
  const setting = sends((_, call) => `${call}`, { ...MINUTE, "Set-Cookie": "id=1" });
  await using passing = await startRig("origin", setting);
  for (const call of [1, 2]) {
    const { text, raw } = await passing.ask();
    assert.deepEqual([text, raw.header("set-cookie")], [`${call}`, "id=1"]);
  }
  await using stripping = await startRig({ setCookie: "strip" }, setting);
  for (const cache of [/stored/, /hit/]) {
    const answer = await stripping.ask();
    assert.deepEqual([answer.text, answer.raw.header("set-cookie")], ["1", undefined]);
    assert.match(answer.cache, cache);
  }
  await using renewed = await startRig("origin", sends("x", { "Cache-Control": "max-age=1", ETag: '"a"' }));
  await renewed.ask();
  await sleep(1100);
  renewed.behave((_request, response) => {
    response.writeHead(304, { "Cache-Control": "max-age=60", ETag: '"a"', "Set-Cookie": "id=1" });
    response.end();
  });
  for (let i = 0; i < 2; i++) assert.equal((await renewed.ask()).raw.header("set-cookie"), undefined);
});

test("C8: what is personal is kept under no path, however static it looks", async () => {
  const paths = ["/me.css", "/me;x.css", "/me%2fx.css", "/me/x.js", "/me%3Bx.png", "/me/..%2fstatic.css", "/me%0a.css"];
  const mine = sends((request) => `${request.headers.cookie}`, { "Cache-Control": "private" });
  await using rig = await startRig({ ttl: "60s" }, mine);
  for (const path of paths) {
    const victim = await rig.ask(path, "Cookie: session=victim\r\n");
    if (victim.status !== 200) continue;
    assert.equal(victim.text, "session=victim", path);
    assert.notEqual((await rig.ask(path)).text, "session=victim", path);
    assert.equal((await rig.ask(path, "Cookie: session=thief\r\n")).text, "session=thief", path);
  }
});

const SECRET = "0123456789abcdef0123456789abcdef";

async function bearer(claims: Record<string, unknown>, secret = SECRET): Promise<string> {
  const key = new TextEncoder().encode(secret);
  return `Authorization: Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(key)}\r\n`;
}

const identity = { cache: { identity: { jwt: { secret: SECRET } } } };

/** Who the origin takes the bearer for, without a look at the signature. */
function bearerOf(request: IncomingMessage): string {
  const payload = request.headers.authorization?.split(".")[1];
  if (payload === undefined) return "nobody";
  const { sub, role } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, string>;
  return `${sub ?? "?"}/${role ?? "?"}`;
}

test("C10: kept by user, no user ever has another's answer: one by one, at once, forged, with cookies, or nobody", async () => {
  await using rig = await startRig(
    { ttl: "60s", varyBy: ["user"] },
    sends((request, call) => `${bearerOf(request)}#${call}`, {}, 5),
    identity,
  );
  const users = ["ada", "bob", "eve"];
  const tokens = new Map<string, string>();
  for (const user of users) tokens.set(user, await bearer({ sub: user }));
  const forged = await bearer({ sub: "ada" }, "another secret of thirty-two chars");
  for (let wave = 0; wave < 3; wave++) {
    const asks = users.flatMap((user) => [
      { user, answer: rig.ask("/x", tokens.get(user)) },
      { user, answer: rig.ask("/x", tokens.get(user)) },
      { user, answer: rig.ask("/x", `${tokens.get(user)}Cookie: s=${user}\r\n`) },
    ]);
    const nobody = [rig.ask("/x"), rig.ask("/x", "Authorization: Basic YTpi\r\n")];
    const liar = rig.ask("/x", forged);
    for (const { user, answer } of asks) assert.match((await answer).text, new RegExp(`^${user}/`));
    for (const answer of nobody) assert.match((await answer).text, /^(nobody)/);
    assert.match((await liar).cache, /fwd=bypass/);
  }
  const calls = rig.calls();
  const kept = await Promise.all(users.map((user) => rig.ask("/x", tokens.get(user))));
  for (const [index, { text, cache }] of kept.entries()) {
    assert.match(text, new RegExp(`^${users[index]}/`));
    assert.match(cache, /hit/);
  }
  assert.equal(rig.calls(), calls);
});

test("C22: two roles never share, those of one role do, in one flight too; without a role a request passes by", async () => {
  await using rig = await startRig(
    { ttl: "60s", varyBy: ["role", { header: "x-tenant" }] },
    sends((request) => `${bearerOf(request).split("/")[1]}@${String(request.headers["x-tenant"])}`, {}, 50),
    identity,
  );
  const roles = ["reader", "editor"];
  const tenants = ["a", "b"];
  const asks = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const role = roles[index % 2]!;
      const tenant = tenants[(index >> 1) % 2]!;
      const token = await bearer({ sub: `user-${index}`, role });
      const answer = await rig.ask("/x", `${token}X-Tenant: ${tenant}\r\n`);
      return { expected: `${role}@${tenant}`, text: answer.text };
    }),
  );
  for (const { expected, text } of asks) assert.equal(text, expected);
  assert.equal(rig.calls(), 4);
  const roleless = await rig.ask("/x", `${await bearer({ sub: "x" })}X-Tenant: a\r\n`);
  assert.equal(roleless.cache, "spillway; fwd=bypass");
  const homeless = await rig.ask("/x", await bearer({ sub: "x", role: "reader" }));
  assert.equal(homeless.cache, "spillway; fwd=bypass");
});

test("what is private or sets a cookie is kept for nobody, whatever the key holds", async () => {
  for (const fields of [{ "Cache-Control": "private" }, { "Cache-Control": "no-store" }, { "Set-Cookie": "a=1" }]) {
    await using rig = await startRig(
      { ttl: "60s", varyBy: ["role"] },
      sends((_, call) => `${call}`, fields),
      identity,
    );
    const [ada, bob] = [await bearer({ sub: "ada", role: "r" }), await bearer({ sub: "bob", role: "r" })];
    assert.notEqual((await rig.ask("/x", ada)).text, (await rig.ask("/x", bob)).text);
  }
});

test("C21: another version is a cold start, and a roll-back finds its own answers again", async () => {
  await using rig = await startRig(
    "origin",
    sends((_, call) => `${call}`, MINUTE),
  );
  assert.equal((await rig.ask()).text, "1");
  assert.equal((await rig.ask()).text, "1");
  await rig.gateway.apply({ target: rig.target, route: { cache: "origin" }, cache: { version: "2" } });
  assert.equal((await rig.ask()).text, "2");
  await rig.gateway.apply({ target: rig.target, route: { cache: "origin" }, cache: { version: "1" } });
  assert.equal((await rig.ask()).text, "1");
  const half = { from: "1", to: "2", percent: 50 };
  await rig.gateway.apply({ target: rig.target, route: { cache: "origin" }, cache: { version: half } });
  const texts = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await rig.ask(`/${i}`)).text));
  assert.equal(new Set(texts).size, 20, "cold, each for itself");
  assert.ok(["1", "2"].includes((await rig.ask()).text), "warm, whichever of the two it is");
});
