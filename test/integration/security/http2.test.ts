import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { suite, test } from "node:test";
import { startGateway, type TestConfig } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin, type RawRequest } from "../../support/raw-origin.ts";
import { startScene, valuesOf } from "../../support/scene.ts";
import { deadline, until } from "../../support/wait.ts";

const TLS: TestConfig = { listen: { tls: { cert: "test/support/tls/cert.pem", key: "test/support/tls/key.pem" } } };
const H2C: TestConfig = { listen: { h2c: true } };

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly error: string | undefined;
}

/** One request; a stream that is reset has no status. */
function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const asking = new Promise<Answer>((resolve) => {
    let status: number | undefined;
    let text = "";
    const stream = session.request(headers, { endStream: body === undefined });
    let error: string | undefined;
    stream.on("response", (fields) => (status = fields[":status"]));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    stream.on("error", (thrown: Error & { code?: string }) => (error = thrown.code ?? thrown.message));
    stream.on("close", () => resolve({ status, body: text, error }));
    if (body !== undefined) stream.end(body);
  });
  return deadline(asking, 10_000, `the answer to ${JSON.stringify(headers)}`);
}

async function dial(port: number, tls: boolean): Promise<ClientHttp2Session & Disposable> {
  const session = connect(`${tls ? "https" : "http"}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  await once(session, "connect");
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

/** Frames as RFC 9113 section 4.1 has them. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, Buffer.alloc(0))]);
/** A literal field without indexing, no Huffman; for names and values under 127 octets. */
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, "latin1"),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1"),
  ]);
const block = (...fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(fields.map(([name, value]) => literal(name, value)));
const GET: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/first"],
  [":authority", "a.example"],
];
const POST = GET.map(([name, value]): [string, string] => [name, value === "GET" ? "POST" : value]);
const END_STREAM = 1;
const END_HEADERS = 4;

suite("HTTP/2", () => {
  for (const [how, config, tls] of [
    ["TLS with ALPN", TLS, true],
    ["h2c", H2C, false],
  ] as const) {
    test(`S1, S10, S11: ${how}: requests go on as one HTTP/1.1 request with framing and host of our own`, async () => {
      await using scene = await startScene(config);
      using session = await dial(scene.port, tls);
      const get = await ask(session, { ":path": "/first?x=%20", ":authority": "A.Example", cookie: ["a=1", "b=2"] });
      assert.equal(get.body, "/first?x=%20");
      const post = await ask(session, { ":path": "/second", ":method": "POST", ":authority": "a.example" }, "hello");
      assert.equal(post.body, "/second");
      const [first, second] = scene.seen as [RawRequest, RawRequest];
      assert.equal(first.header("host"), "a.example");
      assert.deepEqual(valuesOf(first.headers, "cookie"), ["a=1; b=2"]);
      assert.doesNotMatch(first.rawHead.toString(), /\r\n:/);
      assert.equal(second.body.toString(), "hello");
    });

    test(`S10, S11, S16: ${how}: pseudo fields that contradict or are none: 400, nothing forwarded`, async (t) => {
      await using scene = await startScene({
        ...config,
        routes: [{ name: "admin", match: { path: "/admin/*" }, respond: { status: 403 } }],
      });
      using session = await dial(scene.port, tls);
      const cases: OutgoingHttpHeaders[] = [
        { ":authority": "a.example", host: "b.example" },
        { ":authority": "a.example:81", host: "a.example" },
        { ":authority": "user@a.example" },
        { ":authority": "a.example/x" },
        { ":authority": "a.example,b.example" },
        { ":authority": "a b" },
        { ":authority": ".evil" },
        { ":path": "http://a.example/x", ":authority": "a.example" },
        { ":path": "https://a.example/x", ":authority": "a.example" },
        { ":path": "first", ":authority": "a.example" },
        { ":path": "*", ":authority": "a.example" },
        { ":path": "/a#b", ":authority": "a.example" },
        { ":path": "/x/../admin", ":authority": "a.example" },
        { ":path": "/x/%2e%2e/admin", ":authority": "a.example" },
        { ":path": "/%2fadmin", ":authority": "a.example" },
        { ":path": "/a\\b", ":authority": "a.example" },
        { ":path": "/a%0d%0ab", ":authority": "a.example" },
        { ":path": "/a HTTP/1.1", ":authority": "a.example" },
        { ":authority": "a.example", transfer_encoding: "chunked" },
        { ":authority": "a.example", x_forwarded_for: "1" },
        { ":authority": "a.example", expect: "x" },
      ];
      for (const headers of cases) {
        await t.test(JSON.stringify(headers), async () => {
          const answer = await ask(session, { ":path": "/first", ...headers });
          assert.ok(
            answer.status === 400 || answer.status === 417 || answer.status === undefined,
            JSON.stringify(answer),
          );
          if (answer.status !== undefined) assert.match(answer.body, /^\{"type":"urn:spillway:problem:/);
          assert.equal(scene.seen.length, 0);
        });
      }
      for (const path of ["/admin", "//admin", "/%61dmin/x", "/admin;x", "/admin%3bx"]) {
        await t.test(path, async () => {
          assert.equal((await ask(session, { ":path": path, ":authority": "a.example" })).status, 403);
        });
      }
      assert.equal(scene.seen.length, 0);
      assert.equal((await ask(session, { ":path": "/after", ":authority": "a.example" })).body, "/after");
    });
  }

  test("S1: h2.CL, h2.TE and other malformed messages never reach the origin", async (t) => {
    await using scene = await startScene(H2C);
    const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    /** Fields that Node's HTTP/2 drops before anybody sees them: the request goes on without. */
    const dropped = /^(?:an? (?:empty )?name(?! in capitals)|a value with)/;
    const cases: [name: string, fields: readonly (readonly [string, string])[], body?: string][] = [
      ["a length of 0 and a body", [...POST, ["content-length", "0"]], smuggled],
      ["a length too short", [...POST, ["content-length", "5"]], smuggled],
      ["a length too long", [...POST, ["content-length", "500"]], smuggled],
      ["a length and no body", [...POST, ["content-length", "5"]]],
      ["two lengths", [...POST, ["content-length", "5"], ["content-length", "44"]], smuggled],
      ["a length with a sign", [...POST, ["content-length", "+44"]], smuggled],
      ["a length with a line of its own", [...POST, ["content-length", "44\r\nx: y"]], smuggled],
      ["chunked", [...POST, ["transfer-encoding", "chunked"]], `0\r\n\r\n${smuggled}`],
      ["connection", [...GET, ["connection", "keep-alive"]]],
      ["connection names a field", [...POST, ["connection", "content-length"]], smuggled],
      ["keep-alive", [...GET, ["keep-alive", "5"]]],
      ["proxy-connection", [...GET, ["proxy-connection", "close"]]],
      ["upgrade", [...GET, ["upgrade", "h2c"]]],
      ["te other than trailers", [...GET, ["te", "chunked"]]],
      ["a name in capitals", [...GET, ["Content-Length", "0"]]],
      ["a name with a colon", [...GET, ["x: y", "z"]]],
      ["a name with CRLF", [...GET, ["x\r\ny", "z"]]],
      ["a name with a space", [...GET, ["x y", "z"]]],
      ["an empty name", [...GET, ["", "z"]]],
      ["a name that is no ASCII", [...GET, ["\xe9", "z"]]],
      ["a value with CRLF", [...GET, ["x", "y\r\nhost: evil"]]],
      ["a value with LF", [...GET, ["x", "y\nz"]]],
      ["a value with CR", [...GET, ["x", "y\rz"]]],
      ["a value with NUL", [...GET, ["x", "y\0z"]]],
      ["two methods", [...GET, [":method", "POST"]]],
      ["two paths", [...GET, [":path", "/smuggled"]]],
      ["two authorities", [...GET, [":authority", "b.example"]]],
      ["no method", GET.slice(1)],
      ["no path", GET.filter(([name]) => name !== ":path")],
      ["no scheme", GET.filter(([name]) => name !== ":scheme")],
      ["an empty path", [...GET.filter(([name]) => name !== ":path"), [":path", ""]]],
      ["an unknown pseudo field", [...GET, [":x", "y"]]],
      ["a pseudo field of answers", [...GET, [":status", "200"]]],
      ["a pseudo field behind others", [["x", "y"], ...GET]],
      ["a protocol", [...GET, [":protocol", "websocket"]]],
      ["a method with a space", [[":method", "GET /smuggled HTTP/1.1\r\n"], ...GET.slice(1)]],
      ["a path with CRLF", [...GET.filter(([name]) => name !== ":path"), [":path", "/ HTTP/1.1\r\nx: y"]]],
      ["an authority with CRLF", [...GET.filter(([name]) => name !== ":authority"), [":authority", "a\r\nx: y"]]],
      ["two hosts", [...GET, ["host", "a.example"], ["host", "a.example"]]],
      ["neither authority nor host", GET.filter(([name]) => name !== ":authority")],
    ];
    for (const [name, fields, body] of cases) {
      await t.test(name, async () => {
        scene.forget();
        using client = await connectRaw(scene.port);
        const flags = END_HEADERS | (body === undefined ? END_STREAM : 0);
        await client.send(PREFACE, frame(1, flags, 1, block(...fields)));
        if (body !== undefined) await client.send(frame(0, END_STREAM, 1, Buffer.from(body))).catch(() => {});
        // A good request behind it tells that the first one was dealt with, unless the connection was ended.
        await client
          .send(
            frame(
              1,
              END_HEADERS | END_STREAM,
              3,
              block(...GET.map(([n, v]) => [n, v === "/first" ? "/after" : v] as const)),
            ),
          )
          .catch(() => {});
        await until(() => client.closing !== undefined || client.received().includes("/after"), {
          what: "the request behind it was served or the connection ended",
        });
        const reached = scene.seen.filter(({ target }) => target !== "/after");
        if (!dropped.test(name)) assert.deepEqual(reached, []);
        for (const { target, headers } of reached) {
          assert.equal(target, "/first");
          assert.doesNotMatch(headers.join("\n"), /^(?:x|x y|z|\xe9|y|host\nevil)$/m);
        }
      });
    }
  });

  /**
   * nghttp2 tells Node of an invalid field and Node ignores it; no option and no event lets a server refuse the stream
   * (Node 26.10: the options of `http2.createServer`). So there is one reading of the request, the one without the field.
   */
  test("S9, S15: a field that Node's HTTP/2 calls invalid is no part of the request: the origin gets what it gets without it", async (t) => {
    await using scene = await startScene(H2C);
    const said = async (fields: readonly (readonly [string, string])[]): Promise<string[]> => {
      scene.forget();
      using client = await connectRaw(scene.port);
      await client.send(PREFACE, frame(1, END_HEADERS | END_STREAM, 1, block(...fields)));
      await until(() => scene.seen.length === 1, { what: "the origin was asked" });
      const { headers } = scene.seen[0]!;
      return headers.map((text, i) => (/^(?:x-request-id|traceparent)$/.test(headers[i - 1] ?? "") ? "ours" : text));
    };
    const without = await said([...GET, ["accept", "a/b"]]);
    const invalid: readonly (readonly [name: string, value: string])[] = [
      ["x y", "z"],
      ["x: y", "z"],
      ["x\r\ny", "z"],
      ["", "z"],
      ["\xe9", "z"],
      ["x", "y\r\nhost: evil"],
      ["x", "y\0z"],
      ["cookie", "a=b\nc"],
      ["authorization", "Bearer x\0"],
      ["cache-control", "no-\rcache"],
      ["x-forwarded-for", "192.0.2.1\n"],
      ["host", "evil\0"],
    ];
    for (const field of invalid) {
      await t.test(JSON.stringify(field), async () => {
        assert.deepEqual(await said([...GET, field, ["accept", "a/b"]]), without);
      });
    }
  });

  test("S14: header floods over HTTP/2 are refused, and nothing is dropped in silence", async (t) => {
    await using scene = await startScene(H2C);
    const flood = (count: number): OutgoingHttpHeaders =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, "x"]));
    await t.test("some hundred fields arrive", async () => {
      using session = await dial(scene.port, false);
      const answer = await ask(session, {
        ":path": "/few",
        ":authority": "a.example",
        ...flood(500),
        cookie: "late=1",
      });
      assert.equal(answer.status, 200);
      for (let i = 0; i < 500; i++) assert.equal(scene.seen.at(-1)!.header(`f${i}`), "x");
      assert.equal(scene.seen.at(-1)!.header("cookie"), "late=1");
    });
    for (const count of [2100, 5000]) {
      await t.test(`${count} fields`, async () => {
        scene.forget();
        using session = await dial(scene.port, false);
        const answer = await ask(session, { ":path": "/many", ":authority": "a.example", ...flood(count) }).catch(
          () => ({ status: undefined }),
        );
        if (answer.status === 200) assert.equal(scene.seen.at(-1)!.header(`f${count - 1}`), "x");
        else assert.equal(scene.seen.length, 0);
      });
    }
  });

  test("D5: rapid resets and a CONTINUATION flood end their own connection and harm nobody", async (t) => {
    await using origin = await startRawOrigin(async (connection) => {
      void connection.closed.then(() => connection.socket.destroy());
      for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
        if (head.target === "/good") await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/good");
      }
    });
    await using gateway = await startGateway({ target: origin.url, ...H2C });
    using good = await dial(gateway.port, false);
    const isServed = async (): Promise<void> =>
      assert.equal((await ask(good, { ":path": "/good", ":authority": "a.example" })).body, "/good");
    await isServed();
    await t.test("20,000 streams opened and reset", async () => {
      using client = await connectRaw(gateway.port);
      const pieces: Buffer[] = [PREFACE];
      for (let i = 0; i < 20_000; i++) {
        pieces.push(frame(1, END_HEADERS | END_STREAM, 2 * i + 1, block(...GET)));
        pieces.push(frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])));
      }
      await client.send(Buffer.concat(pieces)).catch(() => {});
      await isServed();
      await deadline(client.closed, 5000, "the connection is ended");
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is left", timeoutMs: 30_000 });
    });
    await t.test("CONTINUATION without end", async () => {
      using client = await connectRaw(gateway.port);
      const pieces: Buffer[] = [PREFACE, frame(1, END_STREAM, 1, block(...GET))];
      for (let i = 0; i < 20_000; i++) pieces.push(frame(9, 0, 1, literal(`f${i}`, "x")));
      await client.send(Buffer.concat(pieces)).catch(() => {});
      await isServed();
      await deadline(client.closed, 5000, "the connection is ended");
    });
    await t.test("empty DATA, PING, SETTINGS and PRIORITY floods", async () => {
      for (const one of [
        frame(6, 0, 0, Buffer.alloc(8)),
        frame(4, 0, 0, Buffer.alloc(0)),
        frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 1])),
      ]) {
        using client = await connectRaw(gateway.port);
        client.pauseReading();
        await client.send(Buffer.concat([PREFACE, ...Array.from({ length: 20_000 }, () => one)])).catch(() => {});
        await isServed();
      }
    });
    await t.test("more streams than there may be", async () => {
      using client = await connectRaw(gateway.port);
      const pieces: Buffer[] = [PREFACE];
      for (let i = 0; i < 500; i++) pieces.push(frame(1, END_HEADERS | END_STREAM, 2 * i + 1, block(...GET)));
      await client.send(Buffer.concat(pieces)).catch(() => {});
      await isServed();
      assert.ok(gateway.gateway.open() <= 64, String(gateway.gateway.open()));
      client.destroy();
      await until(() => gateway.gateway.open() === 0, { what: "no exchange is left" });
    });
  });

  test("S8: an HTTP/2 upload that is reset is never presented as complete", async (t) => {
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
      await t.test(`streamed already, code ${code}`, async () => {
        await using scene = await startScene(H2C);
        using client = await connectRaw(scene.port);
        const data = frame(0, 0, 1, Buffer.alloc(10_000, "x"));
        await client.send(
          Buffer.concat([PREFACE, frame(1, END_HEADERS, 1, block(...POST)), data, data, data, data, data, data]),
        );
        await client.readUntil(frame(8, 0, 1, Buffer.alloc(0)).subarray(3).toString("latin1"));
        await client.send(Buffer.concat([data, data]));
        await until(() => scene.origin.received[0]?.includes("POST /first"), { what: "the origin was asked" });
        await client.send(frame(3, 0, 1, Buffer.from([0, 0, 0, code])));
        await until(() => scene.origin.open === 0, { what: "the connection to the origin is gone" });
        assert.equal(scene.seen.length, 0);
        assert.equal(scene.origin.received[0]!.toString("latin1").endsWith("0\r\n\r\n"), false);
      });
    }
    for (const octets of [50_000, 1000]) {
      for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_INTERNAL_ERROR]) {
        for (const length of [undefined, octets + 1]) {
          await t.test(`${octets} octets of ${length}, code ${code}`, async () => {
            await using scene = await startScene(H2C);
            using client = await connectRaw(scene.port);
            const fields = length === undefined ? POST : [...POST, ["content-length", String(length)] as const];
            const pieces = [PREFACE, frame(1, END_HEADERS, 1, block(...fields))];
            for (let left = octets; left > 0; left -= 10_000) {
              pieces.push(frame(0, 0, 1, Buffer.alloc(Math.min(left, 10_000), "x")));
            }
            await client.send(Buffer.concat(pieces));
            await until(() => scene.gateway.gateway.open() === 1, { what: "the request has begun" });
            await client.send(frame(3, 0, 1, Buffer.from([0, 0, 0, code])));
            await until(() => scene.gateway.ended.length === 1, { what: "the exchange has ended" });
            await until(() => scene.origin.open === 0, { what: "the connection to the origin is gone" });
            assert.equal(scene.seen.length, 0);
            assert.equal(scene.origin.received.at(-1)?.toString("latin1").endsWith("0\r\n\r\n") ?? false, false);
          });
        }
      }
    }
  });

  test("D6: an HTTP/2 body over maxBody: 413", async () => {
    await using scene = await startScene({ listen: { h2c: true, maxBody: "100KiB" } });
    using session = await dial(scene.port, false);
    const headers = { ":path": "/first", ":method": "POST", ":authority": "a.example" };
    assert.equal((await ask(session, { ...headers, "content-length": 200_000 }, "x".repeat(200_000))).status, 413);
    assert.equal((await ask(session, headers, "x".repeat(200_000))).status, 413);
    assert.equal(scene.seen.length, 0);
  });

  test("S13: CONNECT over HTTP/2 is not carried", async () => {
    await using scene = await startScene(H2C);
    using session = await dial(scene.port, false);
    const answer = await ask(session, { ":method": "CONNECT", ":authority": "a.example:80" });
    assert.ok(answer.status === 501 || answer.status === 405, JSON.stringify(answer));
    assert.equal(scene.seen.length, 0);
  });
});
