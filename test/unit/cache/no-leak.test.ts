import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SignJWT } from "jose";
import { identitySettings } from "../../../src/core/identity.ts";
import { ownKey, TokenIdentities } from "../../../src/routing/identity.ts";
import { cachePartsOf } from "../../../src/cache/route.ts";
import { cacheSettings, routeCacheSettings } from "../../../src/cache/settings.ts";
import { createCacheStage } from "../../../src/cache/stage.ts";
import { createStore } from "../../../src/cache/store.ts";
import { wholeBody } from "../../../src/core/body.ts";
import { createEventBus } from "../../../src/core/events.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { headerValue } from "../../../src/core/headers.ts";
import type { Outcome } from "../../../src/core/outcome.ts";
import { endedExchange } from "../../support/ended-exchange.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

/** Who asks, as the test knows it and as the fields say it. */
interface Client {
  readonly user: string | undefined;
  readonly role: string | undefined;
  readonly verified: boolean;
  readonly cookies: readonly string[];
  readonly headers: string[];
}

async function clients(): Promise<readonly Client[]> {
  const token = (claims: Record<string, string>, secret = SECRET): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
  const bearers = [
    { user: undefined, role: undefined, verified: false, value: undefined },
    { user: "ada", role: "reader", verified: true, value: await token({ sub: "ada", role: "reader" }) },
    { user: "bob", role: "reader", verified: true, value: await token({ sub: "bob", role: "reader" }) },
    { user: "eve", role: "editor", verified: true, value: await token({ sub: "eve", role: "editor" }) },
    {
      user: "forger",
      role: "reader",
      verified: false,
      value: await token({ sub: "ada", role: "reader" }, `${SECRET}x`),
    },
  ];
  const jars = [[], ["currency=EUR"], ["currency=USD"], ["session=1"], ["currency=EUR", "session=2"]];
  return bearers.flatMap(({ value, ...who }) =>
    jars.map((cookies) => ({
      ...who,
      cookies,
      headers: [
        ...(value === undefined ? [] : ["Authorization", `Bearer ${value}`]),
        ...(cookies.length === 0 ? [] : ["Cookie", cookies.join("; ")]),
      ],
    })),
  );
}

/** An origin that answers with who it took the client for: the worst one there is. */
const mirror =
  (everyone: readonly Client[], control: string) =>
  async (exchange: Exchange): Promise<Outcome> => {
    await nextTurn();
    const authorization = headerValue(exchange.headers, "authorization");
    const seen = everyone.find(({ headers }) => headerValue(headers, "authorization") === authorization);
    const answer = { user: seen?.user, role: seen?.role, cookies: headerValue(exchange.headers, "cookie") };
    return {
      kind: "served",
      status: 200,
      headers: control === "" ? [] : ["Cache-Control", control],
      body: wholeBody(Buffer.from(JSON.stringify(answer))),
      by: "dependency",
    };
  };

const ROUTES: readonly { readonly settings: object; readonly byRole?: boolean }[] = [
  { settings: { ttl: "60s" } },
  { settings: { ttl: "60s", varyBy: ["user"] } },
  { settings: { ttl: "60s", varyBy: ["role"] }, byRole: true },
  { settings: { ttl: "60s", varyBy: [{ cookie: "currency" }] } },
  { settings: { ttl: "60s", varyBy: ["user", { cookie: "currency" }], cookieIrrelevant: ["session"] } },
  { settings: { ttl: "60s", varyBy: ["role", { cookie: "currency" }] }, byRole: true },
  { settings: { ttl: "60s", cookieIrrelevant: true } },
  { settings: { ttl: "60s", varyBy: [{ header: "x-tenant" }] } },
];

suite("C10: whoever asks beside or after whom, nobody gets what was made for another", () => {
  for (const { settings, byRole = false } of ROUTES) {
    for (const control of ["", "public, max-age=60", "s-maxage=60", "private, max-age=60"]) {
      test(`${JSON.stringify(settings)} and an origin that says "${control}"`, async () => {
        const clock = new ManualClock();
        const bus = createEventBus("no leak");
        const store = createStore(cacheSettings.parse({}), { clock, random: () => 0.5, bus });
        const jwt = identitySettings.parse({ jwt: { secret: SECRET } });
        const identities = new TokenIdentities(jwt, ownKey(jwt, undefined), clock);
        const everyone = await clients();
        const route = { settings: routeCacheSettings.parse(settings), name: "all", dependency: undefined };
        const parts = cachePartsOf({ ...route, store, clock, identities })!;
        const handler = createCacheStage(parts)(mirror(everyone, control));
        const check = async (client: Client, path: string): Promise<void> => {
          const headers = ["X-Tenant", "one", ...client.headers];
          const outcome = await handler({ ...endedExchange().exchange, headers, path, target: path, query: "" });
          assert.ok(outcome.kind === "served");
          const text = Buffer.concat(outcome.body.takeWhole() ?? []).toString();
          const answer = JSON.parse(text) as { user?: string; role?: string; cookies?: string };
          const where = `${JSON.stringify({ ...client, headers: undefined })} got ${text}`;
          const ownRole = byRole && client.verified && answer.role === client.role && answer.user !== "forger";
          assert.ok(answer.user === undefined || answer.user === client.user || ownRole, where);
          for (const cookie of answer.cookies?.split("; ") ?? []) assert.ok(client.cookies.includes(cookie), where);
        };
        for (const [i, one] of everyone.entries()) {
          for (const [j, other] of everyone.entries()) {
            const path = `/${i}/${j}`;
            await Promise.all([check(one, path), check(other, path)]);
            await check(one, path);
            await check(other, path);
          }
        }
        await store.close();
      });
    }
  }
});
