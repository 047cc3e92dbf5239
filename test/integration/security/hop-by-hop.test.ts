import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { startScene, valuesOf } from "../../support/scene.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { startGateway } from "../../support/gateway.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
const get = (lines: string): string => `GET /first HTTP/1.1\r\nHost: a.example\r\n${lines}\r\n`;

suite("hop-by-hop fields", () => {
  test("S12: Connection naming a framing, host, forwarding or credential field: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const named = [
      "content-length",
      "Content-Length",
      "transfer-encoding",
      "TRANSFER-ENCODING",
      "host",
      "authorization",
      "cookie",
      "cache-control",
      "content-type",
      "X-Forwarded-For",
      "x-forwarded-proto",
      "x-forwarded-host",
      "x-forwarded-anything",
      "forwarded",
      "via",
      "cdn-loop",
      "x-real-ip",
      "x-request-id",
      "traceparent",
      "tracestate",
      "expect",
      "connection",
      "sec-websocket-key",
      "x-original-url",
      "spillway-level",
      "set-cookie",
      "content_length",
      "x_forwarded_for",
      ":authority",
      "close; x",
      '"close"',
      "a b",
      "x\xe9",
    ];
    for (const name of named) {
      for (const line of [
        `Connection: ${name}`,
        `Connection: close, ${name}`,
        `Connection: ${name}, keep-alive`,
        `Connection: keep-alive\r\nConnection: ${name}`,
        `CONNECTION:\t,, ${name} ,`,
      ]) {
        await t.test(JSON.stringify(line), () => scene.refuses(get(`${line}\r\n`) + SMUGGLED, 400));
      }
    }
    await t.test("with a body", async () => {
      await scene.refuses(
        `POST /first HTTP/1.1\r\nHost: a.example\r\nConnection: content-length\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
        400,
      );
      await scene.refuses(
        `POST /first HTTP/1.1\r\nHost: a.example\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        400,
      );
    });
  });

  test("S12: other named fields are taken out before ours are put in", async () => {
    await using scene = await startScene();
    const seen = await scene.forwards(
      get(
        "Connection: X-Secret, keep-alive, x-other,,\r\nX-Secret: 1\r\nx-secret: 2\r\nX-OTHER: 3\r\nX-Stays: 4\r\nKeep-Alive: 5\r\n",
      ),
    );
    for (const name of ["x-secret", "x-other", "keep-alive"]) assert.deepEqual(valuesOf(seen.headers, name), []);
    assert.deepEqual(valuesOf(seen.headers, "x-stays"), ["4"]);
    assert.deepEqual(valuesOf(seen.headers, "connection"), ["keep-alive"]);
    assert.deepEqual(valuesOf(seen.headers, "x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(valuesOf(seen.headers, "via"), ["1.1 spillway"]);
  });

  test("S12: fields that are hop-by-hop without being named never go on", async () => {
    await using scene = await startScene();
    const seen = await scene.forwards(
      get(
        "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\n" +
          "TE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\nProxy: http://evil.example/\r\n",
      ),
    );
    const names = seen.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    assert.deepEqual(
      names.filter((name) => /^(?:keep-alive|proxy.*|te|trailer|upgrade|http2-settings)$/.test(name)),
      [],
    );
  });

  test("S12: hop-by-hop fields of an answer, and those its Connection names, never reach the client", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      await connection.readRequest();
      await connection.send(
        "HTTP/1.1 200 OK\r\nConnection: X-Secret, close, Set-Cookie\r\nX-Secret: 1\r\nKeep-Alive: timeout=77\r\n" +
          "Proxy-Authenticate: Basic\r\nProxy-Connection: close\r\nTrailer: X\r\nTE: gzip\r\nUpgrade: h2c\r\n" +
          "Set-Cookie: a=1\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok",
      );
      connection.end();
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send(get(""));
    const answer = await client.readResponse();
    assert.equal(answer.text(), "ok");
    for (const name of ["x-secret", "proxy-authenticate", "proxy-connection", "trailer", "te", "upgrade"]) {
      assert.equal(answer.header(name), undefined, name);
    }
    assert.equal(answer.header("keep-alive"), "timeout=60");
    assert.equal(answer.header("connection"), "keep-alive");
    assert.equal(answer.header("set-cookie"), "a=1");
    assert.equal(answer.header("x-stays"), "1");
  });
});
