import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { printable } from "../../support/byte-reader.ts";
import { startGateway } from "../../support/gateway.ts";
import { startHostile } from "../../support/hostile-origin.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin, type OriginConnection } from "../../support/raw-origin.ts";
import { assertProblem, probe } from "../../support/scene.ts";
import { deadline, until } from "../../support/wait.ts";

const STAGED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Staged: yes\r\n\r\nSECRET";
const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const ask = (target = "/first"): string => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

suite("answers of a hostile origin", () => {
  test("S18: an answer that is not one unambiguous HTTP/1.1 message: 502, connection discarded, others unharmed", async (t) => {
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 99 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 600 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 999 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 1000 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 20x OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 +200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 2 0 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/3.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/11 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "SSH-2.0-OpenSSH_9\r\n",
      "hello",
      "\x00\x00\x12\x04\x00\x00\x00\x00\x00",
      "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA: 1\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello",
      "HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA: 1\x00\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA\x00: 1\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA: 1\r\n\t2\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\n A: 1\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA B: 1\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA\xe9: 1\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\n: 1\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nA: \x01\x1b[31m\r\nContent-Length: 5\r\n\r\nhello",
      `HTTP/1.1 200 OK\r\nA: ${"x".repeat(100_000)}\r\nContent-Length: 5\r\n\r\nhello`,
      `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(20_000)}Content-Length: 5\r\n\r\nhello`,
      `HTTP/1.1 200 OK\r\n${"x".repeat(100_000)}: y\r\nContent-Length: 5\r\n\r\nhello`,
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(17)}${PLAIN}`,
      `${"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000)}${PLAIN}`,
    ];
    for (const text of answers) {
      await t.test(JSON.stringify(text.slice(0, 110)), async () => {
        await using scene = await startHostile((connection) => connection.send(text));
        using client = await connectRaw(scene.gateway.port);
        await client.send(ask());
        const answer = await client.readResponse();
        assertProblem(answer, 502);
        await probe(client);
        assert.equal(scene.origin.connections, 2, "the connection to the origin was used again");
        assert.equal(client.received().includes("hello"), false);
      });
    }
  });

  test("S18: octets on an idle connection end it; the next request goes on a fresh one", async (t) => {
    for (const late of [
      STAGED,
      "x",
      "\r\n",
      "HTTP/1.1 408 Late\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
    ]) {
      await t.test(JSON.stringify(late.slice(0, 30)), async () => {
        const connections: OriginConnection[] = [];
        await using scene = await startHostile(async (connection) => {
          connections.push(connection);
          await connection.send(PLAIN);
        });
        using client = await connectRaw(scene.gateway.port);
        await client.send(ask());
        assert.equal((await client.readResponse()).text(), "ok");
        await connections[0]!.send(late);
        if (late !== "\r\n") await deadline(connections[0]!.closed, 10_000, "the gateway to drop the connection");
        await probe(client);
        using other = await connectRaw(scene.gateway.port);
        await probe(other);
        assert.equal(client.received().includes("SECRET"), false);
        if (late !== "\r\n") assert.equal(scene.origin.connections, 2);
      });
    }
  });

  test("S18: a body that breaks off is never passed off as whole, nor its connection used again", async (t) => {
    const cases: [name: string, text: string][] = [
      ["a length, too short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"],
      ["chunks, no end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
      ["chunks, cut in one", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello"],
      ["chunks, no last CRLF", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"],
    ];
    for (const [name, text] of cases) {
      await t.test(name, async () => {
        await using scene = await startHostile(async (connection) => {
          await connection.send(text);
          connection.end();
        });
        using client = await connectRaw(scene.gateway.port);
        await client.send(ask());
        await deadline(client.closed, 10_000, "the client is told by the end of the connection");
        const received = client.rest().toString();
        assert.doesNotMatch(received, /\r\n0\r\n\r\n$/);
        assert.doesNotMatch(received, /Content-Length: 5\r\n/);
        using other = await connectRaw(scene.gateway.port);
        await probe(other);
      });
    }
  });

  test("S18: a body that breaks in the read that brought its head is a 502, and one that had begun to go out is cut", async (t) => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const cases: [name: string, rest: string][] = [
      ["bad size", "5\r\nhello\r\nzz\r\n"],
      ["0x", "5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n"],
      ["bare LF", "5\r\nhello\r\n5\nhello\r\n0\r\n\r\n"],
      ["spill", "5\r\nhelloXX0\r\n\r\n"],
    ];
    for (const [name, rest] of cases) {
      await t.test(name, async () => {
        const begun = Promise.withResolvers<void>();
        await using scene = await startHostile(async (connection, head_) => {
          if (head_.target === "/whole") await connection.send(head + rest);
          else {
            await connection.send(head);
            await begun.promise;
            await connection.send(rest);
          }
        });
        using client = await connectRaw(scene.gateway.port);
        await client.send(ask("/whole"));
        assertProblem(await client.readResponse(), 502);
        await client.send(ask("/begun"));
        assert.equal((await client.readHead()).status, 200);
        begun.resolve();
        await deadline(client.closed, 10_000, "the client is told by the end of the connection");
        assert.doesNotMatch(client.rest().toString(), /0\r\n\r\n$/);
        using other = await connectRaw(scene.gateway.port);
        await probe(other);
      });
    }
  });

  test("S18: good answers of odd forms pass with framing of our own", async (t) => {
    const cases: [name: string, text: string, body: string][] = [
      ["ended by close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello"],
      ["HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
      ["chunk extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "hello"],
      [
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: SECRET\r\n\r\n",
        "hello",
      ],
      ["no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello"],
      ["16 interim answers", `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(16)}${PLAIN}`, "ok"],
      ["status 599", "HTTP/1.1 599 Odd\r\nContent-Length: 5\r\n\r\nhello", "hello"],
      ["an odd reason", "HTTP/1.1 200 \x80\xff: <script>\r\nContent-Length: 5\r\n\r\nhello", "hello"],
      ["__proto__", "HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\nContent-Length: 5\r\n\r\nhello", "hello"],
    ];
    for (const [name, text, body] of cases) {
      await t.test(name, async () => {
        await using scene = await startHostile(async (connection) => {
          await connection.send(text);
          if (name === "ended by close" || name === "HTTP/1.0") connection.end();
        });
        using client = await connectRaw(scene.gateway.port);
        await client.send(ask());
        const answer = await client.readResponse();
        assert.equal(answer.body.toString(), body, printable(answer.raw));
        assert.equal(answer.version, "1.1");
        assert.equal(client.received().includes("SECRET"), false);
        await probe(client);
      });
    }
  });

  test("S18: an answer before the upload has ended does not leave half a request on a connection that is used again", async () => {
    const long = "x".repeat(400_000);
    await using origin = await startRawOrigin(async (connection) => {
      const head = await connection.readHead();
      if (head?.target !== "/first") {
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/probe");
        return;
      }
      await connection.send(PLAIN);
      await connection.closed;
      connection.socket.destroy();
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(
      `POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${long.length}\r\n\r\n${long.slice(0, 200_000)}`,
    );
    assert.equal((await client.readResponse()).text(), "ok");
    using other = await connectRaw(gateway.port);
    await probe(other);
    await until(() => origin.connections === 2, { what: "a fresh connection was made" });
  });
});
