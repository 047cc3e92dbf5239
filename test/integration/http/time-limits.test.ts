import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dependencySettings } from "../../../src/dependency/settings.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { connectRaw, type RawResponse } from "../../support/raw-client.ts";
import {
  deadPort,
  startEchoOrigin,
  type OriginConnection,
  startOrigin,
  startRawOrigin,
} from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";
import { stopwatch, type Took } from "../../support/fair-clock.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function assertProblem(answer: RawResponse, status: number, reason: string): void {
  assert.deepEqual([answer.status, answer.header("content-type")], [status, "application/problem+json"]);
  assert.equal((answer.json() as { spillway: { reason: string } }).spillway.reason, reason);
}

async function timed<T>(work: Promise<T>): Promise<[T, Took]> {
  const took = stopwatch();
  const result = await work;
  return [result, took()];
}

/** Takes a request and never answers. */
async function hang(connection: OriginConnection): Promise<void> {
  await connection.readRequest();
  await connection.closed;
  connection.end();
}

async function ask(gateway: TestGateway): Promise<[RawResponse, Took]> {
  using client = await connectRaw(gateway.port);
  await client.send(GET);
  return await timed(client.readResponse({ timeoutMs: 6000 }));
}

suite("the client's head", () => {
  for (const [what, first, then] of [
    ["that never comes", "", ""],
    ["that stops half-way", "GET / HTTP/1.1\r\nHost: a\r\nX", ""],
    ["that trickles", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "y"],
  ] as const) {
    test(`a head ${what} is cut at its total deadline with 408`, async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({ target: origin.url, listen: { headTimeout: "400ms" } });
      using client = await connectRaw(gateway.port);
      if (first) await client.send(first);
      const trickle = setInterval(() => then && void client.send(then).catch(() => {}), 20);
      const [answer, took] = await timed(client.readResponse()).finally(() => clearInterval(trickle));
      assertProblem(answer, 408, "head-timeout");
      assert.ok(took.real > 350 && took.fair < 900, `${took.real} ms`);
      assert.equal(origin.connections, 0);
      assert.equal(gateway.turnedAway[0]?.reason, "head-timeout");
    });
  }
});

