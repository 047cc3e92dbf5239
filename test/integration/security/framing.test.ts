import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { PROBE, startScene, valuesOf } from "../../support/scene.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
const CHUNKED = "5\r\nhello\r\n0\r\n\r\n";

/** A POST with these field lines, then `body`, then a request that must not be served. */
const post = (lines: string, body = CHUNKED, version = "1.1"): string =>
  `POST /first HTTP/${version}\r\nHost: a.example\r\n${lines}\r\n${body}${SMUGGLED}`;

suite("framing of requests", () => {
  test("S1: 40 spellings of Transfer-Encoding, alone and beside Content-Length: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const spellings = [
      "Transfer-Encoding : chunked",
      "Transfer-Encoding\t: chunked",
      " Transfer-Encoding: chunked",
      "X: y\r\n Transfer-Encoding: chunked",
      "X: y\n Transfer-Encoding: chunked",
      "X: y\nTransfer-Encoding: chunked",
      "X: y\rTransfer-Encoding: chunked",
      "Transfer-Encoding:\r\n chunked",
      "Transfer-Encoding:\r\n\tchunked",
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding: chunkedx",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding: identity, chunked",
      "Transfer-Encoding: identity",
      "Transfer-Encoding: cow",
      "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: chunked, chunked",
      "Transfer-Encoding: chunked,",
      "Transfer-Encoding: ,chunked",
      "Transfer-Encoding: chunked;q=1",
      'Transfer-Encoding: "chunked"',
      "Transfer-Encoding: 'chunked'",
      "Transfer-Encoding: chun ked",
      "Transfer-Encoding: chunked\x00",
      "Transfer-Encoding: \x00chunked",
      "Transfer-Encoding: \x0bchunked",
      "Transfer-Encoding: \x0cchunked",
      "Transfer-Encoding: \xa0chunked",
      "Transfer-Encoding: chunked\x0b",
      "Transfer-Encoding: chunked\xff",
      "Transfer-Encoding:",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
      "Transfer_Encoding: chunked",
      "transfer_encoding: chunked",
      "Transfer\xadEncoding: chunked",
      "Transfer-Encoding\x00: chunked",
      "Transfer-Encoding\x0b: chunked",
      "\x00Transfer-Encoding: chunked",
      "Transfer-Encoding: chunked\nX: y",
      "Transfer-Encoding: chunked\r\r\nX: y",
      "Transfer-Encoding chunked",
      ": Transfer-Encoding: chunked",
      "(Transfer-Encoding): chunked",
    ];
    for (const spelling of spellings) {
      await t.test(`alone: ${JSON.stringify(spelling)}`, () => scene.refuses(post(`${spelling}\r\n`), 400));
      await t.test(`after a length: ${JSON.stringify(spelling)}`, () =>
        scene.refuses(post(`Content-Length: ${CHUNKED.length}\r\n${spelling}\r\n`), 400),
      );
      await t.test(`before a length: ${JSON.stringify(spelling)}`, () =>
        scene.refuses(post(`${spelling}\r\nContent-Length: 4\r\n`), 400),
      );
    }
    for (const spelling of ["Transfer-Encoding: chunked", "transfer-encoding:chunked", "TRANSFER-ENCODING: CHUNKED"]) {
      await t.test(`beside a length: ${spelling}`, async () => {
        await scene.refuses(post(`Content-Length: 4\r\n${spelling}\r\n`), 400);
        await scene.refuses(post(`${spelling}\r\nContent-Length: 4\r\n`), 400);
        await scene.refuses(post(`${spelling}\r\nContent-Length: 0\r\n`, ""), 400);
      });
    }
    await scene.stillServes();
  });

  test("S1: exactly one chunked is decoded and goes on with framing of our own", async (t) => {
    await using scene = await startScene();
    for (const line of [
      "Transfer-Encoding: chunked",
      "transfer-encoding:chunked",
      "Transfer-Encoding: \tCHUNKED ",
      "TRANSFER-ENCODING: Chunked",
    ]) {
      await t.test(JSON.stringify(line), async () => {
        const seen = await scene.forwards(`POST /first HTTP/1.1\r\nHost: a.example\r\n${line}\r\n\r\n${CHUNKED}`);
        assert.equal(seen.body.toString(), "hello");
        assert.deepEqual(valuesOf(seen.headers, "transfer-encoding"), []);
        assert.deepEqual(valuesOf(seen.headers, "content-length"), ["5"]);
      });
    }
  });

  test("S2: Transfer-Encoding in HTTP/1.0: 400, closed, and no request behind it is served", async (t) => {
    await using scene = await startScene();
    for (const lines of [
      "Transfer-Encoding: chunked\r\n",
      "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
      "Connection: keep-alive\r\nTransfer-Encoding: identity\r\n",
      "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 15\r\n",
    ]) {
      await t.test(JSON.stringify(lines), async () => {
        await scene.refuses(post(lines, CHUNKED, "1.0"), 400);
        await scene.refuses(post(lines, CHUNKED, "1.0") + PROBE.repeat(20), 400);
        await scene.refuses([post(lines, "", "1.0"), CHUNKED, PROBE, PROBE], 400);
      });
    }
  });

  test("S2: a poisoned connection serves nothing that waited behind an answer under way", async () => {
    await using scene = await startScene();
    using client = await connectRaw(scene.port);
    await client.send(
      "POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi" +
        "POST /second HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\nContent-Length: 2\r\n\r\nhi" +
        SMUGGLED +
        SMUGGLED,
    );
    assert.equal((await client.readResponse()).text(), "/first");
    assert.equal((await client.readResponse()).status, 400);
    assert.equal(await client.closed, "fin");
    assert.equal(client.rest().length, 0);
    await scene.stillServes();
    assert.deepEqual(
      scene.seen.map(({ target }) => target),
      ["/first", "/probe"],
    );
  });

  test("S2: nothing behind a request that asks for the end of the connection is served", async (t) => {
    await using scene = await startScene();
    for (const first of [
      "GET /first HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
      "GET /first HTTP/1.0\r\nHost: a.example\r\n\r\n",
      "POST /first HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ]) {
      await t.test(JSON.stringify(first), async () => {
        scene.forget();
        using client = await connectRaw(scene.port);
        await client.send(first + SMUGGLED + SMUGGLED.replace("GET", "DELETE"));
        assert.equal((await client.readResponse()).text(), "/first");
        assert.equal(await client.closed, "fin");
        assert.equal(client.rest().length, 0);
        await scene.stillServes();
        assert.deepEqual(
          scene.seen.map(({ target }) => target),
          ["/first", "/probe"],
        );
      });
    }
  });

  test("S3: Content-Length that is not 1 to 15 plain digits on one line: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const values = [
      "+5",
      "-5",
      "-0",
      "0x5",
      "5_0",
      "05",
      "010",
      "00",
      `${"0".repeat(40)}5`,
      "5,5",
      "5, 5",
      "5,6",
      "5;",
      "5 5",
      "5 ,",
      "5.0",
      "5e0",
      "1e1",
      "",
      " ",
      "five",
      "\xb25",
      "5\x00",
      "\x0b5",
      "5\x0b",
      "5\x0c",
      '"5"',
      "18446744073709551621",
      "9223372036854775813",
      "4294967301x",
      "1234567890123456",
      "NaN",
      "5\r\nContent-Length: 5",
      "5\r\nContent-Length: 6",
      "0\r\nContent-Length: 5",
      "5\r\n 0",
      "5\n",
      "\r\n 5",
    ];
    for (const value of values) {
      await t.test(JSON.stringify(value.slice(0, 50)), () =>
        scene.refuses(post(`Content-Length: ${value}\r\n`, "hello"), 400),
      );
    }
    const lines = [
      "Content-Length : 5",
      "Content-Length\t: 5",
      " Content-Length: 5",
      "Content_Length: 5",
      "content_length: 5",
      "Content-Length\x00: 5",
      "Content-Length: 5\r\nContent_Length: 0",
      "X: y\nContent-Length: 5",
    ];
    for (const line of lines) {
      await t.test(JSON.stringify(line), () => scene.refuses(post(`${line}\r\n`, "hello"), 400));
    }
    await t.test("the good form goes on", async () => {
      const seen = await scene.forwards("POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length:\t5 \r\n\r\nhello");
      assert.equal(seen.body.toString(), "hello");
      assert.deepEqual(valuesOf(seen.headers, "content-length"), ["5"]);
    });
  });

  test("S4: a body on any method goes on as exactly one framed request", async (t) => {
    await using scene = await startScene();
    for (const method of ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH", "PROPFIND", "REPORT", "QUERY"]) {
      await t.test(`${method} with a length`, async () => {
        const seen = await scene.forwards(
          `${method} /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
          method,
        );
        assert.equal(seen.method, method);
        assert.equal(seen.body.toString(), SMUGGLED);
      });
      await t.test(`${method} in chunks`, async () => {
        const seen = await scene.forwards(
          `${method} /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n` +
            `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
          method,
        );
        assert.equal(seen.method, method);
        assert.equal(seen.body.toString(), SMUGGLED);
      });
      await t.test(`${method} in chunks, too long to be collected`, async () => {
        const long = SMUGGLED.repeat(2000);
        const seen = await scene.forwards(
          `${method} /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n` +
            `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
          method,
        );
        assert.equal(seen.body.toString(), long);
      });
      await t.test(`${method} with a length of 0 and an empty chunked body`, async () => {
        const none = await scene.forwards(
          `${method} /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n`,
          method,
        );
        assert.equal(none.body.length, 0);
        const empty = await scene.forwards(
          `${method} /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
          method,
        );
        assert.equal(empty.body.length, 0);
      });
    }
  });

  test("S4: octets behind a request without a length are the next request, never a body", async () => {
    await using scene = await startScene();
    using client = await connectRaw(scene.port);
    await client.send(`POST /first HTTP/1.1\r\nHost: a.example\r\n\r\n${SMUGGLED}`);
    assert.equal((await client.readResponse()).text(), "/first");
    assert.equal((await client.readResponse()).text(), "/smuggled");
    assert.deepEqual(
      scene.seen.map(({ target, body }) => [target, body.length]),
      [
        ["/first", 0],
        ["/smuggled", 0],
      ],
    );
  });

  test("S5: Expect: 100-continue is answered by us and never sent on", async (t) => {
    await using scene = await startScene();
    for (const value of ["100-continue", "100-Continue", "100-CONTINUE"]) {
      await t.test(value, async () => {
        using client = await connectRaw(scene.port);
        await client.send(`POST /first HTTP/1.1\r\nHost: a.example\r\nExpect: ${value}\r\nContent-Length: 5\r\n\r\n`);
        await client.readUntil("HTTP/1.1 100 Continue\r\n\r\n");
        await client.send("hello");
        const answer = await client.readResponse();
        assert.equal(answer.status, 200);
        assert.equal(answer.interim.length, 1);
        assert.equal(scene.seen.at(-1)!.header("expect"), undefined);
        assert.equal(scene.seen.at(-1)!.body.toString(), "hello");
      });
    }
    await t.test("without a body there is nothing to go on with: answered, and the connection ends", async () => {
      using client = await connectRaw(scene.port);
      await client.send("GET /first HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n");
      const answer = await client.readResponse();
      assert.equal(answer.status, 200);
      assert.equal(answer.header("connection"), "close");
      assert.equal(scene.seen.at(-1)!.header("expect"), undefined);
    });
    await t.test("the client does not wait", async () => {
      const seen = await scene.forwards(
        "POST /first HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
      );
      assert.equal(seen.body.toString(), "hello");
    });
    await t.test("HTTP/1.0 gets no 100", async () => {
      using client = await connectRaw(scene.port);
      await client.send(
        "POST /first HTTP/1.0\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
      );
      const answer = await client.readResponse();
      assert.equal(answer.status, 200);
      assert.equal(answer.interim.length, 0);
      assert.equal(scene.seen.at(-1)!.header("expect"), undefined);
    });
  });

  test("S5: any other expectation: 417, closed, nothing forwarded, nothing behind it served", async (t) => {
    await using scene = await startScene();
    for (const value of [
      "200-ok",
      "100-continue, 100-continue",
      "100-continue, x",
      "x, 100-continue",
      "x 100-continue",
      "100-continue;x=y",
      '"100-continue"',
      "y 100-continue z",
      "100 continue",
      "100-continu",
      "",
      "100-continue\r\nExpect: 100-continue",
      "100-continue\r\nExpect: x",
    ]) {
      await t.test(JSON.stringify(value), async () => {
        await scene.refuses(post(`Expect: ${value}\r\nContent-Length: 5\r\n`, "hello"), 417);
        await scene.refuses(`GET /first HTTP/1.1\r\nHost: a.example\r\nExpect: ${value}\r\n\r\n${SMUGGLED}`, 417);
      });
    }
    for (const line of ["Expect : 100-continue", "Expect:\r\n 100-continue", " Expect: 100-continue"]) {
      await t.test(JSON.stringify(line), () => scene.refuses(post(`${line}\r\nContent-Length: 5\r\n`, "hello"), 400));
    }
  });
});
