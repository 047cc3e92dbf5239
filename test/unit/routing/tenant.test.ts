import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { compileTenant } from "../../../src/routing/tenant.ts";

const from = (trusted: boolean, ...headers: string[]) => ({ headers, client: { address: "192.0.2.1", trusted } });

suite("who a request counts for", () => {
  test("without sources nobody is looked for", () => {
    assert.equal(compileTenant([]), undefined);
  });

  test("a claim names it, as text or number", () => {
    const tenantOf = compileTenant([{ claim: "org" }])!;
    assert.deepEqual(tenantOf(from(false), { org: " acme " }), { id: "tenant:acme", name: "acme" });
    assert.deepEqual(tenantOf(from(false), { org: 7 }), { id: "tenant:7", name: "7" });
    for (const org of ["", "  ", null, true, {}, ["acme"], "x".repeat(257)]) {
      assert.equal(tenantOf(from(false), { org }), undefined);
    }
    assert.equal(tenantOf(from(false), undefined), undefined);
    assert.equal(compileTenant([{ claim: "constructor" }])!(from(false), {}), undefined);
  });

  test("a field names it for trusted peers only", () => {
    const tenantOf = compileTenant([{ header: "X-Tenant" }])!;
    assert.deepEqual(tenantOf(from(true, "x-tenant", "acme"), undefined), { id: "tenant:acme", name: "acme" });
    assert.equal(tenantOf(from(false, "x-tenant", "acme"), undefined), undefined);
  });

  test("an API key counts as a hash, and names nobody", () => {
    const tenantOf = compileTenant([{ apiKey: "X-API-Key" }])!;
    const one = tenantOf(from(false, "x-api-key", "hidden-key"), undefined);
    assert.match(one?.id ?? "", /^key:[\w-]{22}$/);
    assert.ok(!one!.id.includes("hidden"));
    assert.equal(one?.name, undefined);
    assert.notEqual(tenantOf(from(false, "x-api-key", "other"), undefined)?.id, one?.id);
    assert.equal(tenantOf(from(false, "x-api-key", ""), undefined), undefined);
    assert.equal(tenantOf(from(false), undefined), undefined);
  });

  test("the first source that has one says so", () => {
    const tenantOf = compileTenant([{ claim: "org" }, { header: "x-tenant" }, { apiKey: "x-key" }])!;
    const request = from(true, "x-tenant", "field", "x-key", "k");
    assert.equal(tenantOf(request, { org: "claim" })?.name, "claim");
    assert.equal(tenantOf(request, {})?.name, "field");
    assert.match(tenantOf(from(false, "x-tenant", "field", "x-key", "k"), {})!.id, /^key:/);
  });
});
