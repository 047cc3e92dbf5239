import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { SignJWT } from "jose";
import { compileAsk, type Ask } from "../../../src/cache/asked.ts";
import { identitySettings } from "../../../src/core/identity.ts";
import { ownKey, TokenIdentities } from "../../../src/routing/identity.ts";
import { cacheOptions, routeCacheSettings } from "../../../src/cache/settings.ts";
import { compileVaryBy } from "../../../src/cache/vary-by.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { headerValue } from "../../../src/core/headers.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const verified = identitySettings.parse({ jwt: { secret: SECRET } });
const identities = new TokenIdentities(verified, ownKey(verified, undefined), new ManualClock());

function asks(settings: object, version = "1"): Ask {
  const options = cacheOptions(routeCacheSettings.parse(settings));
  return compileAsk(options, () => version, compileVaryBy(options.varyBy, identities));
}

const request = (headers: string[], more: Partial<Exchange> = {}): Exchange => ({
  ...endedExchange().exchange,
  headers,
  ...more,
});

const bearer = async (claims: Record<string, unknown>): Promise<string[]> => {
  const key = new TextEncoder().encode(SECRET);
  const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(key);
  return ["Authorization", `Bearer ${token}`];
};

suite("a request as its route's cache sees it", () => {
  test("a route without wishes takes the exchange as it is", async () => {
    const exchange = request(["Cookie", "a=1", "Authorization", "x"]);
    const asked = await asks({})(exchange);
    assert.equal(asked?.exchange, exchange);
    assert.equal(asked.open, exchange);
  });

  test("another version is another key, with the schema before it", async () => {
    const exchange = request([]);
    const key = async (version: string) => (await asks({}, version)(exchange))?.key;
    assert.notEqual(await key("1"), await key("2"));
    assert.equal(await key("1"), (await asks({})(exchange)) && (await key("1")));
    assert.match((await key("2"))!, /^2:v1\|1:2\|/);
  });

  test("the query is what the route makes of it, in the key and in what is asked for", async () => {
    const ask = asks({ query: { ignore: ["utm_*"] } });
    const one = await ask(request([], { query: "?a=1&utm_x=1", target: "/p?a=1&utm_x=1" }));
    const other = await ask(request([], { query: "?a=1", target: "/p?a=1" }));
    assert.equal(one?.key, other?.key);
    assert.deepEqual([one?.exchange.query, one?.exchange.target], ["?a=1", "/p?a=1"]);
  });

  test("irrelevant cookies are gone, the others keep a request personal", async () => {
    const ask = asks({ cookieIrrelevant: ["_ga*", "theme"] });
    const none = await ask(request(["Cookie", "_ga=1; theme=dark", "cookie", "_ga_X=2"]));
    assert.equal(headerValue(none!.exchange.headers, "cookie"), undefined);
    const some = await ask(request(["Cookie", "_ga=1; session=s; theme=dark"]));
    assert.equal(headerValue(some!.open.headers, "cookie"), "session=s");
    const all = await asks({ cookieIrrelevant: true })(request(["Cookie", "session=s"]));
    assert.equal(headerValue(all!.exchange.headers, "cookie"), undefined);
  });

  test("a value that is missing, empty or given twice shares nothing", async () => {
    const ask = asks({ varyBy: [{ header: "X-Tenant" }, { cookie: "currency" }] });
    const tenant = ["x-tenant", "a"];
    for (const headers of [
      [],
      tenant,
      ["Cookie", "currency=EUR"],
      ["X-Tenant", " ", "Cookie", "currency=EUR"],
      [...tenant, "Cookie", "currency="],
      [...tenant, "Cookie", "currency=EUR; currency=USD"],
      [...tenant, "Cookie", "Currency=EUR"],
    ]) {
      assert.equal(await ask(request(headers)), undefined, headers.join());
    }
    const asked = await ask(request([...tenant, "Cookie", "currency=EUR"]));
    assert.equal(headerValue(asked!.open.headers, "cookie"), undefined);
    assert.equal(headerValue(asked!.exchange.headers, "cookie"), "currency=EUR");
    const personal = await ask(request([...tenant, "Cookie", "currency=EUR; session=s"]));
    assert.equal(headerValue(personal!.open.headers, "cookie"), "currency=EUR; session=s");
  });

  test("who asks is in the key by what was verified, and only then is Authorization out of sight", async () => {
    const ask = asks({ varyBy: ["role"] });
    const reader = await ask(request(await bearer({ sub: "ada", role: "reader" })));
    const another = await ask(request(await bearer({ sub: "bob", role: "reader" })));
    const editor = await ask(request(await bearer({ sub: "ada", role: "editor" })));
    assert.equal(reader?.key, another?.key);
    assert.notEqual(reader?.key, editor?.key);
    assert.equal(headerValue(reader!.open.headers, "authorization"), undefined);
    assert.ok(headerValue(reader!.exchange.headers, "authorization"));
    assert.equal(await ask(request(await bearer({ sub: "ada" }))), undefined);
    assert.equal(await ask(request(["Authorization", "Bearer forged"])), undefined);
    assert.equal(await ask(request([])), undefined);
    const cookie = await ask(request([...(await bearer({ role: "reader" })), "Cookie", "s=1"]));
    assert.equal(headerValue(cookie!.open.headers, "cookie"), "s=1");
    const tenants = await asks({ varyBy: [{ header: "x-tenant" }] })(request(["x-tenant", "a", "Authorization", "b"]));
    assert.equal(headerValue(tenants!.open.headers, "authorization"), "b");
  });

  test("claims of other types are other values", async () => {
    const ask = asks({ varyBy: [{ claim: "plan" }] });
    const key = async (plan: unknown) => (await ask(request(await bearer({ plan }))))?.key;
    const keys = await Promise.all([1, "1", true, "true", ["a"], "a"].map(key));
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(await key(null), undefined);
  });

  test("no two values share a key, wherever one ends and the next begins", async () => {
    const ask = asks({ varyBy: [{ header: "x-a" }, { header: "x-b" }] });
    const value = fc.stringMatching(/^[a-z0-9:|]{1,8}$/);
    const pair = fc.tuple(value, value);
    await fc.assert(
      fc.asyncProperty(pair, pair, async (one, other) => {
        const key = async ([a, b]: [string, string]) => (await ask(request(["X-A", a, "X-B", b])))?.key;
        assert.equal((await key(one)) === (await key(other)), one[0] === other[0] && one[1] === other[1]);
      }),
    );
  });

  test("a trusted proxy's word on scheme and host is in the key", async () => {
    const ask = asks({});
    const key = async (headers: string[], trusted: boolean) =>
      (await ask(request(headers, { client: { address: "192.0.2.7", trusted } })))?.key;
    const plain = ["x-forwarded-proto", "http", "x-forwarded-host", "shop.example:8080"];
    const other = ["x-forwarded-proto", "https", "x-forwarded-host", "evil.example"];
    assert.equal(await key(plain, true), await key(plain, false));
    assert.notEqual(await key(other, true), await key(plain, true));
  });
});
