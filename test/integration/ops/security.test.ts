import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventBus } from "../../../src/core/events.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { opsCalls } from "../../../src/ops/app.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { allTokens, bearer, bodyFor, roles, startOps, tokenOf, type Ask } from "./ops-rig.ts";

const protectedCalls = opsCalls({ control: undefined as never, clock: undefined as never, version: "1" }).filter(
  ({ access }) => access !== "open" && access !== "signed",
);

test("no call succeeds without the role it asks for", async (t) => {
  const { ask, audited } = await startOps(t, { tokens: allTokens });
  for (const { method, path, access } of protectedCalls) {
    const body = bodyFor(path, method);
    const json = body === undefined ? {} : { "Content-Type": "application/json" };
    assert.equal((await ask({ method, path })).status, 401, path);
    for (const [has, role] of roles.entries()) {
      const allowed = has >= roles.indexOf(access as (typeof roles)[number]);
      const { status } = await ask({
        method,
        path,
        headers: { ...bearer(role), ...json },
        ...(body !== undefined && { body }),
      });
      assert.equal(status < 300, allowed, `${method} ${path} as ${role}: ${status}`);
      if (!allowed) assert.equal(status, 403);
    }
  }
  const away = audited.filter(({ outcome }) => outcome === "turned-away");
  assert.ok(away.some(({ reason, actor }) => reason === "role" && actor === "the-read"));
  assert.ok(away.some(({ reason, actor }) => reason === "no-credentials" && actor === "-"));
});

test("a token in the query, a cookie or another field is no token", async (t) => {
  const { ask, state } = await startOps(t, { tokens: allTokens });
  const token = tokenOf("admin");
  const tries: Ask[] = [
    { path: `/ops/drain?token=${token}` },
    { path: `/ops/drain?access_token=${token}` },
    { path: `/ops/drain?authorization=Bearer%20${token}` },
    { headers: { Cookie: `token=${token}; authorization=Bearer ${token}` } },
    { headers: { "X-Api-Key": token } },
    { headers: { "Proxy-Authorization": `Bearer ${token}` } },
    { headers: { Authorization: `Basic ${Buffer.from(`oncall:${token}`).toString("base64")}` } },
    { headers: { Authorization: [`Bearer ${token}`, `Bearer ${token}`] } },
    { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) },
  ];
  for (const what of tries) {
    const { status } = await ask({ method: "POST", path: "/ops/drain", ...what });
    assert.equal(status, 401, JSON.stringify(what));
  }
  assert.equal(state.drains, 0);
});

test("guessing is slowed: ten wrong tokens, then a minute of 429 for the right one too; each is audited", async (t) => {
  const { ask, clock, audited } = await startOps(t, { tokens: allTokens });
  const guess = (token: string) => ask({ path: "/ops/config", headers: { Authorization: `Bearer ${token}` } });
  const statuses: number[] = [];
  for (let at = 0; at < 12; at++) statuses.push((await guess(`guess-${at}`.padEnd(40, "x"))).status);
  assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 401), 429, 429]);
  clock.advance(10_000);
  const locked = await guess(tokenOf("admin"));
  assert.deepEqual([locked.status, locked.headers["retry-after"]], [429, "50"]);
  assert.equal((await ask({ path: "/livez" })).status, 200, "probes go on");
  const elsewhere = await ask({ path: "/ops/config", headers: bearer("read"), from: "127.0.0.2" });
  assert.equal(elsewhere.status, 200, "other addresses go on");
  clock.advance(50_000);
  assert.equal((await guess(tokenOf("admin"))).status, 200);
  assert.equal(audited.filter(({ reason }) => reason === "wrong-token").length, 10);
  const lockedOut = audited.filter(({ reason }) => reason === "locked-out");
  assert.deepEqual([lockedOut.length, lockedOut.at(-1)!.actor], [3, "-"]);
});

test("a flood of refusals cannot fill the disk, nor hide a guess or a deed", async (t) => {
  const { ask, clock, audited } = await startOps(t, { tokens: allTokens });
  for (let at = 0; at < 50; at++) await ask({ path: "/ops/config" });
  await ask({ path: "/ops/config", headers: { Authorization: "Bearer wrong" } });
  await ask({ method: "POST", path: "/ops/drain", headers: bearer("admin") });
  assert.deepEqual(
    audited.slice(20).map(({ reason, outcome, suppressed }) => [reason ?? outcome, suppressed]),
    [
      ["wrong-token", 30],
      ["done", undefined],
    ],
  );
  clock.advance(1000);
  await ask({ path: "/ops/config" });
  assert.equal(audited.length, 23);
});

