import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { acceptOf } from "../../../src/dependency/tunnel.ts";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { assertProblem, probe, startScene } from "../../support/scene.ts";
import { deadline, until } from "../../support/wait.ts";
import { printable } from "../../support/byte-reader.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
const handshake = (more = "", line = "GET /ws HTTP/1.1", key = KEY): string =>
  `${line}\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${key}\r\n${more}\r\n`;

const websocket = { route: { websocket: true } };

/** An origin that answers each handshake with these octets, then echoes. */
const startSocketOrigin = (answer: string) =>
  startRawOrigin(async (connection) => {
    for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
      if (head.target === "/probe") {
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/probe");
        continue;
      }
      await connection.send(answer);
      if (!answer.startsWith("HTTP/1.1 101")) continue;
      connection.socket.on("data", (chunk: Buffer) => connection.socket.write(chunk));
      return;
    }
    connection.end();
  });

const SWITCH = (accept: string, upgrade = "Upgrade: websocket\r\n"): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${upgrade}Sec-WebSocket-Accept: ${accept}\r\n\r\n`;

suite("upgrades", () => {
  test("S13: h2c and unknown upgrades are ignored: an ordinary request goes on, the connection ends behind it", async (t) => {
    await using scene = await startScene(websocket);
    for (const [name, head, body] of [
      [
        "h2c",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "",
      ],
      ["h2c without settings", "Connection: Upgrade\r\nUpgrade: h2c\r\n", ""],
      ["h2c and websocket", "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n", ""],
      ["websocket and h2c", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", ""],
      ["two lines", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", ""],
      ["unknown", "Connection: Upgrade\r\nUpgrade: made-up/1\r\n", ""],
      ["tls", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", ""],
      ["h2c with a body", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n", "hello"],
      [
        "h2c in chunks",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
      ],
    ] as const) {
      await t.test(name, async () => {
        scene.forget();
        using client = await connectRaw(scene.port);
        await client.send(`POST /first HTTP/1.1\r\nHost: a.example\r\n${head}\r\n${body}${SMUGGLED}`);
        const answer = await client.readResponse();
        assert.equal(answer.status, 200, printable(answer.raw));
        assert.equal(answer.header("connection"), "close");
        assert.equal(await deadline(client.closed, 10_000, "the end"), "fin");
        assert.equal(client.rest().length, 0);
        await scene.stillServes();
        const [seen, ...more] = scene.seen;
        assert.equal(seen!.target, "/first");
        assert.equal(seen!.body.toString(), body === "" ? "" : "hello");
        assert.doesNotMatch(seen!.rawHead.toString(), /upgrade|settings|h2c/i);
        assert.deepEqual(
          more.map(({ target }) => target),
          ["/probe"],
        );
      });
    }
    await t.test("Upgrade that Connection does not name is nothing", async () => {
      const seen = await scene.forwards("GET /first HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n");
      assert.equal(seen.header("upgrade"), undefined);
    });
  });

  test("S13: a malformed body behind an ignored upgrade never reaches the origin; it counts as one that stalls", async () => {
    await using scene = await startScene({ listen: { bodyTimeout: "100ms" } });
    await scene.refuses(
      `POST /first HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      408,
    );
  });

  test("S13: a WebSocket on a route without, or a handshake that is none: refused, closed, nothing forwarded", async (t) => {
    await using plain = await startScene();
    await t.test("route without", () => plain.refuses(handshake() + SMUGGLED, 403));
    await using scene = await startScene(websocket);
    for (const [name, octets] of [
      ["POST", handshake("", "POST /ws HTTP/1.1")],
      ["POST with a body", handshake("Content-Length: 5\r\n", "POST /ws HTTP/1.1") + "hello"],
      ["GET with a body", `${handshake("Content-Length: 5\r\n")}hello`],
      ["GET in chunks", `${handshake("Transfer-Encoding: chunked\r\n")}5\r\nhello\r\n0\r\n\r\n`],
      ["a key of 15 octets", handshake("", undefined, "dGhlIHNhbXBsZSBub25j")],
      ["an empty key", handshake("", undefined, "")],
      ["two keys", handshake(`Sec-WebSocket-Key: ${KEY}\r\n`)],
      ["no key", handshake().replace(/Sec-WebSocket-Key: .*\r\n/, "")],
      ["DELETE", handshake("", "DELETE /ws HTTP/1.1")],
      ["HTTP/1.0", handshake("", "GET /ws HTTP/1.0")],
    ] as const) {
      await t.test(name, () => scene.refuses(octets + SMUGGLED, 403));
    }
    for (const [name, octets] of [
      ["two Hosts", handshake("Host: b.example\r\n")],
      ["a dot segment", handshake("", "GET /x/../ws HTTP/1.1")],
      ["Transfer-Encoding and Content-Length", handshake("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")],
    ] as const) {
      await t.test(name, () => scene.refuses(octets + SMUGGLED, 400));
    }
    await scene.stillServes();
  });

  test("S13: an upgrade or CONNECT behind requests that are not answered is cut and harms nobody", async (t) => {
    await using origin = await startRawOrigin(async (connection) => {
      void connection.closed.then(() => connection.socket.destroy());
      for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
        if (head.target === "/probe") await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/probe");
      }
    });
    await using gateway = await startGateway({ target: origin.url, ...websocket });
    const held = "GET /held HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const post = "POST /held HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi";
    const connect = "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for (const [name, octets] of [
      ["an upgrade behind a GET", held + handshake()],
      ["an upgrade behind a POST", post + handshake()],
      ["an upgrade behind three GETs", held + held + held + handshake()],
      ["CONNECT behind a GET", held + connect],
      ["CONNECT behind a POST and a GET", post + held + connect],
      ["an upgrade behind a refused request", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${handshake()}`],
      ["CONNECT behind a refused request", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${connect}`],
    ] as const) {
      await t.test(name, async () => {
        using client = await connectRaw(gateway.port);
        await client.send(octets);
        await deadline(client.closed, 10_000, "the end of the connection");
        assert.doesNotMatch(client.rest().toString(), / 101 | 200 /);
        await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
        using other = await connectRaw(gateway.port);
        await probe(other);
      });
    }
  });

  test("S13: a tunnel stands only after a 101 with a valid accept; early octets wait for it", async () => {
    await using origin = await startSocketOrigin(SWITCH(acceptOf(KEY)));
    await using gateway = await startGateway({ target: origin.url, ...websocket });
    using client = await connectRaw(gateway.port);
    await client.send(`${handshake()}early`);
    const head = await client.readHead();
    assert.equal(head.status, 101);
    await client.readUntil("early");
    await client.send("later");
    await client.readUntil("earlylater");
    client.destroy();
    await until(() => gateway.gateway.open() === 0, { what: "the tunnel is over" });
    const [received] = origin.received;
    assert.match(received!.toString(), /^GET \/ws HTTP\/1\.1\r\n[^]*upgrade: websocket\r\n[^]*\r\n\r\nearlylater$/i);
  });

  test("S13: any other switch is a 502: nothing of the tunnel passes either way", async (t) => {
    for (const [name, answer] of [
      ["a wrong accept", SWITCH("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
      ["no accept", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
      ["an empty accept", SWITCH("")],
      ["another protocol", SWITCH(acceptOf(KEY), "Upgrade: h2c\r\n")],
      ["two protocols", SWITCH(acceptOf(KEY), "Upgrade: websocket\r\nUpgrade: h2c\r\n")],
      ["no protocol", SWITCH(acceptOf(KEY), "")],
      ["Transfer-Encoding of its own", SWITCH(acceptOf(KEY), "Upgrade: websocket\r\nTransfer-Encoding: x\r\n")],
    ] as const) {
      await t.test(name, async () => {
        await using origin = await startSocketOrigin(`${answer}SECRET`);
        await using gateway = await startGateway({ target: origin.url, ...websocket });
        using client = await connectRaw(gateway.port);
        await client.send(`${handshake()}early${SMUGGLED}`);
        const response = await client.readResponse();
        assertProblem(response, 502);
        await deadline(client.closed, 10_000, "the end");
        assert.equal(client.received().includes("SECRET"), false);
        assert.equal(origin.received[0]!.includes("early"), false);
        assert.equal(origin.received[0]!.includes("smuggled"), false);
      });
    }
  });

  test("S13: after 200, 426 or another refusal there is no tunnel: the answer passes, then the end", async (t) => {
    for (const answer of [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ]) {
      await t.test(answer.slice(9, 12), async () => {
        await using origin = await startSocketOrigin(answer);
        await using gateway = await startGateway({ target: origin.url, ...websocket });
        using client = await connectRaw(gateway.port);
        await client.send(`${handshake()}early${SMUGGLED}`);
        const response = await client.readResponse();
        assert.equal(String(response.status), answer.slice(9, 12));
        assert.equal(response.text(), "ok");
        await deadline(client.closed, 10_000, "the end");
        assert.equal(client.rest().length, 0);
        assert.equal(origin.received[0]!.includes("early"), false);
        assert.equal(origin.received[0]!.includes("smuggled"), false);
      });
    }
  });

  test("S13: a 101 that nobody asked for is a 502, and its connection is discarded", async () => {
    await using origin = await startSocketOrigin(
      `${SWITCH(acceptOf(KEY))}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET`,
    );
    await using gateway = await startGateway({ target: origin.url, ...websocket });
    using client = await connectRaw(gateway.port);
    await client.send("GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assertProblem(await client.readResponse(), 502);
    await probe(client);
    assert.equal(client.received().includes("SECRET"), false);
    assert.equal(origin.connections, 2);
  });
});
