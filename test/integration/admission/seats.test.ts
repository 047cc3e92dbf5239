import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { WebSocket } from "ws";
import { systemClock } from "../../../src/core/clock.ts";
import type { AdmissionReading } from "../../../src/core/dependency-reading.ts";
import { startGateway, type TestConfig, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin, startRawOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const fixed = (initial: number, more: object = {}) => ({ algorithm: "fixed", initial, min: 1, ...more });
const GET = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** An origin that holds every request until it is told to answer. */
async function startHoldingOrigin() {
  const held: ServerResponse[] = [];
  let most = 0;
  const origin = await startOrigin((_request, response) => {
    held.push(response);
    most = Math.max(most, held.length);
    response.on("close", () => {
      const at = held.indexOf(response);
      if (at >= 0) held.splice(at, 1);
    });
  });
  return {
    held,
    url: origin.url,
    most: () => most,
    requests: () => origin.requests,
    [Symbol.asyncDispose]: () => origin.close(),
  };
}

const admission = ({ gateway }: TestGateway): AdmissionReading => gateway.dependencies()[0]!.admission;
const waiting = (gateway: TestGateway): number => Object.values(admission(gateway).queued).reduce((a, b) => a + b, 0);
const untilTaken = (gateway: TestGateway, count: number): Promise<unknown> =>
  until(() => admission(gateway).inFlight === count, {
    what: () => `${count} seats are taken, not ${admission(gateway).inFlight}`,
  });

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly spillway: { readonly reason: string; readonly class: string };
}

