import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { suite, test } from "node:test";
import { fairClock } from "../../support/fair-clock.ts";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin, startRawOrigin, type Echo } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

suite("no buffering", () => {
  test("an event stream passes chunk by chunk, each within 50 ms", async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<(text: string) => void>();
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
      ask((text) => void response.write(text));
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    const head = await client.readHead();
    assert.equal(head.status, 200);
    const write = await asked;
    for (let event = 0; event < 20; event++) {
      const text = `data: event-${event};\n\n`;
      const sentAt = fairClock.now();
      write(text);
      await client.readUntil(`event-${event};`);
      assert.ok(fairClock.now() - sentAt < 50, `event ${event} took ${fairClock.now() - sentAt} ms`);
    }
  });

  test("a request body goes on before it has ended, once 64 KiB are here", async () => {
    let seen = 0;
    await using origin = await startOrigin((request, response) => {
      request.on("data", (chunk: Buffer) => (seen += chunk.length));
      request.on("end", () => response.end("done"));
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", Buffer.alloc(65_000));
    assert.equal(origin.requests, 0);
    await client.send(Buffer.alloc(5000));
    await until(() => seen >= 65_536, { what: () => `the origin has 64 KiB; it has ${seen}` });
    await client.send(Buffer.alloc(30_000));
    assert.equal((await client.readResponse()).text(), "done");
    assert.equal(seen, 100_000);
  });
});

suite("bodies and the lack of them", () => {
  test("HEAD keeps the length, GET without body and an empty POST arrive as they are", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      for (;;) {
        const request = await connection.readRequest();
        if (!request) return;
        const length = request.header("content-length") ?? "none";
        const coding = request.header("transfer-encoding") ?? "none";
        const body = `${request.method} ${length} ${coding}`;
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
        await connection.send(request.method === "HEAD" ? head : head + body);
      }
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const head = await client.readResponse({ method: "HEAD" });
    assert.deepEqual([head.status, head.header("content-length"), head.body.length], [200, "14", 0]);
    await client.send(GET);
    assert.equal((await client.readResponse()).text(), "GET none none");
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert.equal((await client.readResponse()).text(), "POST 0 none");
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert.equal((await client.readResponse()).text(), "POST 0 none");
    await client.send("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match((await client.readResponse()).text(), /^DELETE (none|0) none$/);
  });

  test("206, 416, 304 and 204 pass with their fields, and the connection goes on", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      for (;;) {
        const request = await connection.readRequest();
        if (!request) return;
        switch (request.target) {
          case "/range":
            await connection.send(
              request.header("range") === "bytes=0-3"
                ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\n0123"
                : "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n",
            );
            break;
          case "/cached":
            await connection.send('HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 10\r\n\r\n');
            break;
          default:
            await connection.send("HTTP/1.1 204 No Content\r\nX-Kept: 1\r\n\r\n");
        }
      }
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    const ask = async (target: string, fields = "") => {
      await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
      return client.readResponse();
    };
    const part = await ask("/range", "Range: bytes=0-3\r\n");
    assert.deepEqual([part.status, part.header("content-range"), part.text()], [206, "bytes 0-3/10", "0123"]);
    const beyond = await ask("/range", "Range: bytes=99-\r\n");
    assert.deepEqual([beyond.status, beyond.header("content-range"), beyond.text()], [416, "bytes */10", ""]);
    const cached = await ask("/cached", 'If-None-Match: "1"\r\n');
    assert.deepEqual([cached.status, cached.header("etag"), cached.body.length], [304, '"1"', 0]);
    const none = await ask("/none");
    assert.deepEqual([none.status, none.header("x-kept"), none.header("content-length")], [204, "1", undefined]);
    assert.equal(none.header("transfer-encoding"), undefined);
    assert.equal((await ask("/range", "Range: bytes=0-3\r\n")).text(), "0123");
  });

  test("OPTIONS * is answered here", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.readResponse();
    assert.equal(answer.status, 204);
    assert.match(answer.header("allow") ?? "", /GET/);
    assert.equal(origin.connections, 0);
  });
});

