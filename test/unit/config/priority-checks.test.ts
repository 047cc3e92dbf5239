import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfig } from "../../../src/config/load.ts";

const jwt = { secret: "x".repeat(32) };
const config = (more: object) =>
  validateConfig({ routes: [{ match: { path: "/*" }, respond: { status: 200 } }], ...more }).config;

test("a claim needs tokens that are verified", () => {
  assert.throws(() => config({ priority: { claim: {} } }), /priority\.claim - no token is verified without identity/);
  assert.throws(
    () => config({ priority: { tenant: [{ header: "x-tenant" }, { claim: "org" }] } }),
    /priority\.tenant\.1\.claim - no token is verified/,
  );
  const priority = { claim: { map: { gold: "critical" } }, tenant: [{ claim: "org" }] };
  assert.equal(config({ priority, identity: { jwt } }).priority.claim?.name, "prio");
  config({ priority, cache: { identity: { jwt } } });
});

test("tokens are verified in one way", () => {
  assert.throws(() => config({ identity: { jwt }, cache: { identity: { jwt } } }), /cache\.identity - .* in one way/);
});

test("keys come from a dependency that there is", () => {
  const identity = { jwt: { jwks: { dependency: "auth" } } };
  assert.throws(() => config({ identity }), /identity\.jwt\.jwks\.dependency - there is no dependency "auth"/);
  assert.throws(
    () => config({ cache: { identity } }),
    /cache\.identity\.jwt\.jwks\.dependency - there is no dependency/,
  );
  const dependencies = { auth: { http: { targets: ["http://127.0.0.1:1"] } } };
  const { warnings } = validateConfig({
    routes: [{ match: { path: "/*" }, respond: { status: 200 } }],
    dependencies,
    identity,
  });
  assert.deepEqual(warnings, [], "it is in use");
});

test("a table of tenants needs names of tenants", () => {
  const priority = { tenants: { acme: "critical" } };
  assert.throws(() => config({ priority }), /priority\.tenants - no tenant has a name/);
  assert.throws(() => config({ priority: { ...priority, tenant: [{ apiKey: "x-key" }] } }), /no tenant has a name/);
  config({ priority: { ...priority, tenant: [{ header: "x-tenant" }] } });
});

test("secrets are long, former ones stand beside one, and a source of tenants is one of three", () => {
  assert.throws(() => config({ priority: { secret: "short" } }), /priority\.secret - at least 32 characters/);
  assert.throws(() => config({ priority: { previousSecrets: ["x".repeat(32)] } }), /there is no secret beside them/);
  assert.throws(() => config({ priority: { cohort: { salt: "short" } } }), /priority\.cohort\.salt - at least 16/);
  assert.throws(() => config({ priority: { tenant: [{ cookie: "a" }] } }), /priority\.tenant\.0/);
  assert.throws(() => config({ priority: { claim: { map: { gold: "vip" } } } }), /priority\.claim\.map\.gold/);
});
