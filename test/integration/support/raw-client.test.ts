import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:tls";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { listen, startRawOrigin, stopListening } from "../../support/raw-origin.ts";

/** An origin that sends these pieces to whoever sends it anything, then does `after`. */
const scripted = (pieces: string[], after: "stay" | "end" | "reset" = "stay") =>
  startRawOrigin(async (connection) => {
    await connection.readHead();
    await connection.send(...pieces);
    if (after === "end") connection.end();
    if (after === "reset") connection.reset();
  });

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

suite("raw client", () => {
  test("reads a body framed by Content-Length and leaves the rest", async () => {
    await using origin = await scripted(["HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\nabcEXTRA"]);
    using client = await connectRaw(origin.port);
    await client.send(GET);
    const response = await client.readResponse();
    assert.deepEqual(response.headers, ["X-A", "1", "x-a", "2", "Content-Length", "3"]);
    assert.equal(response.status, 200);
    assert.equal(response.reason, "OK");
    assert.equal(response.text(), "abc");
    assert.equal(client.rest().toString(), "EXTRA");
    assert.equal(client.closing, undefined);
  });

  test("reads chunks that are cut anywhere, extensions and trailers", async () => {
    const whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: end\r\n\r\n";
    await using origin = await scripted(whole.split(""));
    using client = await connectRaw(origin.port);
    await client.send(GET);
    const response = await client.readResponse();
    assert.equal(response.text(), "abc0123456789");
    assert.deepEqual(response.chunks, [3, 10]);
    assert.deepEqual(response.trailers, ["X-T", "end"]);
    assert.equal(response.raw.toString(), whole);
  });

  test("collects interim answers and knows that HEAD, 204 and 304 have no body", async () => {
    await using origin = await scripted([
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    ]);
    using client = await connectRaw(origin.port);
    await client.send(GET);
    const head = await client.readResponse({ method: "HEAD" });
    assert.deepEqual(head.interim, [{ status: 103, headers: ["Link", "</a>"] }]);
    assert.equal(head.body.length, 0);
    assert.equal((await client.readResponse()).status, 204);
    assert.equal((await client.readResponse()).status, 304);
    assert.equal(client.rest().length, 0);
  });

  test("tells FIN from RST, and a body by close that was reset is an error", async () => {
    await using finished = await scripted(["HTTP/1.1 200 OK\r\n\r\nby close"], "end");
    using one = await connectRaw(finished.port);
    await one.send(GET);
    assert.equal((await one.readResponse()).text(), "by close");
    assert.equal(await one.closed, "fin");

    await using cut = await scripted(["HTTP/1.1 200 OK\r\n\r\nby close"], "reset");
    using two = await connectRaw(cut.port);
    await two.send(GET);
    await assert.rejects(two.readResponse(), /ended by reset|in the middle of/);
    assert.equal(await two.closed, "reset");
  });

  test("an error prints what was received", async () => {
    await using origin = await scripted(["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"]);
    using client = await connectRaw(origin.port);
    await client.send(GET);
    await assert.rejects(
      client.readResponse({ timeoutMs: 50 }),
      /not within 50 ms: a whole response; received so far: "HTTP/,
    );
  });

  test("a bare LF, two framings and a bad chunk size are errors", async () => {
    for (const [bytes, message] of [
      ["HTTP/1.1 200 OK\n\n", /bare LF/],
      ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", /both Transfer-Encoding/],
      ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\n", /chunk size/],
      ["HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", /Content-Length "1, 1"/],
    ] as const) {
      await using origin = await scripted([bytes]);
      using client = await connectRaw(origin.port);
      await client.send(GET);
      await assert.rejects(client.readResponse(), message);
    }
  });

  test("sends octets as given and can watch for text without taking it", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("data: 1\n\n");
    });
    using client = await connectRaw(origin.port);
    await client.send(
      "POST /x HTTP/1.1\r\n",
      Buffer.from("X-\xe9: \xff\r\nContent-Length: 2\r\n\r\n", "latin1"),
      "\x00\xff",
    );
    assert.equal(await client.readUntil("data: 1"), "data: 1\n\n");
    assert.equal(client.rest().toString(), "data: 1\n\n");
    const sent = "POST /x HTTP/1.1\r\nX-\xe9: \xff\r\nContent-Length: 2\r\n\r\n\x00\xff";
    assert.equal(origin.received[0]!.toString("latin1"), sent);
  });

  test("a slow reader fills the peer's window", async () => {
    const big = Buffer.alloc(16 * 1024 * 1024, "x");
    let handedOver = false;
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readHead();
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n`, big);
      handedOver = true;
    });
    using client = await connectRaw(origin.port);
    client.pauseReading();
    await client.send(GET);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(handedOver, false);
    client.resumeReading();
    assert.equal((await client.readResponse({ timeoutMs: 10_000 })).body.length, big.length);
  });

  test("speaks TLS to the fixture certificate", async () => {
    const read = (name: string) => readFileSync(new URL(`../../support/tls/${name}`, import.meta.url));
    const server = createTlsServer(
      { cert: read("cert.pem"), key: read("key.pem"), ALPNProtocols: ["http/1.1"] },
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n${String(socket.alpnProtocol)}`),
    );
    const port = await listen(server, 0);
    {
      using client = await connectRaw(port, { alpn: ["http/1.1"] });
      assert.equal((await client.readResponse()).text(), "http/1.1");
    }
    await stopListening(server);
  });
});