suite("interim answers", () => {
  test("they pass on with their end-to-end fields, none of which is in the final answer; not to HTTP/1.0", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      for (let i = 0; i < 2; i++) {
        await connection.readRequest();
        await connection.send(
          "HTTP/1.1 102 Processing\r\n\r\n",
          "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Other: 1\r\nX-Secret: 2\r\nConnection: x-hop\r\nX-Hop: 3\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        );
      }
    });
    const route = { responseHeaders: { remove: ["X-Secret"] } };
    await using gateway = await startGateway({ target: origin.url, route });
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    const answer = await client.readResponse();
    assert.deepEqual([answer.text(), answer.header("x-other")], ["ok", undefined]);
    assert.deepEqual(answer.interim, [
      { status: 102, headers: [] },
      { status: 103, headers: ["Link", "</a.css>; rel=preload", "X-Other", "1"] },
    ]);
    using old = await connectRaw(gateway.port);
    await old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert.deepEqual((await old.readResponse()).interim, []);
  });

  test("Expect: 100-continue is met by us before the body, and never reaches the origin", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await client.readUntil("HTTP/1.1 100 Continue\r\n\r\n");
    assert.equal(origin.connections, 0);
    await client.send("hello");
    const answer = await client.readResponse();
    assert.deepEqual(
      answer.interim.map(({ status }) => status),
      [100],
    );
    const echo = answer.json() as Echo;
    assert.equal(echo.body, "hello");
    assert.ok(!echo.headers.some((text) => text.toLowerCase() === "expect"));
  });

  for (const [what, fields, status] of [
    ["no route", "Host: other.example\r\nContent-Length: 5", 404],
    ["the limit", "Host: a.example\r\nContent-Length: 2000", 413],
    ["the expectation", "Host: a.example\r\nContent-Length: 5\r\nExpect: magic", 417],
  ] as const) {
    test(`${what} refuses without 100`, async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({
        target: origin.url,
        listen: { maxBody: "1KiB" },
        route: { match: { host: "a.example", path: "/*" } },
      });
      using client = await connectRaw(gateway.port);
      const expect = fields.includes("Expect") ? "" : "Expect: 100-continue\r\n";
      await client.send(`POST / HTTP/1.1\r\n${expect}${fields}\r\n\r\n`);
      const answer = await client.readResponse();
      assert.deepEqual([answer.status, answer.interim, answer.header("connection")], [status, [], "close"]);
      assert.equal(answer.header("content-type"), "application/problem+json");
      assert.equal(origin.connections, 0);
    });
  }
});

suite("trailers", () => {
  for (const [passed, trailers] of [
    [false, []],
    [true, ["X-Sum", "42"]],
  ] as const) {
    test(passed ? "pass where the route lets them" : "are dropped by default", async () => {
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        await connection.send(
          "HTTP/1.1 200 OK\r\nTrailer: X-Sum, Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
          "0\r\nX-Sum: 42\r\nSet-Cookie: evil=1\r\n\r\n",
        );
      });
      await using gateway = await startGateway({ target: origin.url, route: { trailers: passed } });
      using client = await connectRaw(gateway.port);
      await client.send(GET);
      const answer = await client.readResponse();
      assert.equal(answer.text(), "ok");
      assert.deepEqual(answer.trailers, trailers);
      assert.equal(answer.header("trailer") === undefined, !passed);
    });
  }
});

suite("HTTP/1.0 clients", () => {
  test("get a chunked answer without chunks, ended by close", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      assert.equal(request?.version, "1.1");
      await connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "3\r\nyes\r\n0\r\n\r\n",
      );
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    const answer = await client.readResponse();
    assert.equal(answer.text(), "okyes");
    assert.deepEqual(answer.framing.by === "length" ? "close" : answer.framing.by, "close");
    assert.equal(await client.closed, "fin");
  });

  test("see a reset, not an end, when the answer is cut", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
      connection.reset();
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert.equal(await client.closed, "reset");
  });
});

