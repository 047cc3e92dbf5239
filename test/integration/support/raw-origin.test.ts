import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import {
  deadPort,
  type Echo,
  type RawRequest,
  startEchoOrigin,
  startOrigin,
  startRawOrigin,
} from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

suite("raw origin", () => {
  test("parses pipelined requests one at a time and keeps every octet", async () => {
    const seen: RawRequest[] = [];
    await using origin = await startRawOrigin(async (connection) => {
      for (;;) {
        const request = await connection.readRequest();
        if (!request) return;
        seen.push(request);
      }
    });
    const first = "POST /a?b HTTP/1.1\r\nhOsT: x\r\nTransfer-Encoding: chunked\r\n\r\n2;e\r\nhi\r\n0\r\nT: 1\r\n\r\n";
    const second = "GET /c HTTP/1.0\r\n\r\n";
    using client = await connectRaw(origin.port);
    await client.send(first + second);
    client.end();
    await until(() => seen.length === 2, { what: "two requests were read" });
    assert.equal(seen[0]!.target, "/a?b");
    assert.equal(seen[0]!.header("host"), "x");
    assert.deepEqual(seen[0]!.headers.slice(0, 2), ["hOsT", "x"]);
    assert.equal(seen[0]!.body.toString(), "hi");
    assert.equal(seen[0]!.rawBody.toString(), "2;e\r\nhi\r\n0\r\nT: 1\r\n\r\n");
    assert.equal(seen[0]!.rawHead.toString() + seen[0]!.rawBody.toString(), first);
    assert.deepEqual(seen[0]!.trailers, ["T", "1"]);
    assert.equal(seen[1]!.version, "1.0");
    assert.deepEqual(origin.received.map(String), [first + second]);
  });

  test("counts connections and sees them go", async () => {
    await using origin = await startRawOrigin((connection) => void connection.closed.then(() => connection.end()));
    const client = await connectRaw(origin.port);
    using other = await connectRaw(origin.port);
    await until(() => origin.open === 2, { what: "both connections stood" });
    client.destroy();
    await until(() => origin.open === 1, { what: "one was gone" });
    assert.equal(origin.connections, 2);
    assert.equal(other.closing, undefined);
  });

  test("a handler that throws is heard at close; a peer that leaves is not an error", async () => {
    const origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      assert.equal(1, 2, "what the handler found");
    });
    using one = await connectRaw(origin.port);
    await one.send("GET / HT");
    one.end();
    await until(() => origin.open === 0, { what: "the half request was given up" });
    assert.deepEqual(origin.errors, []);
    using two = await connectRaw(origin.port);
    await two.send("GET / HTTP/1.1\r\n\r\n");
    await until(() => origin.errors.length === 1, { what: "the handler failed" });
    await assert.rejects(origin.close(), /what the handler found/);
  });

  test("echoes on a connection that is kept, with 100 where it is expected, and ends where it is asked to", async () => {
    await using origin = await startEchoOrigin();
    using client = await connectRaw(origin.port);
    await client.send("PUT /a HTTP/1.1\r\nX-One: 1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    await client.readUntil("100 Continue");
    await client.send("\xff!");
    const response = await client.readResponse();
    assert.deepEqual(response.interim.length, 1);
    const echo = response.json() as Echo;
    assert.equal(echo.method, "PUT");
    assert.equal(echo.body, "\xff!");
    assert.deepEqual(echo.headers.slice(0, 2), ["X-One", "1"]);
    await client.send("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert.equal((await client.readResponse({ method: "HEAD" })).body.length, 0);
    assert.equal((await client.readResponse()).status, 200);
    assert.equal(await client.closed, "fin");
  });

  test("a node:http origin counts what it gets", async () => {
    await using origin = await startOrigin((_req, res) => res.end("hello"));
    assert.equal(await (await fetch(origin.url)).text(), "hello");
    assert.equal(origin.requests, 1);
    assert.equal(origin.connections, 1);
  });

  test("a dead port refuses", async () => {
    await assert.rejects(connectRaw(await deadPort()), { code: "ECONNREFUSED" });
  });

  test("a wait in vain says for what", async () => {
    await assert.rejects(
      until(() => false, { timeoutMs: 5, what: "cows flew" }),
      /5 ms in vain until cows flew/,
    );
    await assert.rejects(
      deadline(new Promise(() => {}), 5, () => "a cow"),
      /not within 5 ms: a cow/,
    );
    assert.equal(await until(() => Promise.resolve(7), { what: "a number came" }), 7);
  });
});