suite("the client's body", () => {
  const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

  test("a pause longer than bodyTimeout is 408, and no origin was asked", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, listen: { bodyTimeout: "200ms" } });
    using client = await connectRaw(gateway.port);
    await client.send(UPLOAD, "some");
    const [answer, took] = await timed(client.readResponse());
    assertProblem(answer, 408, "body-timeout");
    assert.equal(answer.header("connection"), "close");
    assert.ok(took.real > 180 && took.fair < 600, `${took.real} ms`);
    assert.equal(origin.connections, 0);
  });

  test("an octet a second is cut once the grace of 5 s is over", async () => {
    const clock = new ManualClock();
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url }, clock);
    using client = await connectRaw(gateway.port);
    await client.send(UPLOAD);
    await until(() => gateway.gateway.open() === 1, { what: "the exchange is open" });
    for (let second = 1; second <= 5; second++) {
      await client.send("x");
      await clock.advanceAsync(1000);
      assert.equal(client.received().length, 0, `cut after ${second} s`);
    }
    for (let second = 0; second < 3; second++) await clock.advanceAsync(1000);
    assertProblem(await client.readResponse(), 408, "body-timeout");
    assert.equal(origin.connections, 0);
  });

  test("a body at twice the rate is not", async () => {
    const clock = new ManualClock();
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url }, clock);
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40960\r\n\r\n");
    await until(() => gateway.gateway.open() === 1, { what: "the exchange is open" });
    for (let second = 1; second <= 20; second++) {
      await client.send(Buffer.alloc(2048));
      await sleep(5); // The octets must be read before the clock moves on; nothing else tells that they were.
      await clock.advanceAsync(1000);
    }
    assert.equal((await client.readResponse()).status, 200);
  });

  test("a stream that stops behind its first 64 KiB is 408, and the origin never sees its end", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.closed;
      connection.end();
    });
    await using gateway = await startGateway({ target: origin.url, listen: { bodyTimeout: "200ms" } });
    using client = await connectRaw(gateway.port);
    await client.send(UPLOAD, Buffer.alloc(70_000));
    const [answer, took] = await timed(client.readResponse());
    assertProblem(answer, 408, "body-timeout");
    assert.ok(took.fair < 700, `${took.real} ms`);
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
  });

  test("a client held back by a slow origin is not called slow", async () => {
    const go = Promise.withResolvers<void>();
    await using origin = await startOrigin((request, response) => {
      void go.promise.then(() => request.resume().on("end", () => response.end("ok")));
    });
    await using gateway = await startGateway({
      target: origin.url,
      listen: { bodyTimeout: "100ms" },
      dependency: { timeout: "10s" },
    });
    using client = await connectRaw(gateway.port);
    const size = 16 * 1024 ** 2;
    const sent = client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`, Buffer.alloc(size));
    await sleep(500); // Five times bodyTimeout: what must not happen gives no sign.
    assert.equal(client.received().length, 0);
    go.resolve();
    await sent;
    assert.equal((await client.readResponse()).text(), "ok");
  });
});

suite("the dependency", () => {
  test("the default head limit keeps dead origins within 5 s, slack included", () => {
    const { timeout, connectTimeout } = dependencySettings.parse({ http: { targets: ["http://a"] } });
    assert.ok(timeout * 1.1 <= 5000 && connectTimeout <= timeout);
  });

  test("a refused port is 502 at once", async () => {
    await using gateway = await startGateway({ target: `http://127.0.0.1:${await deadPort()}` });
    const [answer, took] = await ask(gateway);
    assertProblem(answer, 502, "connect");
    assert.ok(took.fair < 500, `${took.real} ms`);
  });

  test("a connection that is never made is 504 after connectTimeout", async () => {
    // TLS over a socket that accepts and says nothing: the attempt includes the handshake, so it never ends.
    await using origin = await startRawOrigin(async ({ closed, end }) => void closed.then(end));
    const target = `https://127.0.0.1:${origin.port}`;
    await using gateway = await startGateway({ target, dependency: { connectTimeout: "300ms" } });
    const [answer, took] = await ask(gateway);
    assertProblem(answer, 504, "connect-timeout");
    assert.ok(took.real > 250 && took.fair < 2500, `${took.real} ms`);
  });

  for (const [what, does, reason] of [
    ["RST", "reset", "reset"],
    ["FIN", "end", "reset"],
  ] as const) {
    test(`${what} before the head is 502`, async () => {
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        connection[does]();
      });
      await using gateway = await startGateway({ target: origin.url });
      const [answer, took] = await ask(gateway);
      assertProblem(answer, 502, reason);
      assert.ok(took.fair < 500, `${took.real} ms`);
    });
  }

  test("FIN in the middle of a head is 502", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Le");
      connection.end();
    });
    await using gateway = await startGateway({ target: origin.url });
    const [answer] = await ask(gateway);
    assert.equal(answer.status, 502);
  });

  for (const [fault, limit] of [
    ["black-hole", "timeout"],
    ["half-close", "reset"],
  ] as const) {
    test(`${fault} is bounded`, async () => {
      await using origin = await startEchoOrigin();
      await using proxy = await startFaultProxy(origin.port);
      await proxy.set({ kind: fault });
      await using gateway = await startGateway({ target: proxy.url, dependency: { timeout: "300ms" } });
      const [answer, took] = await ask(gateway);
      if (limit === "timeout") assertProblem(answer, 504, "timeout");
      else assert.equal(answer.status, 502);
      assert.ok(took.fair < 900, `${took.real} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });
  }

  for (const [what, silent, status] of [
    ["the wait for a client that sends its body slowly is not the dependency's", false, 200],
    ["behind the last part of a slow body the dependency has its own time, and no more", true, 504],
  ] as const) {
    test(what, async () => {
      let got = 0;
      await using origin = await startOrigin((request, response) => {
        request.on("data", (chunk: Buffer) => (got += chunk.length));
        request.on("end", () => silent || response.end("ok"));
      });
      const clock = new ManualClock();
      await using gateway = await startGateway({ target: origin.url, dependency: { timeout: "1s" } }, clock);
      using client = await connectRaw(gateway.port);
      const part = "x".repeat(32 * 1024);
      await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${part.length * 8}\r\n\r\n${part}${part}`);
      for (let sent = 2; ; sent++) {
        await until(() => got === sent * part.length, { what: () => `${sent} parts have come; ${got} octets have` });
        if (sent === 8) break;
        clock.advance(1500);
        await client.send(part);
      }
      if (silent) clock.advance(1500);
      assert.equal((await client.readResponse()).status, status);
    });
  }

  test("a route's own limit on the head counts", async () => {
    await using origin = await startRawOrigin(hang);
    await using gateway = await startGateway({ target: origin.url, route: { timeout: "200ms" } });
    const [answer, took] = await ask(gateway);
    assertProblem(answer, 504, "timeout");
    assert.ok(took.real > 180 && took.fair < 600, `${took.real} ms`);
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
  });

  test("a pause in the answer's body longer than bodyTimeout cuts it", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n");
      await connection.closed;
      connection.end();
    });
    await using gateway = await startGateway({ target: origin.url, dependency: { bodyTimeout: "200ms" } });
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    await client.readUntil("12345");
    const [, took] = await timed(deadline(client.closed, 2000, "the cut"));
    assert.ok(took.real > 150 && took.fair < 600, `${took.real} ms`);
    assert.ok(!client.received().toString().endsWith("0\r\n\r\n"));
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
  });
});