suite("a cut is seen as one", () => {
  const starts = {
    "a Content-Length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
    chunks: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
  };
  for (const [framing, start] of Object.entries(starts)) {
    for (const ending of ["fin", "reset"] as const) {
      test(`${framing}, the origin ends by ${ending}`, async () => {
        const die = Promise.withResolvers<void>();
        await using origin = await startRawOrigin(async (connection) => {
          await connection.readRequest();
          await connection.send(start);
          await die.promise;
          if (ending === "fin") connection.end();
          else connection.reset();
        });
        await using gateway = await startGateway({ target: origin.url });
        using client = await connectRaw(gateway.port);
        await client.send(GET);
        await client.readUntil("12345");
        const diedAt = fairClock.now();
        die.resolve();
        await client.closed;
        assert.ok(fairClock.now() - diedAt < 100);
        assert.ok(!client.received().toString().includes("\r\n0\r\n"), "the last chunk was written");
        const event = await until(() => gateway.ended[0], { what: "the exchange ended" });
        assert.deepEqual([event.whole, event.status], [false, 200]);
      });
    }
  }

  test("a close-delimited answer of the origin that is reset is never ended as whole", async () => {
    const die = Promise.withResolvers<void>();
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send("HTTP/1.1 200 OK\r\n\r\n12345");
      await die.promise;
      connection.reset();
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(GET);
    await client.readUntil("12345");
    die.resolve();
    await deadline(client.closed, 10_000, "the client is cut");
    assert.ok(!client.received().toString().includes("\r\n0\r\n"));
  });
});

