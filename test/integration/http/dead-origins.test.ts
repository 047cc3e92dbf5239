import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AT_EASE } from "../../../src/core/own-work.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createEventBus, type Fault } from "../../../src/core/events.ts";
import { listenSettings } from "../../../src/http/settings.ts";
import { Edge } from "../../../src/http/edge.ts";
import type { EdgeRoute, Judgement } from "../../../src/http/judge.ts";
import { createEdgeServer } from "../../../src/http/server.ts";
import { wholeBody } from "../../../src/core/body.ts";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin, startRawOrigin } from "../../support/raw-origin.ts";
import { stopwatch, type Took } from "../../support/fair-clock.ts";
import { until } from "../../support/wait.ts";

const request = (method: string, target: string, fields = ""): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

suite("an idle connection that the origin closes as we write", () => {
  test("0 of 640 GETs are lost", async (t) => {
    let closedUnder = 0;
    await using origin = await startRawOrigin(async (connection) => {
      const uses = 5 + (connection.index % 20);
      for (let use = 0; use < uses; use++) {
        if (!(await connection.readRequest())) return connection.end();
        await connection.send(OK);
      }
      // The next request finds the connection gone before any octet of an answer: the race, made certain.
      if (await connection.readRequest()) {
        closedUnder += 1;
        if (connection.index % 2) connection.reset();
        else connection.end();
      } else connection.end();
    });
    await using gateway = await startGateway({ target: origin.url });
    const clients = await Promise.all(Array.from({ length: 16 }, () => connectRaw(gateway.port)));
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 40; i++) {
          await client.send(request("GET", `/${i}`));
          assert.equal((await client.readResponse()).status, 200);
        }
      }),
    );
    t.diagnostic(`${closedUnder} connections closed under a request`);
    assert.ok(closedUnder > 20);
    for (const client of clients) client.destroy();
  });

  test("all 64 idle connections at once: 0 of 64 GETs are lost", async () => {
    const seen = new Map<number, number>();
    await using origin = await startRawOrigin(async (connection) => {
      for (;;) {
        if (!(await connection.readRequest())) return connection.end();
        const uses = (seen.get(connection.index) ?? 0) + 1;
        seen.set(connection.index, uses);
        if (uses > 1 && connection.index < 64) return connection.reset();
        await until(() => seen.size >= 64, { what: "64 connections are in use" });
        await connection.send(OK);
      }
    });
    await using gateway = await startGateway({ target: origin.url });
    const clients = await Promise.all(Array.from({ length: 64 }, () => connectRaw(gateway.port)));
    for (let round = 0; round < 2; round++) {
      await Promise.all(clients.map((client) => client.send(request("GET", `/${round}`))));
      for (const client of clients) assert.equal((await client.readResponse()).status, 200);
    }
    for (const client of clients) client.destroy();
  });

  test("a POST is sent once and is 502", async () => {
    let posts = 0;
    await using origin = await startRawOrigin(async (connection) => {
      for (;;) {
        const asked = await connection.readRequest();
        if (!asked) return connection.end();
        if (asked.method === "POST") {
          posts += 1;
          return connection.reset();
        }
        await connection.send(OK);
      }
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    for (let i = 1; i <= 10; i++) {
      await client.send(request("GET", "/"));
      assert.equal((await client.readResponse()).status, 200);
      await client.send(request("POST", "/", "Content-Length: 2\r\n"), "hi");
      assert.equal((await client.readResponse()).status, 502);
      assert.equal(posts, i);
    }
  });

  test("an origin that resets everything gets a tenth more than was asked, and a burst", async () => {
    let asked = 0;
    await using origin = await startRawOrigin(async (connection) => {
      if (await connection.readRequest()) asked += 1;
      connection.reset();
    });
    await using gateway = await startGateway({ target: origin.url, dependency: { breaker: "off", retry: "off" } });
    using client = await connectRaw(gateway.port);
    for (let i = 0; i < 1000; i++) {
      await client.send(request("GET", "/"));
      assert.equal((await client.readResponse()).status, 502);
    }
    assert.ok(asked <= 1000 + 100 + 64, `${asked} requests reached it`);
  });

  test("it is dropped a second before the time the origin announced", async () => {
    const closedAfter = Promise.withResolvers<Took>();
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok");
      const took = stopwatch();
      await connection.closed;
      connection.end();
      closedAfter.resolve(took());
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(request("GET", "/"));
    await client.readResponse();
    const { real, fair } = await closedAfter.promise;
    assert.ok(real > 400 && fair < 1900, `${real} ms`);
  });
});

