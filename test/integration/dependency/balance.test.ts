import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import type { TargetReading } from "../../../src/core/dependency-reading.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { startOrigin, startRawOrigin, stopListening } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const ok: RequestListener = (_request, response) => void response.end("ok");

const routes = [{ match: { path: "/*" }, dependency: "origin" }];
const balanced = (http: object, rest: object = {}) =>
  startGateway({ dependencies: { origin: { http, breaker: "off", retry: "off", ...rest } }, routes });

const ask = async (gateway: TestGateway, init: RequestInit = {}): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/`, init);
  await answer.arrayBuffer();
  return answer.status;
};

const targetOf = (gateway: TestGateway, at: number): TargetReading => gateway.gateway.dependencies()[0]!.targets[at]!;

/** A port of 127.0.0.1 on which nobody listens. */
async function deadPort(): Promise<number> {
  const origin = await startOrigin(ok);
  await origin.close();
  return origin.port;
}

suite("several targets", () => {
  test("a slow one of three gets little of the traffic", async () => {
    await using fast = await startOrigin(ok);
    await using other = await startOrigin(ok);
    await using slow = await startOrigin((_request, response) => {
      systemClock.after(1500, () => response.end("late"));
    });
    await using gateway = await balanced({ targets: [fast.url, slow.url, other.url] });
    for (let round = 0; round < 40; round++) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(gateway)));
      assert.deepEqual(new Set(answers), new Set([200]));
    }
    // 200 requests; those that were under way before its first answer are counted, too.
    assert.ok(slow.requests <= 20, `${slow.requests} of 200`);
    assert.ok(fast.requests >= 40 && other.requests >= 40, `${fast.requests} and ${other.requests}`);
    assert.equal(targetOf(gateway, 1).inFlight, 0);
  });

  test("a dead one of three costs nobody an answer, is ejected, and comes back with a slow start", async () => {
    const port = await deadPort();
    await using a = await startOrigin(ok);
    await using b = await startOrigin(ok);
    const gone: string[] = [];
    await using gateway = await balanced({
      targets: [a.url, `http://127.0.0.1:${port}`, b.url],
      balance: { by: "weighted", slowStart: "1m" },
      ejection: { for: "1s" },
    });
    gateway.gateway.bus.subscribe("spillway:target", ({ target, change }) => gone.push(`${change.kind} ${target}`));
    for (let i = 0; i < 60; i++) assert.equal(await ask(gateway, i % 3 ? {} : { method: "POST", body: "once" }), 200);
    assert.equal(a.requests + b.requests, 60);
    assert.deepEqual(gone.slice(0, 1), [`ejected http://127.0.0.1:${port}`]);
    assert.ok(targetOf(gateway, 1).ejections > 0);
    await using back = await startOrigin(ok, port);
    await until(() => targetOf(gateway, 1).state === "slow-start", { what: "the ejection is over" });
    const answered = async (): Promise<boolean> => {
      assert.equal(await ask(gateway), 200);
      return back.requests > 0;
    };
    await until(answered, { what: "the target is asked again" });
    assert.ok(gone.includes(`returned http://127.0.0.1:${port}`));
  });

  test("one that answers 500 is ejected; clients that leave count for nothing", async () => {
    await using good = await startOrigin(ok);
    await using bad = await startOrigin((_request, response) => void response.writeHead(500).end());
    await using silent = await startRawOrigin(() => {});
    await using gateway = await balanced({ targets: [good.url, bad.url], balance: { by: "weighted" } });
    for (let i = 0; i < 40; i++) await ask(gateway);
    assert.equal(targetOf(gateway, 1).state, "ejected");
    assert.ok(bad.requests < 15, `${bad.requests}`);
    await using left = await balanced({
      targets: [silent.url, `http://localhost:${silent.port}`],
      ejection: { consecutive: 1 },
    });
    for (let i = 0; i < 6; i++) {
      const leaving = new AbortController();
      const asked = ask(left, { signal: leaving.signal }).catch(() => {});
      await until(() => targetOf(left, 0).inFlight + targetOf(left, 1).inFlight === 1, { what: "it is asked" });
      leaving.abort();
      await asked;
      await until(() => left.ended.length === i + 1, { what: "the exchange has ended" });
    }
    for (const at of [0, 1]) assert.deepEqual([targetOf(left, at).ejections, targetOf(left, at).inFlight], [0, 0]);
  });

  test("all of them down: they are tried all the same, and serve as soon as one is there", async () => {
    const ports = [await deadPort(), await deadPort()];
    await using gateway = await balanced({ targets: ports.map((port) => `http://127.0.0.1:${port}`) });
    for (let i = 0; i < 20; i++) assert.equal(await ask(gateway), 502);
    await using _back = await startOrigin(ok, ports[0]);
    await using _too = await startOrigin(ok, ports[1]);
    await until(async () => (await ask(gateway)) === 200, { what: "it serves again" });
  });

  test("a lone target that fails is never left out", async () => {
    await using bad = await startOrigin((_request, response) => void response.writeHead(503).end());
    await using gateway = await balanced({ targets: [bad.url] });
    for (let i = 0; i < 30; i++) await ask(gateway);
    assert.equal(bad.requests, 30);
    assert.deepEqual([targetOf(gateway, 0).ejections, targetOf(gateway, 0).requests], [0, 30]);
  });

  test("by hash: one cookie, field or client has one target", async () => {
    await using a = await startOrigin((_request, response) => void response.end("a"));
    await using b = await startOrigin((_request, response) => void response.end("b"));
    await using c = await startOrigin((_request, response) => void response.end("c"));
    const targets = [a.url, b.url, c.url];
    for (const [hash, headersOf] of [
      [{ cookie: "session" }, (who: number) => ({ cookie: `theme=dark; session=${who}` })],
      [{ header: "X-Tenant" }, (who: number) => ({ "x-tenant": `tenant ${who}` })],
    ] as const) {
      await using gateway = await balanced({ targets, balance: { by: { hash } } });
      const seen = new Set<string>();
      for (let who = 0; who < 20; who++) {
        const answers = new Set<string>();
        for (let i = 0; i < 3; i++) {
          const answer = await fetch(`http://127.0.0.1:${gateway.port}/`, { headers: headersOf(who) });
          answers.add(await answer.text());
        }
        assert.equal(answers.size, 1);
        for (const one of answers) seen.add(one);
      }
      assert.equal(seen.size, 3);
    }
    await using gateway = await balanced({ targets, balance: { by: { hash: "client" } } });
    for (let i = 0; i < 10; i++) await ask(gateway);
    assert.equal(gateway.gateway.dependencies()[0]!.targets.filter(({ requests }) => requests > 0).length, 1);
  });

  test("a weight by hand shifts the traffic, and a reload keeps it", async () => {
    await using a = await startOrigin(ok);
    await using b = await startOrigin(ok);
    const http = { targets: [a.url, { url: b.url, weight: 0 }] };
    await using gateway = await balanced(http);
    for (let i = 0; i < 10; i++) await ask(gateway);
    assert.deepEqual([a.requests, b.requests], [10, 0]);
    const order = { dependency: "origin", expires: Date.now() + 60_000, reason: "test" };
    assert.equal(gateway.gateway.reweigh({ ...order, target: b.url, weight: 1 }), true);
    assert.equal(gateway.gateway.reweigh({ ...order, target: a.url, weight: 0 }), true);
    assert.equal(gateway.gateway.reweigh({ ...order, target: "http://127.0.0.1:1", weight: 0 }), false);
    await gateway.apply({ dependencies: { origin: { http, timeout: "3s" } }, routes });
    for (let i = 0; i < 10; i++) await ask(gateway);
    assert.deepEqual([a.requests, b.requests], [10, 10]);
  });
});

