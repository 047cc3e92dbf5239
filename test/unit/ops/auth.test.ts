import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { UsageError } from "../../../src/core/errors.ts";
import { createPolicy, judge, type Access, type Credentials, type Judgement } from "../../../src/ops/auth.ts";
import { opsSettings, type OpsRole } from "../../../src/ops/settings.ts";

const roles: readonly OpsRole[] = ["read", "operate", "admin"];
const tokenOf = (role: OpsRole): string => `${role}-`.padEnd(40, "0123456789");
const tokens = roles.map((role) => ({ name: `the-${role}`, role, token: tokenOf(role) }));

const withTokens = createPolicy(opsSettings.parse({ tokens }));
const withoutTokens = createPolicy(opsSettings.parse({}));
const beyond = createPolicy(opsSettings.parse({ host: "0.0.0.0", tokens, hosts: ["ops.example.org", "lb:80"] }));

const asked = (facts: Partial<Credentials> = {}): Credentials => ({
  host: "127.0.0.1:9901",
  authorization: undefined,
  origin: undefined,
  secFetchSite: undefined,
  peer: "127.0.0.1",
  local: { address: "127.0.0.1", port: 9901 },
  ...facts,
});
const bearer = (token: string): Partial<Credentials> => ({ authorization: `Bearer ${token}` });
const told = (judgement: Judgement): string =>
  judgement.kind === "admitted" ? `admitted ${judgement.actor?.name ?? "-"}` : judgement.reason;

test("a role allows itself and less, never more", () => {
  for (const [has, role] of roles.entries()) {
    for (const [needs, access] of roles.entries()) {
      const found = told(judge(asked(bearer(tokenOf(role))), access, withTokens));
      assert.equal(found, has >= needs ? `admitted the-${role}` : "role");
    }
  }
});

test("only the exact token is a token", () => {
  const good = tokenOf("admin");
  for (const token of ["", good.slice(1), `${good}0`, good.toUpperCase(), good.replace("0", "1"), `${good} ${good}`]) {
    assert.equal(told(judge(asked(bearer(token)), "read", withTokens)), "wrong-token", token);
  }
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(told(judge(asked({ authorization: text }), "read", withTokens)), "wrong-token");
      assert.equal(told(judge(asked(bearer(text)), "read", withTokens)), "wrong-token");
    }),
  );
});

test("other schemes are no tokens", () => {
  for (const authorization of [tokenOf("admin"), `Basic ${tokenOf("admin")}`, `Bearer\t${tokenOf("admin")}`]) {
    assert.equal(told(judge(asked({ authorization }), "read", withTokens)), "wrong-token");
  }
  assert.equal(
    told(judge(asked({ authorization: `bearer ${tokenOf("read")}` }), "read", withTokens)),
    "admitted the-read",
  );
});

test("without tokens this machine is admin and nobody else is anything", () => {
  for (const peer of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(told(judge(asked({ peer }), "admin", withoutTokens)), "admitted loopback", peer);
  }
  for (const peer of ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "", "128.0.0.1"]) {
    assert.equal(told(judge(asked({ peer }), "read", withoutTokens)), "not-loopback", peer);
  }
});

test("with tokens loopback is no credential", () => {
  assert.equal(told(judge(asked(), "read", withTokens)), "no-credentials");
});

const foreignHosts = [
  undefined,
  "",
  "evil.example",
  "evil.example:9901",
  "127.0.0.1",
  "127.0.0.1:9902",
  "localhost:80",
  "127.0.0.1.evil.example:9901",
  "localhost.evil.example:9901",
  "127.0.0.1:9901, evil.example",
  "10.0.0.9:9901",
];

test("a name that is not ours is refused on loopback, whatever the call and the credentials", () => {
  for (const host of foreignHosts) {
    for (const access of ["open", "read", "admin"] as const satisfies readonly Access[]) {
      assert.equal(told(judge(asked({ host }), access, withoutTokens)), "host", String(host));
      assert.equal(told(judge(asked({ host, ...bearer(tokenOf("admin")) }), access, withTokens)), "host", String(host));
    }
  }
  for (const host of ["127.0.0.1:9901", "[::1]:9901", "localhost:9901", "LOCALHOST:9901"]) {
    assert.equal(told(judge(asked({ host }), "admin", withoutTokens)), "admitted loopback", host);
  }
});

test("beyond loopback its own address and ops.hosts are names too, and probes come by any name", () => {
  const local = { address: "10.0.0.9", port: 9901 };
  const ask = (host: string, access: Access): string =>
    told(judge(asked({ host, local, peer: "10.0.0.1", ...bearer(tokenOf("admin")) }), access, beyond));
  for (const host of ["10.0.0.9:9901", "ops.example.org:9901", "lb:80", "localhost:9901"]) {
    assert.equal(ask(host, "admin"), "admitted the-admin", host);
  }
  for (const host of ["10.0.0.8:9901", "ops.example.org:80", "lb:9901", "evil.example:9901"]) {
    assert.equal(ask(host, "read"), "host", host);
    assert.equal(ask(host, "open"), "admitted the-admin", host);
  }
});

test("web pages of other origins are refused, our own and programs are not", () => {
  const refused: Partial<Credentials>[] = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "https://127.0.0.1:9901" },
    { origin: "http://127.0.0.1:9902" },
    { origin: "" },
    { secFetchSite: "cross-site" },
    { secFetchSite: "same-site" },
    { secFetchSite: "" },
  ];
  for (const policy of [withoutTokens, withTokens, beyond]) {
    for (const facts of refused) {
      const found = told(judge(asked({ ...facts, ...bearer(tokenOf("admin")) }), "admin", policy));
      assert.equal(found, "cross-site", JSON.stringify(facts));
      assert.equal(told(judge(asked(facts), "open", policy)), "cross-site");
    }
  }
  for (const facts of [
    { origin: "http://127.0.0.1:9901" },
    { secFetchSite: "same-origin" },
    { secFetchSite: "none" },
  ]) {
    assert.equal(told(judge(asked(facts), "admin", withoutTokens)), "admitted loopback");
  }
});

test("settings that would let in too many are refused with what to do", () => {
  const parsed = opsSettings.parse({ tokens });
  assert.throws(() => createPolicy({ ...parsed, host: "0.0.0.0", tokens: [] }), UsageError);
  assert.throws(
    () => createPolicy({ ...parsed, host: "::", tokens: [] }),
    /ops\.tokens is empty.*openssl rand -hex 32/,
  );
  assert.throws(() => createPolicy({ ...parsed, host: "127.0.0.1.evil.example", tokens: [] }), UsageError);
  const weak = { name: "weak", role: "read" as const, token: "x".repeat(31) };
  assert.throws(
    () => createPolicy({ ...parsed, tokens: [weak] }),
    (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message.includes("x".repeat(31)), false, "the token itself is not told");
      return true;
    },
  );
  assert.throws(() => createPolicy({ ...parsed, tokens: [...tokens, { ...tokens[0]!, role: "admin" }] }), /twice/);
});
