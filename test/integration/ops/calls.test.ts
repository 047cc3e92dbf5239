import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import supertest from "supertest";
import { createEventBus } from "../../../src/core/events.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { createOps, opsCalls } from "../../../src/ops/app.ts";
import { opsSettings } from "../../../src/ops/settings.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { allTokens, bearer, startOps } from "./ops-rig.ts";

test("probes: ready only between start and drain, alive all the time", async (t) => {
  const { ask, state } = await startOps(t);
  const expected = {
    starting: [200, 503, 503],
    ready: [200, 200, 200],
    draining: [200, 503, 200],
    stopped: [200, 503, 200],
  } as const;
  for (const [life, statuses] of Object.entries(expected)) {
    state.life = life as keyof typeof expected;
    const found = await Promise.all(["/livez", "/readyz", "/startupz"].map((path) => ask({ path })));
    assert.deepEqual(
      found.map(({ status }) => status),
      statuses,
      life,
    );
  }
});

test("a verbose probe lists its checks", async (t) => {
  const { ask } = await startOps(t);
  assert.equal((await ask({ path: "/readyz" })).text, "ok\n");
  assert.equal((await ask({ path: "/readyz?verbose" })).text, "life ready\nevent-loop ok\nworkers 2/2\nok\n");
});

test("probes and metrics need no token", async (t) => {
  const { ask, port } = await startOps(t, { tokens: allTokens });
  for (const path of ["/livez", "/readyz", "/startupz", "/metrics"]) assert.equal((await ask({ path })).status, 200);
  const metrics = await supertest(`http://127.0.0.1:${port}`).get("/metrics");
  assert.equal(metrics.text, "up 1\n");
  assert.match(metrics.headers["content-type"]!, /version=0\.0\.4/);
});

test("HEAD has the head of GET and no body", async (t) => {
  const { ask } = await startOps(t);
  const { status, headers, text } = await ask({ method: "HEAD", path: "/livez" });
  assert.deepEqual([status, headers["content-length"], text], [200, "3", ""]);
});

test("a reload says what came of it, and the audit before and after", async (t) => {
  const { ask, state, audited } = await startOps(t, { tokens: allTokens });
  const reload = () => ask({ method: "POST", path: "/ops/config/reload", headers: bearer("admin") });
  const done = await reload();
  assert.equal(done.status, 200);
  assert.deepEqual(JSON.parse(done.text), { outcome: "applied", hash: "after", needsRestart: ["listen.port"] });
  state.reload = { outcome: "refused", errors: ["a.yaml:1:1 (file) - wrong"] };
  const refused = await reload();
  assert.equal(refused.status, 422);
  assert.deepEqual(
    audited.map(({ actor, call, outcome, status, before, after }) => [actor, call, outcome, status, before, after]),
    [
      ["the-admin", "POST /ops/config/reload", "done", 200, "before", "after"],
      ["the-admin", "POST /ops/config/reload", "failed", 422, "before", "before"],
    ],
  );
  assert.equal(audited[0]!.id, done.headers["x-request-id"]);
  assert.match(audited[0]!.fingerprint, /^[0-9a-f]{8}$/);
  assert.equal(audited[0]!.address, "127.0.0.1");
});

test("a drain is begun once answered, and audited", async (t) => {
  const { ask, state, audited } = await startOps(t);
  const { status, text } = await ask({ method: "POST", path: "/ops/drain" });
  assert.deepEqual([status, JSON.parse(text), state.drains], [202, { life: "draining" }, 1]);
  assert.deepEqual([audited[0]!.actor, audited[0]!.before, audited[0]!.after], ["loopback", "ready", "draining"]);
  assert.equal((await ask({ path: "/readyz" })).status, 503);
});

test("what is not there is 404, what may not be done 405 with Allow, both as problems", async (t) => {
  const { ask } = await startOps(t);
  for (const path of ["/", "/ops", "/ops/config/", "/OPS/config", "/livez/", "/__proto__", "/%2e%2e/etc", "/%ff"]) {
    const { status, headers, text } = await ask({ path: `${path}?sent-by-caller` });
    assert.ok(status === 404 || (status === 400 && path === "/%ff"), `${path} ${status}`);
    assert.equal(headers["content-type"], "application/problem+json");
    const { type, title, status: told, detail, instance } = JSON.parse(text);
    assert.deepEqual([type, told, typeof title, typeof detail], ["about:blank", status, "string", "string"]);
    assert.equal(instance, `urn:spillway:ops:${String(headers["x-request-id"])}`);
    assert.equal(text.includes("sent-by-caller"), false, "nothing of the request is told back");
  }
  const wrong = await ask({ method: "DELETE", path: "/ops/config" });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, "GET, HEAD"]);
  const get = await ask({ path: "/ops/drain" });
  assert.deepEqual([get.status, get.headers.allow], [405, "POST"]);
});