test("parallel guesses are counted one by one", async (t) => {
  const { ask } = await startOps(t, { tokens: allTokens });
  const found = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      ask({ path: "/ops/config", headers: { Authorization: `Bearer ${String(at).padStart(40, "0")}` } }),
    ),
  );
  assert.equal(found.filter(({ status }) => status === 401).length, 10);
});

test("a page of another origin can neither steer nor look, with nothing but the browser's own fields to tell it", async (t) => {
  for (const settings of [{}, { tokens: allTokens }]) {
    const { ask, state, port } = await startOps(t, settings);
    const own = `http://127.0.0.1:${port}`;
    const away: Record<string, string>[] = [
      { Origin: "http://evil.example" },
      { Origin: "null" },
      { Origin: "http://localhost:3000" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site", Origin: own },
    ];
    for (const headers of away) {
      for (const path of ["/ops/config", "/metrics", "/livez", "/nothing"]) {
        assert.equal((await ask({ path, headers: { ...headers, ...bearer("admin") } })).status, 403);
      }
      const posted = await ask({ method: "POST", path: "/ops/drain", headers: { ...headers, ...bearer("admin") } });
      assert.equal(posted.status, 403);
    }
    assert.equal(state.drains, 0);
    const preflight = await ask({ method: "OPTIONS", path: "/ops/drain", headers: { Origin: "http://evil.example" } });
    assert.equal(preflight.headers["access-control-allow-origin"], undefined);
    assert.equal(preflight.status, 405);
    const same = await ask({
      path: "/ops/config",
      headers: { Origin: own, "Sec-Fetch-Site": "same-origin", ...bearer("read") },
    });
    assert.equal(same.status, 200);
  }
});

test("a rebound name reaches nothing on loopback", async (t) => {
  const { ask, state, port, audited } = await startOps(t);
  for (const Host of [`evil.example:${port}`, "127.0.0.1", `127.0.0.1.evil.example:${port}`, "localhost:1"]) {
    for (const path of ["/ops/config", "/metrics", "/livez"]) {
      assert.equal((await ask({ path, headers: { Host } })).status, 421, Host);
    }
    assert.equal((await ask({ method: "POST", path: "/ops/drain", headers: { Host } })).status, 421);
  }
  assert.equal(state.drains, 0);
  assert.equal(
    audited.every(({ reason }) => reason === "host"),
    true,
  );
  for (const Host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    assert.equal((await ask({ path: "/ops/config", headers: { Host } })).status, 200, Host);
  }
});

test("a token is in no answer, audit entry, fault or log line, whatever is asked", async (t) => {
  const secrets = roles.map(tokenOf);
  const leak = async (): Promise<never> => {
    throw new Error(`connect redis://:${tokenOf("admin")}@cache failed, Authorization: Bearer ${tokenOf("admin")}`);
  };
  const { ask, audited, faults, state } = await startOps(t, { tokens: allTokens }, { metrics: leak });
  const outputs: string[] = [];
  const asks: Ask[] = protectedCalls.flatMap(({ method, path }) => [
    { method, path },
    ...roles.map((role) => ({ method, path, headers: bearer(role) })),
    { method, path: `${path}?token=${tokenOf("admin")}`, headers: bearer("admin") },
    { method: "PATCH", path, headers: bearer("admin") },
    {
      method,
      path,
      headers: { ...bearer("admin"), "Content-Type": "application/json" },
      body: `{"a":"${tokenOf("read")}`,
    },
    { method, path: `${path}/${tokenOf("admin")}`, headers: bearer("admin") },
    { method, path, headers: { ...bearer("admin"), Host: tokenOf("admin") } },
  ]);
  state.reload = { outcome: "refused", errors: [`redis.url: redis://:${tokenOf("admin")}@cache is down`] };
  for (const what of [...asks, { path: "/metrics" }]) {
    const { headers, text } = await ask(what);
    outputs.push(JSON.stringify(headers), text);
  }
  outputs.push(JSON.stringify(audited), ...logged({ audited, faults }));
  const all = outputs.join("\n");
  for (const secret of secrets) assert.equal(all.includes(secret), false, `found ${secret}`);
  assert.ok(audited.length > 10 && faults.length > 0);
});

/** What the log makes of audit entries and faults. */
function logged({
  audited,
  faults,
}: {
  audited: readonly object[];
  faults: readonly { where: string; error: Error }[];
}) {
  const clock = new ManualClock();
  const bus = createEventBus("ops-log-test");
  const text: string[] = [];
  const log = createLog({
    bus,
    destination: {
      write(chunk, done) {
        text.push(chunk.toString());
        done();
      },
    },
    accessLog: true,
    level: "debug",
    clock,
    random: () => 0,
  });
  for (const entry of audited) log.audit(entry);
  for (const { where, error } of faults) bus.publish("spillway:fault", { where, error });
  void log.close();
  assert.ok(text.join("").split("\n").length > audited.length);
  return text;
}