suite("whoever leaves frees the other side within 100 ms", () => {
  const leaveBy = { fin: "destroy", reset: "reset" } as const;
  for (const [how, leave] of Object.entries(leaveBy)) {
    test(`before the head, by ${how}`, async () => {
      const asked = Promise.withResolvers<void>();
      let freedAt = 0;
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        asked.resolve();
        await connection.closed;
        freedAt = fairClock.now();
      });
      await using gateway = await startGateway({ target: origin.url });
      const client = await connectRaw(gateway.port);
      await client.send(GET);
      await asked.promise;
      const leftAt = fairClock.now();
      client[leave]();
      await until(() => freedAt, { what: "the origin's connection is over" });
      assert.ok(freedAt - leftAt < 100, `${freedAt - leftAt} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
      assert.deepEqual([gateway.ended[0]?.status, gateway.ended[0]?.whole], [499, false]);
    });

    test(`in the middle of an answer, by ${how}`, async () => {
      let freedAt = 0;
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n12345");
        await connection.closed;
        freedAt = fairClock.now();
      });
      await using gateway = await startGateway({ target: origin.url });
      const client = await connectRaw(gateway.port);
      await client.send(GET);
      await client.readUntil("12345");
      const leftAt = fairClock.now();
      client[leave]();
      await until(() => freedAt, { what: "the origin's connection is over" });
      assert.ok(freedAt - leftAt < 100, `${freedAt - leftAt} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });

    test(`in the middle of an upload, by ${how}: the origin never sees its end`, async () => {
      let freedAt = 0;
      let seen = 0;
      await using origin = await startRawOrigin(async (connection) => {
        connection.socket.on("data", (chunk: Buffer) => (seen += chunk.length));
        await connection.closed;
        freedAt = fairClock.now();
        assert.ok(!connection.received().toString("latin1").endsWith("0\r\n\r\n"));
      });
      await using gateway = await startGateway({ target: origin.url });
      const client = await connectRaw(gateway.port);
      const chunk = `10000\r\n${"x".repeat(0x1_0000)}\r\n`;
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, chunk);
      await until(() => seen > 100_000, { what: "the origin gets the upload" });
      const leftAt = fairClock.now();
      client[leave]();
      await until(() => freedAt, { what: "the origin's connection is over" });
      assert.ok(freedAt - leftAt < 100, `${freedAt - leftAt} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
      assert.equal(gateway.ended[0]?.status, 499);
    });
  }
});

suite("back-pressure", () => {
  test("a reader who stops pauses the origin, and little is held for it", async () => {
    let written = 0;
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
      const more = (): void => {
        while (connection.socket.writable && written < 1024 ** 3) {
          written += 65_536;
          if (!connection.socket.write(Buffer.alloc(65_536))) return;
        }
      };
      connection.socket.on("drain", more);
      more();
      await connection.closed;
    });
    await using gateway = await startGateway({ target: origin.url, listen: { writeTimeout: "30s" } });
    using client = await connectRaw(gateway.port);
    client.pauseReading();
    await client.send(GET);
    let last = -1;
    await until(
      async () => {
        const before = written;
        await new Promise((resolve) => setTimeout(resolve, 100));
        last = written;
        return before === written && written > 0;
      },
      { timeoutMs: 30_000, what: () => `the origin is paused; it wrote ${written}` },
    );
    // What the kernel holds in four socket buffers, and our own 256 KiB.
    assert.ok(last < 32 * 1024 ** 2, `${last} octets left the origin`);
    client.resumeReading();
    const before = written;
    await until(() => written > before + 8 * 1024 ** 2, { what: "the origin goes on" });
  });

  test("an origin that stops reading pauses the client", async () => {
    const resume = Promise.withResolvers<void>();
    let seen = 0;
    await using origin = await startRawOrigin(async (connection) => {
      connection.pauseReading();
      await resume.promise;
      connection.resumeReading();
      connection.socket.on("data", (chunk: Buffer) => (seen += chunk.length));
      await connection.closed;
    });
    await using gateway = await startGateway({ target: origin.url, listen: { maxBody: "1GiB" } });
    const upload = httpRequest({ port: gateway.port, method: "POST", headers: { "Content-Length": 1024 ** 3 } });
    upload.on("error", () => {});
    let sent = 0;
    let paused = false;
    const more = (): void => {
      paused = false;
      while (sent < 200 * 1024 ** 2) {
        sent += 65_536;
        if (!upload.write(Buffer.alloc(65_536))) {
          paused = true;
          return;
        }
      }
    };
    upload.on("drain", more);
    more();
    let last = -1;
    await until(
      async () => {
        const before = sent;
        await new Promise((resolve) => setTimeout(resolve, 100));
        last = sent;
        return paused && before === sent;
      },
      { timeoutMs: 30_000, what: () => `the client is paused; it sent ${sent}` },
    );
    assert.ok(last < 32 * 1024 ** 2, `${last} octets left the client`);
    resume.resolve();
    await until(() => seen > last + 8 * 1024 ** 2, { timeoutMs: 30_000, what: "the upload goes on" });
    upload.destroy();
    await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
  });

  test("an echo takes octets both ways at once", async () => {
    await using origin = await startOrigin((request, response) => void request.pipe(response));
    await using gateway = await startGateway({ target: origin.url, listen: { maxBody: "1GiB" } });
    const upload = httpRequest({ port: gateway.port, method: "POST" });
    const size = 16 * 1024 ** 2;
    const piece = Buffer.alloc(65_536, "e");
    let left = size;
    const more = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!upload.write(piece)) return;
      }
      upload.end();
    };
    upload.on("drain", more);
    more();
    const [answer] = (await once(upload, "response")) as [IncomingMessage];
    let back = 0;
    for await (const chunk of answer) back += (chunk as Buffer).length;
    assert.equal(back, size);
    assert.ok(answer.complete);
  });
});
