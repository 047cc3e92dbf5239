import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import { SignJWT } from "jose";
import { Identities } from "../../../src/cache/identity.ts";
import { identitySettings } from "../../../src/cache/key-settings.ts";
import { steadyTime } from "../../../src/cache/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";
const START = Date.UTC(2026, 0, 1) / 1000;

const sign = (claims: Record<string, unknown>, secret = SECRET, alg = "HS256"): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));

function setUp(jwt: object = { secret: SECRET }, publicKey?: string) {
  const clock = new ManualClock();
  const identities = new Identities(identitySettings.parse({ jwt })!, publicKey, steadyTime(clock));
  return { clock, claims: (token: string) => identities.claimsOf(["Authorization", `Bearer ${token}`]), identities };
}

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
