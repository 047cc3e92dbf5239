import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fairClock, stopwatch } from "../../support/fair-clock.ts";
import { startGateway, type TestConfig } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin, startRawOrigin, type Echo } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

const tlsFile = (name: string): string => fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));
const tls = { cert: tlsFile("cert.pem"), key: tlsFile("key.pem") };

const dial = (port: number, scheme = "https"): ClientHttp2Session & AsyncDisposable => {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  return Object.assign(session, {
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  });
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, unknown>> | undefined;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let trailers: Record<string, unknown> | undefined;
  stream.on("trailers", (fields) => (trailers = fields as Record<string, unknown>));
  const [headers] = await deadline(once(stream, "response"), 10_000, "an answer");
  let body = "";
  for await (const chunk of stream) body += String(chunk);
  return { status: headers[":status"], headers, body, trailers };
}

const start = (config: TestConfig) => startGateway({ ...config, listen: { tls, ...config.listen } });

for (const scheme of ["https", "http"] as const) {
  const listen = scheme === "https" ? { tls } : { h2c: true };
  suite(`HTTP/2 over ${scheme}`, () => {
    test("a deadline and a Priority count as they do over HTTP/1.1", async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const late = await answerOf(session.request({ ":path": "/", "grpc-timeout": "0m", priority: "u=6" }));
      assert.equal(late.status, 504);
      const { spillway } = JSON.parse(late.body) as { spillway: object };
      assert.deepEqual(spillway, { reason: "deadline", level: 0, class: "bulk" });
      const { body } = await answerOf(session.request({ ":path": "/", "grpc-timeout": "900m", priority: "u=1" }));
      assert.match(body, /x-request-timeout-ms/);
      assert.match(body, /grpc-timeout/);
    });

    test("GET, HEAD and a streamed POST", async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const get = await answerOf(session.request({ ":path": "/a?b=c", "x-own": "1" }));
      const seen = JSON.parse(get.body) as Echo;
      assert.deepEqual([get.status, seen.method, seen.target, seen.version], [200, "GET", "/a?b=c", "1.1"]);
      assert.ok(!seen.headers.some((text) => text.startsWith(":")));
      const head = await answerOf(session.request({ ":method": "HEAD", ":path": "/" }));
      assert.deepEqual([head.status, head.body], [200, ""]);
      assert.ok(Number(head.headers["content-length"]) > 0);
      const post = session.request({ ":method": "POST", ":path": "/" });
      for (let piece = 0; piece < 4; piece++) post.write("x".repeat(50_000));
      post.end();
      const echo = JSON.parse((await answerOf(post)).body) as Echo;
      assert.equal(echo.body.length, 200_000);
    });

    test("trailers and 103", async () => {
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        await connection.send(
          "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n",
        );
      });
      await using gateway = await startGateway({ target: origin.url, listen, route: { trailers: true } });
      await using session = dial(gateway.port, scheme);
      const stream = session.request({ ":path": "/" });
      const hints: Record<string, unknown>[] = [];
      stream.on("headers", (fields) => hints.push(fields as Record<string, unknown>));
      const answer = await answerOf(stream);
      assert.deepEqual([answer.status, answer.body, answer.trailers?.["x-sum"]], [200, "ok", "42"]);
      assert.deepEqual(
        hints.map((fields) => [fields[":status"], fields["link"]]),
        [[103, "</a.css>; rel=preload"]],
      );
    });

    test("Expect: 100-continue", async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const post = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
      await deadline(once(post, "continue"), 10_000, "100");
      post.end("hello");
      assert.equal((JSON.parse((await answerOf(post)).body) as Echo).body, "hello");
    });

    test("RST_STREAM frees the origin within 100 ms, and the session serves on", async () => {
      let freedAt = 0;
      const asked = Promise.withResolvers<void>();
      await using origin = await startRawOrigin(async (connection) => {
        const request = await connection.readRequest();
        if (request?.target === "/next") return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        asked.resolve();
        await connection.closed;
        freedAt = fairClock.now();
      });
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const stream = session.request({ ":path": "/" });
      stream.on("error", () => {});
      await asked.promise;
      const leftAt = fairClock.now();
      stream.close(constants.NGHTTP2_CANCEL);
      await until(() => freedAt, { what: "the origin's connection is over" });
      assert.ok(freedAt - leftAt < 100, `${freedAt - leftAt} ms`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
      assert.equal((await answerOf(session.request({ ":path": "/next" }))).body, "ok");
    });

    test("an answer that is cut ends in RST_STREAM with an error, and only that stream", async () => {
      const die = Promise.withResolvers<void>();
      await using origin = await startRawOrigin(async (connection) => {
        const request = await connection.readRequest();
        if (request?.target === "/next") return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n");
        await die.promise;
        connection.reset();
      });
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const stream = session.request({ ":path": "/" });
      stream.on("error", () => {});
      stream.resume();
      await once(stream, "data");
      die.resolve();
      await until(() => stream.destroyed, { what: "the stream is closed" });
      assert.notEqual(stream.rstCode, constants.NGHTTP2_NO_ERROR);
      assert.equal((await answerOf(session.request({ ":path": "/next" }))).body, "ok");
      assert.equal(gateway.ended[0]?.whole, false);
    });

    test("a body beyond the limit is 413, and its stream is freed", async () => {
      await using origin = await startEchoOrigin();
      await using gateway = await startGateway({ target: origin.url, listen: { ...listen, maxBody: "100KiB" } });
      await using session = dial(gateway.port, scheme);
      const post = session.request({ ":method": "POST", ":path": "/" });
      post.on("error", () => {});
      post.write(Buffer.alloc(200_000));
      const [headers] = await deadline(once(post, "response"), 10_000, "an answer");
      assert.equal(headers[":status"], 413);
      post.resume();
      await until(() => post.destroyed, { what: "the stream is closed" });
      assert.equal(post.rstCode, constants.NGHTTP2_NO_ERROR);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });

    test("the drain sends GOAWAY, lets streams finish and takes no new ones", async () => {
      const finish = Promise.withResolvers<void>();
      await using origin = await startOrigin((_request, response) => {
        response.write("begun ");
        void finish.promise.then(() => response.end("ended"));
      });
      await using gateway = await startGateway({ target: origin.url, listen });
      await using session = dial(gateway.port, scheme);
      const stream = session.request({ ":path": "/" });
      const answer = answerOf(stream);
      await once(stream, "response");
      const away = once(session, "goaway");
      const drained = gateway.gateway.drain();
      await deadline(away, 10_000, "GOAWAY");
      finish.resolve();
      assert.equal((await answer).body, "begun ended");
      await deadline(drained, 10_000, "the drain is over");
      assert.equal(gateway.gateway.life(), "stopped");
    });

    test("a session holds maxOutstanding streams at most", async () => {
      let inside = 0;
      let most = 0;
      const release = Promise.withResolvers<void>();
      await using origin = await startOrigin((_request, response) => {
        most = Math.max(most, ++inside);
        void release.promise.then(() => {
          inside -= 1;
          response.end("ok");
        });
      });
      await using gateway = await startGateway({ target: origin.url, listen: { ...listen, maxOutstanding: 5 } });
      await using session = dial(gateway.port, scheme);
      await once(session, "remoteSettings");
      assert.equal(session.remoteSettings.maxConcurrentStreams, 5);
      const answers = Array.from({ length: 12 }, () => answerOf(session.request({ ":path": "/" })));
      await until(() => inside === 5, { what: () => `five are inside; ${inside} are` });
      release.resolve();
      for (const { body } of await Promise.all(answers)) assert.equal(body, "ok");
      assert.equal(most, 5);
    });

    test("a reader who stops pauses the origin and is cut after writeTimeout", async () => {
      let written = 0;
      const cut = Promise.withResolvers<void>();
      await using origin = await startRawOrigin(async (connection) => {
        await connection.readRequest();
        connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        const more = (): void => {
          while (connection.socket.writable) {
            written += 65_536;
            if (!connection.socket.write(Buffer.alloc(65_536))) return;
          }
        };
        connection.socket.on("drain", more);
        more();
        await connection.closed;
        cut.resolve();
      });
      await using gateway = await startGateway({ target: origin.url, listen: { ...listen, writeTimeout: "300ms" } });
      await using session = dial(gateway.port, scheme);
      const stream = session.request({ ":path": "/" });
      stream.on("error", () => {});
      const [headers] = await once(stream, "response");
      assert.equal(headers[":status"], 200);
      const stalled = stopwatch();
      await deadline(cut.promise, 10_000, "the stalled reader is cut");
      const took = stalled();
      assert.ok(took.real > 250 && took.fair < 1500, `${took.real} ms`);
      assert.ok(written < 16 * 1024 ** 2, `${written} octets left the origin`);
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is open" });
    });
  });
}

suite("one TLS port", () => {
  test("ALPN decides between HTTP/2 and HTTP/1.1; without ALPN it is HTTP/1.1", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await start({ target: origin.url });
    await using session = dial(gateway.port);
    await once(session, "connect");
    assert.equal(session.alpnProtocol, "h2");
    assert.equal((await answerOf(session.request({ ":path": "/" }))).status, 200);
    using client = await connectRaw(gateway.port, { alpn: ["http/1.1"] });
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.readResponse();
    assert.equal(answer.status, 200);
    assert.ok((answer.json() as Echo).headers.join(" ").includes("proto=https"));
  });
});