test("every call that is mounted is described, and the other way round", async (t) => {
  const { ask } = await startOps(t);
  const { status, text } = await ask({ path: "/ops/openapi.json" });
  assert.equal(status, 200);
  const described = JSON.parse(text) as {
    openapi: string;
    paths: Record<string, Record<string, { responses: object }>>;
  };
  assert.equal(described.openapi, "3.1.0");
  const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const rows = opsCalls({ control: undefined as never, clock: undefined as never, version: "1" }).map(
    ({ method, path }) => `${method} ${path}`,
  );
  assert.deepEqual(operations.toSorted(), rows.toSorted());
  for (const operation of operations) {
    const [method, path] = operation.split(" ");
    const answered = await ask({ method: method!, path: path! });
    assert.ok(![404, 405].includes(answered.status), operation);
    const { responses } = described.paths[path!]![method!.toLowerCase()]!;
    assert.ok(String(answered.status) in responses, `${operation} answers ${answered.status}`);
  }
  for (const path of Object.keys(described.paths)) {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      if (operations.includes(`${method} ${path}`)) continue;
      assert.equal((await ask({ method, path })).status, 405, `${method} ${path} is mounted, not described`);
    }
  }
});

test("a fault of a call is a 500 that tells nothing, a fault event that tells all, and leaves the listener up", async (t) => {
  const { ask, faults, audited } = await startOps(
    t,
    {},
    {
      reload: () => Promise.reject(new Error("hidden detail")),
      checks: () => {
        throw new Error("hidden detail");
      },
    },
  );
  for (const what of [{ method: "POST", path: "/ops/config/reload" }, { path: "/readyz?verbose" }]) {
    const { status, text } = await ask(what);
    assert.equal(status, 500);
    assert.equal(text.includes("hidden"), false);
  }
  assert.deepEqual(
    faults.map(({ where, error }) => [where, error.message]),
    [
      ["ops", "hidden detail"],
      ["ops", "hidden detail"],
    ],
  );
  assert.deepEqual(
    audited.map(({ call, outcome, status }) => [call, outcome, status]),
    [["POST /ops/config/reload", "failed", 500]],
  );
  assert.equal((await ask({ path: "/livez" })).status, 200);
});

test("bodies are JSON of 16 KiB at most, not compressed", async (t) => {
  const { ask, state } = await startOps(t);
  const post = (contentType: string | undefined, body: string, more: Record<string, string> = {}) =>
    ask({
      method: "POST",
      path: "/ops/drain",
      body,
      headers: { ...more, ...(contentType === undefined ? {} : { "Content-Type": contentType }) },
    });
  assert.equal((await post("application/x-www-form-urlencoded", "a=b")).status, 415);
  assert.equal((await post("text/plain", "{}")).status, 415);
  assert.equal((await post("application/json-seq", "{}")).status, 415);
  assert.equal((await post("application/json", "{")).status, 400);
  assert.equal((await post("application/json", JSON.stringify({ a: "x".repeat(16_384) }))).status, 413);
  assert.equal((await post("application/json", "x", { "Content-Encoding": "gzip" })).status, 415);
  assert.equal(state.drains, 0);
  assert.equal((await post("application/json; charset=utf-8", "{}")).status, 202);
});

test("the listener has limits of its own", async (t) => {
  const { ask, port } = await startOps(t);
  const huge = await ask({ path: "/livez", headers: { "X-Big": "x".repeat(17_000) } });
  assert.equal(huge.status, 431);
  assert.equal(huge.headers["content-type"], "application/problem+json");
  const broken = await new Promise<string>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("NONSENSE\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => resolve(text));
  });
  assert.match(broken, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.equal((await ask({ path: "/livez" })).status, 200);
});

test("more connections than it takes are closed, and the probes are back once they are gone", async (t) => {
  const { ask, port } = await startOps(t);
  const sockets = Array.from({ length: 256 }, () => connect(port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  await assert.rejects(ask({ path: "/livez" }));
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve) => {
          socket.once("close", resolve);
          socket.resume().end();
        }),
    ),
  );
  assert.equal((await ask({ path: "/livez" })).status, 200);
});

test("close ends the listener although a client holds a connection", async (t) => {
  const { ops, port, clock, ask } = await startOps(t);
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("error", () => {}).write("GET /livez HTTP/1.1\r\n");
  await ask({ path: "/livez" });
  const closing = ops.close();
  await nextTurn();
  clock.advance(1000);
  await closing;
  await assert.rejects(ask({ path: "/livez" }));
});

const create = (settings: object) =>
  createOps({
    control: undefined as never,
    settings: { ...opsSettings.parse({}), ...settings },
    clock: new ManualClock(),
    bus: createEventBus("ops-test"),
    audit: () => {},
    version: "1",
  });

test("beyond loopback without a token, or with a weak one, it does not start, whoever checked the file", () => {
  assert.throws(() => create({ host: "0.0.0.0" }), UsageError);
  assert.throws(() => create({ host: "::" }), UsageError);
  assert.throws(() => create({ tokens: [{ name: "a", role: "admin", token: "short" }] }), UsageError);
});

test("a port that is taken is told with the settings that name it", async (t) => {
  const { port } = await startOps(t);
  await assert.rejects(create({ port }).listen(), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /ops cannot listen on 127\.0\.0\.1 port \d+.*ops\.port/);
    return true;
  });
});