suite("seats of a dependency", () => {
  test("a client that leaves in the middle of a body gives its seat back, and so does one that leaves before the head", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      if (request?.target === "/body") await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      await connection.closed;
    });
    await using gateway = await startGateway({ target: origin.url, dependency: { limit: fixed(2) } });
    for (const path of ["/body", "/head"]) {
      const clients = await Promise.all([connectRaw(gateway.port), connectRaw(gateway.port)]);
      for (const client of clients) await client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      await untilTaken(gateway, 2);
      for (const client of clients) client[Symbol.dispose]();
      await untilTaken(gateway, 0);
    }
  });

  test("a client that leaves while it waits makes room, and is not asked for", async () => {
    await using origin = await startHoldingOrigin();
    await using gateway = await startGateway({
      target: origin.url,
      dependency: { limit: fixed(1, { queue: { default: "30s" } }) },
    });
    using first = await connectRaw(gateway.port);
    await first.send(GET);
    await untilTaken(gateway, 1);
    const second = await connectRaw(gateway.port);
    await second.send(GET);
    await until(() => waiting(gateway) === 1, { what: "one waits" });
    second[Symbol.dispose]();
    await until(() => waiting(gateway) === 0, { what: "nobody waits" });
    await until(() => origin.held.length === 1, { what: "the origin has the first request" });
    origin.held[0]!.end("done");
    assert.equal((await first.readResponse()).status, 200);
    await untilTaken(gateway, 0);
    assert.equal(origin.requests(), 1);
  });

  test("a slow upload takes no seat until it is whole", async () => {
    await using origin = await startOrigin((request, response) => {
      request.resume();
      request.on("end", () => response.end("done"));
    });
    await using gateway = await startGateway({ target: origin.url, dependency: { limit: fixed(1) } });
    using slow = await connectRaw(gateway.port);
    await slow.send("POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 8\r\n\r\nhalf");
    await until(() => gateway.gateway.open() === 1, { what: "the upload has begun" });
    assert.equal(admission(gateway).inFlight, 0);
    using quick = await connectRaw(gateway.port);
    await quick.send(GET);
    assert.equal((await quick.readResponse()).status, 200);
    await slow.send("half");
    assert.equal((await slow.readResponse()).status, 200);
    await untilTaken(gateway, 0);
  });

  test("a tunnel and an event stream hold no seat once they stand", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      if (request?.target === "/events") {
        await connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
      }
      await connection.closed;
    });
    await using gateway = await startGateway({ target: origin.url, dependency: { limit: fixed(1) } });
    using events = await connectRaw(gateway.port);
    await events.send("GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n");
    await until(() => events.received().includes("data: 1"), { what: "an event has come" });
    assert.equal(admission(gateway).inFlight, 0);
  });

  test("clients that stop reading long answers do not keep all others from the dependency", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      if (!request) return;
      const long = request.target === "/long";
      connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${long ? 2 ** 30 : 2}\r\n\r\n`);
      connection.socket.write(long ? Buffer.alloc(16 * 2 ** 20) : "ok");
      await connection.closed;
    });
    await using gateway = await startGateway({
      target: origin.url,
      dependency: { limit: fixed(2, { queue: { default: "30s" } }) },
      listen: { writeTimeout: "1m" },
    });
    const readers = await Promise.all([connectRaw(gateway.port), connectRaw(gateway.port)]);
    for (const reader of readers) {
      reader.pauseReading();
      await reader.send("GET /long HTTP/1.1\r\nHost: a.example\r\n\r\n");
    }
    await untilTaken(gateway, 2);
    using other = await connectRaw(gateway.port);
    await other.send(GET);
    assert.equal((await other.readResponse()).status, 200);
    for (const reader of readers) reader.destroy();
    await until(() => gateway.gateway.open() === 0, { what: "all have ended" });
    assert.equal(admission(gateway).inFlight, 0);
  });

  test("a refusal is a problem of the registered type, with the reason for machines and when to come again", async () => {
    await using origin = await startHoldingOrigin();
    await using gateway = await startGateway({
      target: origin.url,
      dependency: { limit: fixed(1, { queue: { depth: 0 } }) },
    });
    using first = await connectRaw(gateway.port);
    await first.send(GET);
    await untilTaken(gateway, 1);
    using second = await connectRaw(gateway.port);
    await second.send(GET);
    const answer = await second.readResponse();
    assert.equal(answer.status, 503);
    const retryAfter = Number(answer.header("retry-after"));
    assert.ok(retryAfter >= 1 && retryAfter <= 3, `Retry-After ${retryAfter}`);
    const { type, status, spillway } = answer.json() as Problem;
    assert.deepEqual(
      { type, status, spillway },
      {
        type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
        status: 503,
        spillway: { reason: "full", level: 0, class: "default" },
      },
    );
    assert.equal(origin.requests(), 1);
    const outcome = await until(() => gateway.ended[0]?.outcome, { what: "an exchange has ended" });
    assert.ok(outcome.kind === "refused");
    assert.deepEqual([outcome.admission?.limit, outcome.admission?.inFlight], [1, 1]);
  });

  test("a deadline that cannot be met is told without asking the dependency: 504", async () => {
    await using origin = await startHoldingOrigin();
    await using gateway = await startGateway({ target: origin.url, dependency: { limit: fixed(1) } });
    using first = await connectRaw(gateway.port);
    await first.send(GET);
    await untilTaken(gateway, 1);
    using second = await connectRaw(gateway.port);
    await second.send("GET /x HTTP/1.1\r\nHost: a.example\r\nX-Request-Timeout-Ms: 60\r\n\r\n");
    const answer = await second.readResponse();
    assert.deepEqual([answer.status, (answer.json() as Problem).spillway.reason], [504, "deadline"]);
    assert.equal(origin.requests(), 1);
  });

  test("in shadow nobody is refused and who would have been is counted", async () => {
    await using origin = await startHoldingOrigin();
    await using gateway = await startGateway({
      target: origin.url,
      dependency: { limit: fixed(1, { mode: "shadow", queue: { depth: 0 } }) },
    });
    const clients = await Promise.all([1, 2, 3].map(() => connectRaw(gateway.port)));
    for (const client of clients) await client.send(GET);
    await until(() => origin.held.length === 3, { what: "all three are asked for" });
    assert.deepEqual(admission(gateway).wouldRefuse, [{ reason: "full", class: "default", count: 2 }]);
    for (const response of origin.held.slice()) response.end();
    for (const client of clients) {
      assert.equal((await client.readResponse()).status, 200);
      client[Symbol.dispose]();
    }
  });
});

suite("seats and reloads", () => {
  test("20 reloads with other limits, other targets and other time limits lose nobody who has a seat or waits for one", async () => {
    await using one = await startHoldingOrigin();
    await using other = await startHoldingOrigin();
    const patient = { default: "30s" };
    const config = (round: number): TestConfig => ({
      target: round % 4 < 2 ? one.url : other.url,
      dependency: {
        timeout: `${30 + round}s`,
        limit: round % 5 === 4 ? "off" : fixed(1 + (round % 3), { queue: patient }),
      },
    });
    await using gateway = await startGateway(config(0));
    const clients: Awaited<ReturnType<typeof connectRaw>>[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 3; i++) {
        const client = await connectRaw(gateway.port);
        clients.push(client);
        await client.send(GET);
      }
      await until(() => gateway.gateway.open() + gateway.ended.length === clients.length, { what: "all have come" });
      await gateway.apply(config(round + 1));
      for (const response of [...one.held.slice(0, 2), ...other.held.slice(0, 2)])
        if (!response.writableEnded) response.end("done");
    }
    const answered = Promise.all(clients.map(async (client) => (await client.readResponse()).status));
    let over = false;
    void answered.finally(() => (over = true));
    await until(
      () => {
        for (const response of [...one.held, ...other.held]) if (!response.writableEnded) response.end("done");
        return over;
      },
      { what: "all are answered" },
    );
    assert.deepEqual(new Set(await answered), new Set([200]));
    await untilTaken(gateway, 0);
    for (const client of clients) client[Symbol.dispose]();
  });

  test("a limit that is lowered by a reload holds for those who have a seat already", async () => {
    await using origin = await startHoldingOrigin();
    const config = (seats: number): TestConfig => ({
      target: origin.url,
      dependency: { limit: fixed(seats, { queue: { default: "30s" } }) },
    });
    await using gateway = await startGateway(config(3));
    const clients = await Promise.all([1, 2, 3, 4].map(() => connectRaw(gateway.port)));
    for (const client of clients) await client.send(GET);
    await until(() => origin.held.length === 3 && waiting(gateway) === 1, { what: "three are asked for, one waits" });
    await gateway.apply(config(1));
    origin.held[0]!.end();
    await untilTaken(gateway, 2);
    assert.equal(waiting(gateway), 1);
    origin.held[0]!.end();
    await untilTaken(gateway, 1);
    origin.held[0]!.end();
    await until(() => origin.requests() === 4, { what: "the last is asked for" });
    await until(() => origin.held.length === 1, { what: "the last is held" });
    origin.held[0]!.end();
    for (const client of clients) {
      assert.equal((await client.readResponse()).status, 200);
      client[Symbol.dispose]();
    }
    assert.equal(origin.most(), 3);
  });
});

suite("a refusal on a cached route", () => {
  /** A cached route and an uncached one to an origin with one seat, which is taken by the time `passed` is set. */
  async function startFull(cache: object) {
    const passed = { ms: 0 };
    const clock = {
      ...systemClock,
      now: () => systemClock.now() + passed.ms,
      wall: () => systemClock.wall() + passed.ms,
    };
    let calls = 0;
    const origin = await startOrigin((request, response) => {
      if (request.url === "/slow") return;
      calls += 1;
      response.end(`answer ${calls}`);
    });
    const gateway = await startGateway(
      {
        dependencies: {
          origin: { http: { targets: [origin.url] }, timeout: "1h", limit: fixed(1, { queue: { depth: 0 } }) },
        },
        routes: [
          { name: "slow", match: { path: "/slow" }, dependency: "origin" },
          { name: "kept", match: { path: "/*" }, dependency: "origin", cache },
        ],
      },
      clock,
    );
    const ask = async (path = "/x") => {
      using client = await connectRaw(gateway.port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      const answer = await client.readResponse();
      return { status: answer.status, text: answer.text(), cache: answer.header("cache-status") ?? "" };
    };
    const holder = await connectRaw(gateway.port);
    return {
      gateway,
      ask,
      passed,
      async fill() {
        await until(() => admission(gateway).inFlight === 0, { what: "the seat is free" });
        await holder.send("GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n");
        await untilTaken(gateway, 1);
      },
      async [Symbol.asyncDispose]() {
        holder[Symbol.dispose]();
        await gateway[Symbol.asyncDispose]();
        await origin.close();
      },
    };
  }

  test("what is fresh is answered without a seat", async () => {
    await using scene = await startFull({ ttl: "60s" });
    await scene.ask();
    await scene.fill();
    const { status, text } = await scene.ask();
    assert.deepEqual([status, text], [200, "answer 1"]);
    assert.deepEqual(admission(scene.gateway).refused, []);
  });

  test("what is stale is answered in place of the refusal", async () => {
    await using scene = await startFull({ ttl: "60s", staleIfError: "1h" });
    await scene.ask();
    await scene.fill();
    scene.passed.ms = 61_000;
    const { status, text, cache } = await scene.ask();
    assert.deepEqual([status, text], [200, "answer 1"], cache);
    assert.deepEqual(admission(scene.gateway).refused, [{ reason: "full", class: "default", count: 1 }]);
    const last = await until(() => scene.gateway.ended.at(-1), { what: "it has ended" });
    assert.ok(last.outcome.kind === "served");
    assert.equal(last.outcome.cache?.result, "stale");
  });

  test("with nothing kept the route's own fallback is answered", async () => {
    await using scene = await startFull({ ttl: "60s", fallback: { body: "calm" } });
    await scene.fill();
    const { status, text } = await scene.ask();
    assert.deepEqual([status, text], [200, "calm"]);
  });

  test("with nothing kept and no fallback it is the refusal", async () => {
    await using scene = await startFull({ ttl: "60s" });
    await scene.fill();
    const { status, text } = await scene.ask();
    assert.deepEqual([status, (JSON.parse(text) as Problem).spillway.reason], [503, "full"]);
  });
});

test("a WebSocket holds no seat once it stands", async (t) => {
  await using origin = await startRawOrigin(async (connection) => {
    const request = await connection.readRequest();
    if (!request) return;
    const { createHash } = await import("node:crypto");
    const key = `${request.header("sec-websocket-key")}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    await connection.send(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    await connection.closed;
  });
  await using gateway = await startGateway({
    target: origin.url,
    dependency: { limit: fixed(1) },
    route: { websocket: true },
  });
  const sockets = [1, 2, 3].map(() => new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`));
  t.after(() => sockets.forEach((socket) => socket.terminate()));
  await until(() => sockets.every(({ readyState }) => readyState === WebSocket.OPEN), { what: "three tunnels stand" });
  assert.equal(admission(gateway).inFlight, 0);
});
