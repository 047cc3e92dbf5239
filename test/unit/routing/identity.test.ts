import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { SignJWT } from "jose";
import { readKeySet } from "../../../src/core/key-set.ts";
import { identitySettings } from "../../../src/core/identity.ts";
import { ownKey, TokenIdentities } from "../../../src/routing/identity.ts";
import { fixedKeys, RemoteKeys } from "../../../src/routing/key-set.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/wait.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";
const START = Date.UTC(2026, 0, 1) / 1000;

const sign = (claims: Record<string, unknown>, secret = SECRET, alg = "HS256"): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));

function setUp(jwt: object = { secret: SECRET }, publicKey?: string) {
  const clock = new ManualClock();
  const settings = identitySettings.parse({ jwt });
  const identities = new TokenIdentities(settings, ownKey(settings, publicKey), clock);
  return { clock, claims: (token: string) => identities.claimsOf(["Authorization", `Bearer ${token}`]), identities };
}

/** Whether an answer needs no promise. */
const isHere = (value: unknown): boolean => !(value instanceof Promise);

suite("who asks", () => {
  test("a token is verified once, and answered at once until it expires", async () => {
    const { clock, claims } = setUp();
    const token = await sign({ sub: "ada", exp: START + 60 });
    const first = claims(token);
    assert.ok(first instanceof Promise);
    assert.equal((await first)?.["sub"], "ada");
    const second = claims(token);
    assert.ok(second && !(second instanceof Promise));
    clock.advance(60_000);
    assert.equal(await claims(token), undefined);
  });

  test("what cannot be verified is nobody", async () => {
    const { claims, identities } = setUp({ secret: SECRET, issuer: "us", audience: "shop" });
    const good = { sub: "ada", iss: "us", aud: "shop" };
    assert.equal((await claims(await sign(good)))?.["sub"], "ada");
    const bad = [
      await sign(good, OTHER),
      await sign({ ...good, iss: "them" }),
      await sign({ ...good, aud: "other" }),
      await sign({ ...good, exp: START - 1 }),
      await sign({ ...good, nbf: START + 60 }),
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(good)).toString("base64url")}.`,
      "not.a.token",
      "x",
    ];
    for (const token of bad) assert.equal(await claims(token), undefined, token);
    const token = await sign(good);
    const twice = ["Authorization", `Bearer ${token}`, "authorization", `Bearer ${token}`];
    assert.equal(await identities.claimsOf(twice), undefined);
    assert.equal(await identities.claimsOf(["Authorization", `Basic ${token}`]), undefined);
    assert.equal(await identities.claimsOf([]), undefined);
  });

  test("a public key takes no token that is signed with the key as a secret", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = publicKey.export({ type: "spki", format: "pem" });
    const { claims } = setUp({ publicKey: "key.pem" }, pem);
    const signed = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
    assert.equal((await claims(signed))?.["sub"], "ada");
    assert.equal(await claims(await sign({ sub: "eve" }, pem)), undefined);
  });

  test("either a secret or a key, and a secret that is one", () => {
    for (const jwt of [{}, { secret: SECRET, publicKey: "k.pem" }]) {
      assert.throws(() => identitySettings.parse({ jwt }), /either a secret or a publicKey/);
    }
    assert.throws(() => identitySettings.parse({ jwt: { secret: "short" } }), /32 characters/);
  });
});

suite("tokens that are no good", () => {
  test("what can be seen without a key costs no signature and no promise", async () => {
    const { claims } = setUp();
    const [head, body, signature] = (await sign({ sub: "ada", exp: START + 60 })).split(".");
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const late = await sign({ sub: "ada", exp: START - 1 });
    const bad = [
      late,
      await sign({ sub: "ada", exp: "soon" }),
      `${part({ alg: "none" })}.${body}.${signature}`,
      `${part({ alg: "RS256" })}.${body}.${signature}`,
      `${part(["HS256"])}.${body}.${signature}`,
      `${part(null)}.${body}.${signature}`,
      `${head}.${part(7)}`,
      `${head}.${body}.`,
      `${head}..${signature}`,
      `${head}.${body}.${signature}.${signature}`,
      "not-json.not-json.x",
      "....",
      "x",
      `${head}.${"A".repeat(9000)}.${signature}`,
    ];
    for (const token of bad) {
      const said = claims(token);
      assert.ok(isHere(said) && said === undefined, token.slice(0, 60));
    }
  });

  test("a refused one is not looked at again for five seconds", async () => {
    const { clock, claims } = setUp();
    const early = await sign({ sub: "ada", nbf: START + 3 });
    assert.equal(await claims(early), undefined);
    clock.advance(4999);
    assert.ok(isHere(claims(early)));
    clock.advance(1);
    assert.equal((await claims(early))?.["sub"], "ada");
  });

  test("one that comes often while it is looked at is looked at once", async () => {
    const { claims } = setUp();
    const token = await sign({ sub: "ada" });
    const first = claims(token);
    assert.equal(claims(token), first);
    assert.equal((await first)?.["sub"], "ada");
  });

  test("of many different ones at once 32 are looked at; the others are nobody's, at once, until they come again", async () => {
    const { claims } = setUp();
    const forged = await Promise.all(Array.from({ length: 100 }, (_, i) => sign({ sub: `u${i}` }, OTHER)));
    const good = await sign({ sub: "ada" });
    const said = forged.map((token) => claims(token));
    assert.equal(said.filter((value) => !isHere(value)).length, 32);
    assert.equal(claims(good), undefined);
    await Promise.all(said.map(async (value) => value));
    assert.equal((await claims(good))?.["sub"], "ada");
  });

  test("ten thousand and more drive out none that was verified", { timeout: 60_000 }, async () => {
    const { claims } = setUp();
    const good = await sign({ sub: "ada" });
    await claims(good);
    const expired = (await sign({ exp: START - 1 })).split(".");
    for (let i = 0; i < 12_000; i++) void claims(`${expired[0]}.${expired[1]}.${i}`);
    assert.ok(isHere(claims(good)) && claims(good) !== undefined);
  });

  test("whatever stands in Authorization, nothing throws", async () => {
    const { identities } = setUp();
    const token = await sign({ sub: "ada" });
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .tuple(fc.nat(token.length), fc.string())
        .map(([at, x]) => `Bearer ${token.slice(0, at)}${x}${token.slice(at)}`),
      fc.stringMatching(/^[Bb]earer [\w.-]{0,40}$/),
    );
    await fc.assert(
      fc.asyncProperty(text, async (line) => {
        const said = await identities.claimsOf(["authorization", line]);
        assert.ok(said === undefined || said["sub"] === "ada");
      }),
    );
  });

  test("fewer algorithms than there are may be named, and only those that fit", async () => {
    const { claims } = setUp({ secret: SECRET, algorithms: ["HS512"] });
    assert.equal(await claims(await sign({ sub: "ada" })), undefined);
    assert.equal((await claims(await sign({ sub: "ada" }, SECRET, "HS512")))?.["sub"], "ada");
    assert.throws(() => identitySettings.parse({ jwt: { secret: SECRET, algorithms: ["RS256"] } }), /are for a secret/);
    assert.throws(() => identitySettings.parse({ jwt: { publicKey: "k.pem", algorithms: ["HS256"] } }), /for keys/);
    assert.throws(() => identitySettings.parse({ jwt: { secret: SECRET, algorithms: ["none"] } }), /Invalid option/);
  });
});

suite("tokens that name one of several keys", () => {
  const pair = (kid: string) => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" } };
  };
  const signBy = ({ kid, privateKey }: { kid: string | undefined; privateKey: KeyObject }, sub = "ada") =>
    new SignJWT({ sub }).setProtectedHeader({ alg: "ES256", ...(kid === undefined ? {} : { kid }) }).sign(privateKey);
  const one = pair("one");
  const two = pair("two");

  test("a file's keys: the named one counts, an unknown one and another's signature do not", async () => {
    const settings = identitySettings.parse({ jwt: { jwks: { file: "keys.json" } } });
    const sets = fixedKeys(JSON.stringify({ keys: [one.jwk] }));
    const identities = new TokenIdentities(settings, { kind: "set", sets }, new ManualClock());
    const said = async (token: string) => (await identities.claimsOf(["authorization", `Bearer ${token}`]))?.["sub"];
    assert.equal(await said(await signBy(one)), "ada");
    assert.equal(await said(await signBy({ ...one, kid: undefined }, "eve")), "eve");
    assert.equal(await said(await signBy(two)), undefined);
    assert.equal(await said(await signBy({ ...two, kid: "one" })), undefined);
    assert.equal(await said(await sign({ sub: "eve" }, JSON.stringify(one.jwk))), undefined);
  });

  /** Keys of a dependency that answers as told. */
  function remote(first: () => Promise<string>) {
    const clock = new ManualClock();
    const state = { load: first, loads: 0, failures: [] as string[] };
    const sets = new RemoteKeys({
      clock,
      refresh: 600_000,
      load: () => {
        state.loads++;
        return state.load();
      },
      failed: (error) => void state.failures.push(error.message),
    });
    const settings = identitySettings.parse({ jwt: { jwks: { dependency: "auth" } } });
    const identities = new TokenIdentities(settings, { kind: "set", sets }, clock);
    const ask = (token: string) => identities.claimsOf(["authorization", `Bearer ${token}`]);
    return { clock, state, ask, said: async (token: string) => (await ask(token))?.["sub"] };
  }
  const text = (...pairs: { jwk: object }[]) => JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) });

  test("a dependency's keys are loaded once, for the first token, and renewed beside the requests", async () => {
    const { clock, state, said, ask } = remote(async () => text(one));
    assert.equal(state.loads, 0);
    assert.deepEqual(await Promise.all([said(await signBy(one)), said(await signBy(one, "bob"))]), ["ada", "bob"]);
    assert.equal(state.loads, 1);
    clock.advance(600_000);
    const renewing = Promise.withResolvers<string>();
    state.load = () => renewing.promise;
    assert.equal(await said(await signBy(one, "cy")), "cy", "nobody waits for what is renewed");
    assert.equal(state.loads, 2);
    renewing.resolve(text(two));
    await until(async () => (await said(await signBy(two, `d${Math.random()}`))) !== undefined, { what: "new keys" });
    assert.equal(await said(await signBy(one, "ed")), undefined);
    assert.ok(ask);
  });

  test("an unknown key is looked for at once, yet no more than twice a minute", async () => {
    const { clock, state, said } = remote(async () => text(one));
    await said(await signBy(one));
    state.load = async () => text(one, two);
    assert.equal(await said(await signBy(two, "early")), undefined);
    assert.equal(state.loads, 1, "the keys are fresh");
    clock.advance(30_000);
    assert.equal(await said(await signBy(two, "a")), undefined);
    await until(async () => (await said(await signBy(two, `b${Math.random()}`))) !== undefined, {
      what: "the new key",
    });
    assert.equal(state.loads, 2);
    for (let i = 0; i < 20; i++) await said(await signBy({ ...two, kid: `k${i}` }));
    assert.equal(state.loads, 2);
  });

  test("down, garbage, huge: nobody is known, nobody waits but the first, and it is tried again with pauses", async () => {
    const faults: (() => Promise<string>)[] = [
      () => Promise.reject(new Error("connection refused")),
      async () => "<html>",
      async () => "{}",
      async () => '{"keys":[]}',
      async () => '{"keys":"all"}',
      async () => "null",
      async () => '{"keys":[{"kty":"oct","k":"AAAA"}]}',
      async () => `{"keys":[${"{},".repeat(200)}{}]}`,
      async () => " ".repeat(300 * 1024),
    ];
    const { clock, state, said, ask } = remote(faults[0]!);
    for (const [i, fault] of faults.entries()) {
      state.load = fault;
      const token = await signBy(one, `u${i}`);
      if (i > 0) assert.equal(await Promise.race([Promise.resolve(ask(token)), Promise.resolve()]), undefined);
      assert.equal(await said(token), undefined);
      await until(() => state.failures.length === i + 1, { what: `failure ${i}` });
      const { loads } = state;
      await said(await signBy(one, `v${i}`));
      assert.equal(state.loads, loads, "tried again too soon");
      clock.advance(60_000);
    }
    assert.match(state.failures.join("; "), /refused; it is not JSON; .*no list of "keys"; .*no public key/);
    state.load = async () => text(one);
    await until(async () => (await said(await signBy(one, `w${Math.random()}`))) !== undefined, { what: "the keys" });
  });

  test("keys that cannot be renewed are used for a day", async () => {
    const { clock, state, said } = remote(async () => text(one));
    await said(await signBy(one));
    state.load = () => Promise.reject(new Error("down"));
    clock.advance(86_399_000);
    assert.equal(await said(await signBy(one, "b")), "b");
    clock.advance(1000);
    assert.equal(await said(await signBy(one, "c")), undefined);
  });

  test("a set with secrets or private keys gives none of them away to verification", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const priv = privateKey.export({ format: "jwk" });
    assert.throws(() => readKeySet(JSON.stringify({ keys: [priv, { kty: "oct", k: "AAAA" }] })), /no public key/);
    assert.equal(readKeySet(text(one)).keys.length, 1);
  });
});
