import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { suite, test } from "node:test";
import type { Standing } from "../../../src/core/exchange.ts";
import type { Claims, Identities } from "../../../src/core/identity.ts";
import type { Soon } from "../../../src/core/soon.ts";
import { createClassifier } from "../../../src/routing/classify.ts";
import { prioritySettings } from "../../../src/routing/priority-settings.ts";
import type { RouteSettings } from "../../../src/routing/settings.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const clock = new ManualClock();

interface Asking {
  readonly headers?: string[];
  readonly urgency?: string[];
  readonly method?: string;
  readonly trusted?: boolean;
}

/** Tokens are what `claims` says of them. */
function setUp(settings: object, claims: () => Soon<Claims | undefined> = () => undefined) {
  const asked = { times: 0 };
  const identities: Identities = {
    userClaim: "sub",
    roleClaim: "role",
    claimsOf() {
      asked.times++;
      return claims();
    },
  };
  const standOf = createClassifier({ settings: prioritySettings.parse(settings), identities, clock });
  const stand = (
    route: { priority?: RouteSettings["priority"]; trust?: boolean },
    asking: Asking = {},
  ): Soon<Standing> =>
    standOf(route.priority, route.trust)(
      {
        method: asking.method ?? "GET",
        target: "/x?y=1",
        headers: asking.headers ?? [],
        client: { address: "192.0.2.1", trusted: asking.trusted ?? false },
      },
      asking.urgency,
    );
  return { stand, asked };
}

function signed(cls: string, secret = SECRET): string[] {
  const expires = String(clock.wall() / 1000 + 60);
  const text = ["spillway-class", cls, expires, "GET", "/x?y=1"].join("\n");
  const signature = createHmac("sha256", secret).update(text).digest("base64url");
  return ["spillway-class", `${cls};exp=${expires};sig=${signature}`];
}

const here = (standing: Soon<Standing>): Standing => {
  assert.ok(!(standing instanceof Promise), "it took a promise");
  return standing;
};

suite("where a class comes from", () => {
  test("without settings from the route, at once and without a token being looked at", () => {
    const { stand, asked } = setUp({});
    assert.deepEqual(here(stand({})), { class: "default", tenant: undefined });
    assert.equal(here(stand({ priority: "critical" })).class, "critical");
    assert.equal(here(stand({}, { urgency: signed("critical") })).class, "default");
    assert.equal(asked.times, 0);
    assert.equal(here(stand({})), here(stand({})), "one object for all of a class");
  });

  test("the first source that has one counts: signature, claim, tenant, route, method", () => {
    const settings = {
      secret: SECRET,
      claim: { map: { gold: "critical", free: "sheddable" } },
      tenant: [{ claim: "org" }],
      tenants: { acme: "bulk" },
      methods: { GET: "sheddable" },
    };
    const claims: { now: Claims | undefined } = { now: { prio: "gold", org: "acme" } };
    const { stand } = setUp(settings, () => claims.now);
    const route = { priority: "default" as const };
    assert.equal(here(stand(route, { urgency: signed("system") })).class, "system");
    assert.deepEqual(here(stand(route, { urgency: signed("system", "x".repeat(32)) })).class, "critical");
    assert.deepEqual(here(stand(route)), { class: "critical", tenant: "tenant:acme" });
    claims.now = { prio: "silver", org: "acme" };
    assert.equal(here(stand(route)).class, "bulk");
    claims.now = { org: "other" };
    assert.deepEqual(here(stand(route)), { class: "default", tenant: "tenant:other" });
    claims.now = undefined;
    assert.deepEqual(here(stand({})), { class: "sheddable", tenant: undefined });
    assert.equal(here(stand({}, { method: "PUT" })).class, "default");
  });

  test("a claim without a map is a class, and nothing else is", () => {
    const claims: { now: Claims } = { now: {} };
    const { stand } = setUp({ claim: { name: "prio" } }, () => claims.now);
    for (const [value, cls] of [
      ["bulk", "bulk"],
      ["critical", "critical"],
      ["system", "default"],
      ["gold", "default"],
      [["bulk"], "default"],
      [4, "default"],
      [null, "default"],
    ] as const) {
      claims.now = { prio: value };
      assert.equal(here(stand({})).class, cls, String(value));
    }
    const { stand: operator } = setUp({ claim: { map: { root: "system" } } }, () => ({ prio: "root" }));
    assert.equal(here(operator({})).class, "system");
    const { stand: mapped } = setUp({ claim: { name: "toString", map: {} } }, () => ({}));
    assert.equal(here(mapped({})).class, "default");
  });

  test("a signed class that comes twice says nothing", () => {
    const { stand } = setUp({ secret: SECRET });
    assert.equal(here(stand({}, { urgency: [...signed("critical"), ...signed("critical")] })).class, "default");
    assert.equal(here(stand({}, { urgency: ["priority", "spillway-class", ...signed("critical")] })).class, "default");
  });

  test("Priority lowers for all, raises for trusted peers or where the route trusts all, and never where it trusts none", () => {
    const { stand } = setUp({});
    const after = (priority: string, trusted: boolean, trust?: boolean) =>
      here(
        stand(
          { priority: "default", ...(trust === undefined ? {} : { trust }) },
          { urgency: ["priority", priority], trusted },
        ),
      ).class;
    assert.deepEqual([after("u=0", false), after("u=7", false)], ["default", "bulk"]);
    assert.deepEqual([after("u=0", true), after("u=7", true)], ["critical", "bulk"]);
    assert.deepEqual([after("u=0", false, true), after("u=0", true, false)], ["critical", "default"]);
    const none = setUp({ trustPriority: false });
    const asking = { urgency: ["priority", "u=0"], trusted: true };
    assert.equal(here(none.stand({}, asking)).class, "default");
    assert.equal(here(none.stand({ trust: true }, asking)).class, "critical");
  });

  test("a repetition lowers what the sources say", () => {
    const { stand } = setUp({ claim: {} }, () => ({ prio: "sheddable" }));
    assert.equal(here(stand({}, { urgency: ["x-retry-attempt", "2"] })).class, "bulk");
  });
});

suite("a token that was not seen before", () => {
  test("is waited for where it may decide", async () => {
    const { promise, resolve } = Promise.withResolvers<Claims | undefined>();
    const { stand } = setUp({ claim: {}, tenant: [{ claim: "org" }] }, () => promise);
    const standing = stand({});
    assert.ok(standing instanceof Promise);
    resolve({ prio: "critical", org: "acme" });
    assert.deepEqual(await standing, { class: "critical", tenant: "tenant:acme" });
  });

  test("delays nobody who is system or critical without it", () => {
    const never = new Promise<undefined>(() => {});
    const { stand, asked } = setUp({ secret: SECRET, claim: {} }, () => never);
    assert.equal(here(stand({ priority: "critical" })).class, "critical");
    assert.equal(here(stand({ priority: "system" })).class, "system");
    assert.equal(here(stand({}, { urgency: signed("critical") })).class, "critical");
    assert.equal(asked.times, 3, "it is looked at beside, for the next time");
    assert.ok(stand({}, { urgency: signed("bulk") }) instanceof Promise);
  });
});