suite("a handler that throws", () => {
  const facts = (name: string) => ({ name, dependency: undefined });
  const routes: Readonly<Record<string, EdgeRoute>> = {
    "/rejects": route("rejects", () => Promise.reject(new Error("planted"))),
    "/throws": route("throws", () => {
      throw new Error("planted");
    }),
    "/judge": {
      ...route("judge", () => Promise.reject(new Error("never"))),
      stand: () => {
        throw new Error("planted");
      },
    },
    "/ok": route("ok", async () => ({
      kind: "served",
      status: 200,
      headers: [],
      body: wholeBody(Buffer.from("ok")),
      by: "gateway",
    })),
  };
  function route(name: string, handler: EdgeRoute["handler"]): EdgeRoute {
    return {
      facts: facts(name),
      handler,
      stand: () => ({ class: "default", tenant: undefined }),
      websocket: false,
      longest: 1000,
    };
  }
  const judgement: Judgement = {
    readHost: () => ({ kind: "ok", authority: "a" }),
    readTarget: (raw) => ({ kind: "ok", target: raw, path: raw, query: "" }),
    match: (_authority, path) => ({ kind: "found", value: routes[path]!, params: {} }),
    trusts: () => false,
    clientAddress: (peer) => peer,
    trace: () => ({ traceId: "t", parentId: undefined, spanId: "s", sampled: false }),
    deadline: () => undefined,
    cohortOf: () => 0,
    used: () => {},
  };

  test("is 500 for that request only, counted as a fault; the connection serves on", async () => {
    const bus = createEventBus("throwing");
    const faults: Fault[] = [];
    bus.subscribe("spillway:fault", (fault) => void faults.push(fault));
    const settings = listenSettings.parse({ host: "127.0.0.1", port: 0 });
    const shared = { clock: systemClock, bus, settings };
    const memory = { refusal: "none", close() {} } as const;
    const saturation = { ...AT_EASE, admits: () => true, began() {}, ended() {}, close() {} };
    const edge = new Edge({
      ...shared,
      random: Math.random,
      memory,
      saturation,
      name: "n",
      judgement: () => judgement,
      draining: () => false,
    });
    const listener = edge.handle.bind(edge);
    const server = createEdgeServer({
      ...shared,
      edge,
      listener: (asked, response) => listener(asked, response),
      tls: undefined,
      sharedPort: false,
    });
    const port = await server.listen();
    for (const path of ["/rejects", "/throws", "/judge"]) {
      using client = await connectRaw(port);
      const before = faults.length;
      await client.send(request("GET", path));
      const answer = await client.readResponse();
      assert.deepEqual([path, answer.status], [path, 500]);
      assert.equal((answer.json() as { spillway: { reason: string } }).spillway.reason, "internal");
      assert.equal(faults.length, before + 1);
      assert.ok(!answer.text().includes("planted"));
      using next = await connectRaw(port);
      await next.send(request("GET", "/ok"));
      assert.equal((await next.readResponse()).text(), "ok");
    }
    await until(() => edge.open === 0, { what: "no exchange is open" });
    server.cut();
    await server.finish();
  });
});

test("an origin that sends surplus octets with each answer loses each connection and gives 502, until it is replaced", async () => {
  await using origin = await startRawOrigin(async (connection) => {
    await connection.readRequest();
    await connection.send(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    await connection.closed;
    connection.end();
  });
  await using gateway = await startGateway({ target: origin.url });
  using client = await connectRaw(gateway.port);
  for (let i = 0; i < 5; i++) {
    await client.send(request("GET", "/"));
    const answer = await client.readResponse();
    assert.equal(answer.status, 502);
    assert.doesNotMatch(answer.text(), /ok|evil/);
  }
  assert.equal(origin.connections, 5);
  await using other = await startOrigin((_request, response) => response.end("fine"));
  await gateway.apply({ target: other.url });
  await client.send(request("GET", "/"));
  assert.equal((await client.readResponse()).text(), "fine");
});