test("where connections are few and the target refuses them, all who wait are told", async () => {
  const port = await deadPort();
  await using gateway = await balanced({ targets: [`http://127.0.0.1:${port}`], maxConnections: 1 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(gateway)));
  assert.deepEqual(new Set(answers), new Set([502]));
});

suite("active checks", () => {
  test("a health path that says 503 takes a target out, and 200 brings it back; no limit counts a check", async () => {
    let well = false;
    let checks = 0;
    const agents = new Set<string | undefined>();
    await using a = await startOrigin(ok);
    await using b = await startOrigin((request, response) => {
      if (request.url !== "/healthz") return void response.end("ok");
      checks++;
      agents.add(request.headers["user-agent"]);
      response.writeHead(well ? 200 : 503).end("x".repeat(1000));
    });
    const health = { path: "/healthz", interval: "100ms", healthy: 2, unhealthy: 2 };
    await using gateway = await balanced({ targets: [a.url, b.url], balance: { slowStart: "0s" } }, { health });
    await until(() => targetOf(gateway, 1).state === "unhealthy", { what: "the target is out" });
    const before = b.requests - checks;
    for (let i = 0; i < 20; i++) assert.equal(await ask(gateway), 200);
    assert.equal(b.requests - checks, before);
    assert.equal(gateway.gateway.dependencies()[0]!.admission.inFlight, 0);
    assert.equal(gateway.ended.length, 20);
    assert.deepEqual([...agents], ["Spillway-Health"]);
    well = true;
    await until(() => targetOf(gateway, 1).state === "up", { what: "the target is back" });
    for (let i = 0; i < 20; i++) await ask(gateway);
    assert.ok(b.requests - checks > before);
  });

  test("an answer that is late, too long or none is a bad one", async (t) => {
    for (const [what, listener] of [
      ["late", () => {}],
      ["too long", (_request, response) => void response.end("x".repeat(70_000))],
      ["cut", (request) => void request.socket.destroy()],
    ] as const satisfies readonly (readonly [string, RequestListener])[]) {
      await t.test(what, async () => {
        await using a = await startOrigin(ok);
        await using b = await startOrigin(listener);
        const health = { path: "/", interval: "100ms", timeout: "300ms", unhealthy: 1 };
        await using gateway = await balanced({ targets: [a.url, b.url] }, { health });
        await until(() => targetOf(gateway, 1).state === "unhealthy", { what: "the target is out" });
        assert.equal(targetOf(gateway, 0).state, "up");
      });
    }
  });
});