suite("connections and whole exchanges", () => {
  test("an idle connection is closed after keepAlive", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url, listen: { keepAlive: "300ms" } });
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    await client.readResponse();
    const [how, took] = await timed(deadline(client.closed, 3000, "the connection is closed"));
    assert.equal(how, "fin");
    assert.ok(took.real > 250 && took.fair < 2000, `${took.real} ms`);
  });

  test("requestTimeout answers 504 when nothing was written, and frees the origin", async () => {
    await using origin = await startRawOrigin(hang);
    await using gateway = await startGateway({
      target: origin.url,
      listen: { requestTimeout: "200ms" },
      dependency: { timeout: "30s" },
    });
    const [answer, took] = await ask(gateway);
    assertProblem(answer, 504, "timeout");
    assert.ok(took.real > 180 && took.fair < 600, `${took.real} ms`);
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    assert.equal(gateway.ended[0]?.outcome.kind, "failed");
  });

  test("requestTimeout cuts an answer under way, and leaves an event stream alone", async () => {
    await using origin = await startOrigin((request, response) => {
      response.setHeader("Content-Type", request.url === "/events" ? "text/event-stream" : "text/plain");
      response.write("begun");
      const beat = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(beat));
    });
    await using gateway = await startGateway({ target: origin.url, listen: { requestTimeout: "300ms" } });
    using events = await connectRaw(gateway.port);
    await events.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    const [, took] = await timed(deadline(client.closed, 2000, "the cut"));
    assert.ok(took.real > 250 && took.fair < 800, `${took.real} ms`);
    assert.equal(events.closing, undefined);
  });
});

test("a wall clock that jumps an hour either way disturbs nothing", async () => {
  const clock = new ManualClock();
  await using origin = await startEchoOrigin();
  await using gateway = await startGateway({ target: origin.url }, clock);
  using client = await connectRaw(gateway.port);
  for (const jump of [0, 3_600_000, -3_600_000]) {
    await client.send(GET);
    clock.setWall(clock.wall() + jump);
    await clock.advanceAsync(100);
    assert.equal((await client.readResponse()).status, 200);
  }
  await until(() => gateway.ended.length === 3, { what: "all ended" });
  for (const { durationMs } of gateway.ended) assert.ok(durationMs >= 0 && durationMs <= 100, `${durationMs} ms`);
});
