import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { stopwatch } from "../../support/fair-clock.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { connectRaw, type RawResponse } from "../../support/raw-client.ts";
import { startOrigin, startRawOrigin, type OriginConnection } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

function assertPast(answer: RawResponse): void {
  assert.deepEqual([answer.status, answer.header("content-type")], [504, "application/problem+json"]);
  assert.equal((answer.json() as { spillway: { reason: string } }).spillway.reason, "deadline");
}

/** Takes a request and never answers. */
async function hang(connection: OriginConnection): Promise<void> {
  await connection.readRequest();
  await connection.closed;
  connection.end();
}

async function ask({ port }: TestGateway, fields: string, method = "GET", body = ""): Promise<RawResponse> {
  using client = await connectRaw(port);
  await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`);
  return await client.readResponse({ timeoutMs: 6000 });
}

/** A gateway before an origin that notes what fields it got. */
async function noting(config: object = {}, clock?: ManualClock) {
  const seen: Record<string, string | string[] | undefined>[] = [];
  const origin = await startOrigin((request, response) => {
    seen.push(request.headers);
    response.end("ok");
  });
  const gateway = await startGateway({ target: origin.url, ...config }, clock);
  return {
    seen,
    origin,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
}

suite("deadlines of clients", () => {
  test("one that has passed is 504 at once, and no dependency is asked", async () => {
    await using rig = await noting();
    const ago = Date.now() - 5000;
    for (const fields of ["X-Request-Timeout-Ms: 0\r\n", "grpc-timeout: 0m\r\n", `X-Request-Deadline: ${ago}\r\n`]) {
      assertPast(await ask(rig.gateway, fields));
    }
    assert.equal(rig.seen.length, 0);
    assert.equal(rig.gateway.ended.length, 3);
  });

  test("what remains is sent on, less 5 ms, in the client's spelling and as X-Request-Timeout-Ms", async () => {
    const clock = new ManualClock({ now: 50_000 });
    await using rig = await noting({}, clock);
    const at = clock.wall() + 800;
    await ask(rig.gateway, `X-Request-Deadline: ${at}\r\nGRPC-Timeout: 2S\r\n`);
    await ask(rig.gateway, "X-Envoy-Expected-Rq-Timeout-Ms: 300\r\nX-Request-Timeout-Ms: 400\r\n");
    assert.equal(rig.seen[0]?.["x-request-timeout-ms"], "795");
    assert.equal(rig.seen[0]?.["x-request-deadline"], String(at - 5));
    assert.equal(rig.seen[0]?.["grpc-timeout"], "795m");
    assert.equal(rig.seen[1]?.["x-request-timeout-ms"], "295");
    assert.equal(rig.seen[1]?.["x-envoy-expected-rq-timeout-ms"], "295");
  });

  test("a longer one than the dependency may take is cut down to that", async () => {
    const clock = new ManualClock();
    await using rig = await noting({ dependency: { timeout: "2s" }, route: { timeout: "1s" } }, clock);
    await ask(rig.gateway, "X-Request-Timeout-Ms: 86400000\r\n");
    assert.equal(rig.seen[0]?.["x-request-timeout-ms"], "995");
    await using whole = await noting({ listen: { requestTimeout: "700ms" } }, clock);
    await ask(whole.gateway, "X-Request-Timeout-Ms: 9999999999999\r\n");
    assert.equal(whole.seen[0]?.["x-request-timeout-ms"], "695");
  });

  test("one that cannot be read says nothing and goes no further", async () => {
    await using rig = await noting();
    for (const bad of ["-1", "soon", "1.5", "1e9", "9".repeat(400), ""]) {
      const fields = `X-Request-Timeout-Ms: ${bad}\r\nX-Request-Deadline: ${bad}\r\ngrpc-timeout: ${bad}\r\nx_request_deadline: 1\r\n`;
      assert.equal((await ask(rig.gateway, fields)).status, 200, bad);
    }
    for (const headers of rig.seen) {
      const told = Object.keys(headers).filter((name) => /timeout|deadline/.test(name));
      assert.deepEqual(told, []);
    }
  });

  test("it passes while the dependency is silent: 504 in time, and the dependency is let go", async () => {
    await using origin = await startRawOrigin(hang);
    await using gateway = await startGateway({ target: origin.url });
    const took = stopwatch();
    assertPast(await ask(gateway, "X-Request-Timeout-Ms: 150\r\n"));
    const { real, fair } = took();
    assert.ok(real > 140 && fair < 600, `${real} ms`);
    await until(() => origin.open === 0, { what: "the origin's connection is over" });
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("where it is as long as the dependency may take, it is the dependency that was too slow", async () => {
    await using origin = await startRawOrigin(hang);
    await using gateway = await startGateway({ target: origin.url, dependency: { timeout: "150ms" } });
    const answer = await ask(gateway, "X-Request-Timeout-Ms: 5000\r\n");
    assert.equal(answer.status, 504);
    assert.equal((answer.json() as { spillway: { reason: string } }).spillway.reason, "timeout");
  });

  test("it passes while the client sends its body: 504, and no dependency is asked", async () => {
    await using rig = await noting();
    using client = await connectRaw(rig.gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nX-Request-Timeout-Ms: 120\r\n\r\nhalf");
    assertPast(await client.readResponse({ timeoutMs: 5000 }));
    assert.equal(rig.seen.length, 0);
    await until(() => rig.gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("it counts up to the head: a body or an event stream may take longer", async () => {
    const clock = new ManualClock();
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      setTimeout(() => response.end("data: 2\n\n"), 20);
    });
    await using gateway = await startGateway({ target: origin.url }, clock);
    using client = await connectRaw(gateway.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Timeout-Ms: 100\r\n\r\n");
    await client.readUntil("data: 1");
    await clock.advanceAsync(1000);
    await client.readUntil("data: 2");
  });

  test("a WebSocket: 504 while the handshake waits, nothing once it stands", async () => {
    const clock = new ManualClock();
    await using silent = await startRawOrigin(hang);
    await using closed = await startGateway({ target: silent.url, route: { websocket: true } }, clock);
    const handshake =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const answer = ask(closed, `${handshake}X-Request-Timeout-Ms: 100\r\n`);
    await until(() => silent.open === 1, { what: "the origin got the handshake" });
    await clock.advanceAsync(100);
    assertPast(await answer);

    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    try {
      const target = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
      await using gateway = await startGateway({ target, route: { websocket: true } }, clock);
      const headers = { "x-request-timeout-ms": "200" };
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, { headers });
      await deadline(new Promise((resolve) => socket.once("open", resolve)), 5000, "the socket is open");
      await clock.advanceAsync(1000);
      const echo = new Promise((resolve) => socket.once("message", (data) => resolve((data as Buffer).toString())));
      socket.send("still here");
      assert.equal(await deadline(echo, 5000, "the echo"), "still here");
      socket.terminate();
    } finally {
      server.close();
      for (const socket of server.clients) socket.terminate();
    }
  });

  test("fields of a route stand in place of ours", async () => {
    await using rig = await noting({ route: { requestHeaders: { remove: ["X-Request-Timeout-Ms"] } } });
    await ask(rig.gateway, "X-Request-Timeout-Ms: 900\r\n");
    assert.equal(rig.seen[0]?.["x-request-timeout-ms"], undefined);
  });
});