suite("names of targets", () => {
  test("new addresses are taken and old connections end; a name that is gone keeps the last known", async (t) => {
    const before = await startAt(t, "127.0.0.1", 0);
    const after = await startAt(t, "127.0.0.2", before.port).catch(() => undefined);
    if (!after) return t.skip("this machine has one loopback address only");
    let address: string | undefined = "127.0.0.1";
    await using gateway = await startGateway(
      {
        dependencies: {
          origin: { http: { targets: [`http://moving.example:${before.port}`], resolveEvery: "1s", keepAlive: "1m" } },
        },
        routes,
      },
      systemClock,
      {
        resolve: async () => {
          if (address === undefined) throw new Error("no such name");
          return [{ address, family: 4 }];
        },
      },
    );
    const askWhere = async (): Promise<string> => (await fetch(`http://127.0.0.1:${gateway.port}/`)).text();
    assert.equal(await askWhere(), "127.0.0.1");
    assert.equal(before.connections(), 1);
    address = "127.0.0.2";
    // Nothing is asked meanwhile: the idle connection ends by itself.
    await until(() => before.connections() === 0, { what: "the connection to the old address is closed" });
    assert.equal(await askWhere(), "127.0.0.2");
    address = undefined;
    after.cut();
    await until(() => after.connections() === 0, { what: "the connection is cut" });
    assert.equal(await askWhere(), "127.0.0.2");
  });
});

/** An origin that answers with the address it listens on, and knows its connections; closed with the test at the latest. */
async function startAt(t: TestContext, host: string, port: number) {
  const server = createServer((_request, response) => void response.end(host));
  server.keepAliveTimeout = 0;
  let open = 0;
  server.on("connection", (socket) => {
    open++;
    socket.on("close", () => open--);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    return stopListening(server);
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => open,
    cut: () => server.closeAllConnections(),
  };
}
