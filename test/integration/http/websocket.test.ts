import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { fairClock } from "../../support/fair-clock.ts";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

const ASK =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREE =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async function startSocketOrigin() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", (message, binary) => socket.send(message, { binary }));
  });
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

suite("a WebSocket", () => {
  test("echoes texts and a mebibyte through the gateway, and closes with its code, both ways", async () => {
    await using origin = await startSocketOrigin();
    await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
    for (const closer of ["client", "origin"] as const) {
      const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`);
      await once(client, "open");
      client.send("hello");
      const [text] = await once(client, "message");
      assert.equal(String(text), "hello");
      const large = Buffer.alloc(1024 ** 2, "w");
      client.send(large);
      const [back] = await once(client, "message");
      assert.ok(large.equals(back));
      const [inner] = origin.server.clients;
      const other = closer === "client" ? inner! : client;
      const closed = once(other, "close");
      (closer === "client" ? client : inner!).close(4001, "enough");
      const [code, reason] = await deadline(closed, 10_000, "the other side closes");
      assert.deepEqual([code, String(reason)], [4001, "enough"]);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    }
    assert.deepEqual(
      gateway.ended.map(({ status, outcome, whole }) => [status, outcome.kind, whole]),
      [
        [101, "tunnelled", true],
        [101, "tunnelled", true],
      ],
    );
  });

  test("early data on both sides arrives behind the handshake", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.send(`${AGREE}early-origin`);
    });
    await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
    using client = await connectRaw(gateway.port);
    await client.send(`${ASK}early-`, "client");
    await client.readUntil("early-origin");
    await until(() => origin.received[0]?.toString().endsWith("\r\n\r\nearly-client"), { what: "early data arrives" });
  });

  test("a route that takes none refuses, and asks nobody", async () => {
    await using origin = await startSocketOrigin();
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(ASK);
    const answer = await client.readResponse();
    assert.deepEqual([answer.status, answer.header("content-type")], [403, "application/problem+json"]);
    await deadline(client.closed, 10_000, "the connection is closed");
    assert.equal(origin.server.clients.size, 0);
  });

  test("an answer other than 101 passes on, whole, with the route's edits", async () => {
    const responseHeaders = { set: { "X-Ours": "1" }, remove: ["server"] };
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.send(
        "HTTP/1.1 401 Unauthorized\r\nServer: x\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?",
      );
    });
    await using gateway = await startGateway({ target: origin.url, route: { websocket: true, responseHeaders } });
    using client = await connectRaw(gateway.port);
    await client.send(ASK);
    const answer = await client.readResponse();
    assert.deepEqual([answer.status, answer.header("www-authenticate"), answer.text()], [401, "Basic", "who?"]);
    assert.deepEqual([answer.header("server"), answer.header("x-ours")], [undefined, "1"]);
    await deadline(client.closed, 10_000, "the connection is closed");
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("a 101 without a valid accept key is a bad answer", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.send(AGREE.replace("s3pPLMBi", "AAAAAAAA"));
    });
    await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
    using client = await connectRaw(gateway.port);
    await client.send(ASK);
    assert.equal((await client.readResponse()).status, 502);
  });

  for (const how of ["destroy", "reset"] as const) {
    test(`a client that leaves before the handshake is over (${how}) frees the origin within 100 ms`, async () => {
      const asked = Promise.withResolvers<void>();
      let freedAt = 0;
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readHead();
        asked.resolve();
        await connection.closed;
        freedAt = fairClock.now();
      });
      await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
      const client = await connectRaw(gateway.port);
      await client.send(ASK);
      await asked.promise;
      const leftAt = fairClock.now();
      client[how]();
      await until(() => freedAt, { what: "the origin's connection is over" });
      assert.ok(freedAt - leftAt < 100, `${freedAt - leftAt} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });

    test(`either end of a tunnel that dies (${how}) ends the other`, async () => {
      const opened = Promise.withResolvers<{ reset(): void; destroy(): void; closed: Promise<unknown> }>();
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readHead();
        await connection.send(AGREE);
        const { socket, closed } = connection;
        opened.resolve({ reset: () => socket.resetAndDestroy(), destroy: () => socket.destroy(), closed });
      });
      await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
      const client = await connectRaw(gateway.port);
      await client.send(ASK);
      await client.readUntil("101 Switching Protocols");
      const inner = await opened.promise;
      if (how === "reset") {
        client.reset();
        await deadline(inner.closed, 10_000, "the origin's side ends");
      } else {
        inner.destroy();
        await deadline(client.closed, 10_000, "the client's side ends");
      }
      client.destroy();
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });
  }
});

suite("what wants the socket for itself while an answer is still to come", () => {
  for (const [what, second] of [
    ["an upgrade", ASK],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ] as const) {
    test(`${what} pipelined behind a request ends the connection, not the process`, async () => {
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readHead();
      });
      await using gateway = await startGateway({ target: origin.url, route: { websocket: true } });
      using client = await connectRaw(gateway.port);
      await client.send(`GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${second}`);
      await deadline(client.closed, 10_000, "the connection ends");
      assert.equal(client.received().length, 0);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });
  }

  test("CONNECT alone is answered with 501", async () => {
    await using origin = await startRawOrigin(() => {});
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readResponse()).status, 501);
  });
});
