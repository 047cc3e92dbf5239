import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { suite, test } from "node:test";
import { printable } from "../../support/byte-reader.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { assertProblem, PROBE, startScene, untilEnded, valuesOf } from "../../support/scene.ts";
import { startGateway } from "../../support/gateway.ts";
import { deadline, until } from "../../support/wait.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
const HEAD = "POST /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
/** More than what is collected before the origin is asked, as one chunk. */
const LONG = `${(200_000).toString(16)}\r\n${"x".repeat(200_000)}\r\n`;

suite("chunked bodies of requests", () => {
  test("S6: malformed chunk sizes, extensions and terminators: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const bodies = [
      "0x5\r\nhello\r\n0\r\n\r\n",
      "+5\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",
      "5_0\r\nhello\r\n0\r\n\r\n",
      " 5\r\nhello\r\n0\r\n\r\n",
      "\t5\r\nhello\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n",
      "5\t\r\nhello\r\n0\r\n\r\n",
      "5,\r\nhello\r\n0\r\n\r\n",
      "\r\nhello\r\n0\r\n\r\n",
      "\r\n5\r\nhello\r\n0\r\n\r\n",
      "g\r\nhello\r\n0\r\n\r\n",
      "5h\r\nhello\r\n0\r\n\r\n",
      "5.0\r\nhello\r\n0\r\n\r\n",
      "10000000000000005\r\nhello\r\n0\r\n\r\n",
      "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
      `${"1".padEnd(40, "0")}\r\nhello\r\n0\r\n\r\n`,
      "5\nhello\r\n0\r\n\r\n",
      "5\rhello\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhelloXX0\r\n\r\n",
      "5\r\nhello!\r\n0\r\n\r\n",
      "6\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\n0\n\r\n",
      "5\r\nhello\r\n0\r\r\n",
      "5\r\nhello\r\n0\r\nX",
      "5;\nx\r\nhello\r\n0\r\n\r\n",
      "5;a\nhello\r\n0\r\n\r\n",
      "5;a\rb\r\nhello\r\n0\r\n\r\n",
      "5;a\r\r\nhello\r\n0\r\n\r\n",
      "5;a\x00b\r\nhello\r\n0\r\n\r\n",
      '5;a="\r\nhello\r\n0\r\n\r\n',
      "5;a=\x0bb\r\nhello\r\n0\r\n\r\n",
      '5;a="\n"\r\nhello\r\n0\r\n\r\n',
      "\x005\r\nhello\r\n0\r\n\r\n",
      "5\x00\r\nhello\r\n0\r\n\r\n",
    ];
    for (const body of bodies) {
      await t.test(JSON.stringify(body), () => scene.refuses(`${HEAD}${body}${SMUGGLED}`, 400));
      await t.test(`after a good chunk: ${JSON.stringify(body)}`, () =>
        scene.refuses([`${HEAD}3\r\nabc\r\n`, `${body}${SMUGGLED}`], 400),
      );
    }
    await scene.stillServes();
  });

  test("S6: good sizes and extensions are decoded, and the extensions dropped", async (t) => {
    await using scene = await startScene();
    for (const body of [
      "5\r\nhello\r\n0\r\n\r\n",
      "00005\r\nhello\r\n000\r\n\r\n",
      "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
      "5;a=b\r\nhello\r\n0;c\r\n\r\n",
      '5;a="b;c"\r\nhello\r\n0\r\n\r\n',
    ]) {
      await t.test(JSON.stringify(body), async () => {
        const seen = await scene.forwards(HEAD + body);
        assert.equal(seen.body.toString(), "hello");
        assert.equal(seen.rawBody.includes(";"), false);
      });
    }
    await t.test("a long body gets chunks of ours, without extensions", async () => {
      const piece = `4000;secret=${"e".repeat(100)}\r\n${"x".repeat(0x4000)}\r\n`;
      const seen = await scene.forwards(`${HEAD}${piece.repeat(20)}0\r\n\r\n`);
      assert.equal(seen.body.length, 0x4000 * 20);
      assert.equal(seen.rawBody.includes("secret"), false);
      assert.deepEqual(valuesOf(seen.headers, "transfer-encoding"), ["chunked"]);
    });
  });

  test("S6: chunk extensions without end: 413, closed, and nothing forwarded", async () => {
    await using scene = await startScene();
    await scene.refuses(`${HEAD}5;${"e".repeat(40_000)}\r\nhello\r\n0\r\n\r\n`, 413);
    await scene.stillServes();
  });

  test("S6: framing that costs more than 16 times the body: 413, and the origin never gets a whole request", async () => {
    await using scene = await startScene();
    using client = await connectRaw(scene.port);
    const piece = `1;${"e".repeat(500)}\r\nx\r\n`.repeat(100);
    const stop = { now: false };
    await client.send(HEAD);
    const sending = (async () => {
      for (let i = 0; i < 100 && !stop.now; i++) await client.send(piece);
    })().catch(() => {});
    const answer = await client.readResponse();
    stop.now = true;
    await sending;
    assertProblem(answer, 413);
    assert.deepEqual(scene.seen, []);
  });

  test("S7: trailers and the Trailer field are never sent on, merged or not", async (t) => {
    await using scene = await startScene();
    for (const trailers of [
      "X-Checksum: 1\r\n",
      "Host: evil.example\r\n",
      "Authorization: Bearer evil\r\n",
      "X-Forwarded-For: 6.6.6.6\r\n",
      "Connection: close\r\n",
      "__proto__: x\r\n",
      "A: 1\r\nA: 2\r\n",
    ]) {
      for (const body of ["5\r\nhello\r\n", LONG]) {
        await t.test(`${JSON.stringify(trailers)} after ${body.length} octets`, async () => {
          using client = await connectRaw(scene.port);
          const head = HEAD.replace("\r\n\r\n", "\r\nTrailer: X-Checksum\r\nTE: trailers\r\n\r\n");
          await client.send(`${head}${body}0\r\n${trailers}\r\n`);
          assert.equal((await client.readResponse()).status, 200);
          const seen = scene.seen.at(-1)!;
          assert.equal(seen.body.length, body === LONG ? 200_000 : 5);
          assert.deepEqual(seen.trailers, []);
          for (const name of ["trailer", "te", "x-checksum", "authorization", "a"]) {
            assert.deepEqual(valuesOf(seen.headers, name), []);
          }
          assert.deepEqual(valuesOf(seen.headers, "host"), ["a.example"]);
        });
      }
    }
    await t.test("a Trailer field without any body does no harm", async () => {
      const seen = await scene.forwards("GET /first HTTP/1.1\r\nHost: a.example\r\nTrailer: X\r\n\r\n");
      assert.equal(seen.header("trailer"), undefined);
    });
  });

  test("S7: malformed trailers: 400; 1 MB of them: 431; the origin never gets the request", async (t) => {
    await using scene = await startScene();
    for (const trailers of [
      "Content-Length: 0\r\n",
      "Transfer-Encoding: identity\r\n",
      "A: 1\r\n b\r\n",
      " A: 1\r\n",
      "A: 1\nB: 2\r\n",
      "A : 1\r\n",
      "A: \x00\r\n",
      "A: 1\rB: 2\r\n",
      ": 1\r\n",
      "A\r\n",
    ]) {
      await t.test(JSON.stringify(trailers), () =>
        scene.refuses(`${HEAD}5\r\nhello\r\n0\r\n${trailers}\r\n${SMUGGLED}`, 400),
      );
    }
    await t.test("1 MB", async () => {
      await scene.refuses(`${HEAD}5\r\nhello\r\n0\r\n${`A: ${"x".repeat(1000)}\r\n`.repeat(60)}`, 431);
      using client = await connectRaw(scene.port);
      await client
        .send(`${HEAD}5\r\nhello\r\n0\r\n${`A: ${"x".repeat(1000)}\r\n`.repeat(1000)}\r\n${SMUGGLED}`)
        .catch(() => {});
      await client.closed;
      assert.equal(client.rest().includes("200 OK"), false);
      await scene.stillServes();
      assert.deepEqual(
        scene.seen.map(({ target }) => target),
        ["/probe"],
      );
    });
  });

  test("S8: an upload that breaks off is never presented as complete", async (t) => {
    await using scene = await startScene();
    const half = "x".repeat(200_000);
    const framed = (rest: string): string => HEAD + LONG + rest;
    const cases: [name: string, octets: string, how: "end" | "reset" | "stay"][] = [
      ["chunked, reset in a chunk", framed("5\r\nhe"), "reset"],
      ["chunked, ended in a chunk", framed("5\r\nhe"), "end"],
      ["chunked, reset between chunks", framed(""), "reset"],
      ["chunked, ended between chunks", framed(""), "end"],
      ["chunked, ended within a size", framed("1"), "end"],
      ["chunked, ended behind the size 0", framed("0"), "end"],
      ["chunked, ended behind 0 CRLF", framed("0\r\n"), "end"],
      ["chunked, ended behind 0 CRLF CR", framed("0\r\n\r"), "end"],
      ["chunked, reset behind 0 CRLF", framed("0\r\n"), "reset"],
      ["chunked, ended in a trailer", framed("0\r\nA: 1\r\n"), "end"],
      ["chunked, malformed size", framed("zz\r\nhello\r\n0\r\n\r\n"), "stay"],
      ["chunked, malformed end of a chunk", framed("5\r\nhelloXX0\r\n\r\n"), "stay"],
      ["chunked, malformed last chunk", framed("0\r\r\n"), "stay"],
      ["chunked, malformed trailer", framed("0\r\nA : 1\r\n\r\n"), "stay"],
      ["chunked, extension without end", framed(`5;${"e".repeat(40_000)}`), "stay"],
      ["chunked, trailers without end", framed(`0\r\n${"A: b\r\n".repeat(20_000)}`), "stay"],
      ["a length, reset", `POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 400000\r\n\r\n${half}`, "reset"],
      ["a length, ended", `POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 400000\r\n\r\n${half}`, "end"],
      [
        "a length, one octet missing",
        `POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200001\r\n\r\n${half}`,
        "end",
      ],
      ["short, a length, ended", "POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello", "end"],
      ["short, chunked, ended", `${HEAD}5\r\nhello\r\n0\r\n`, "end"],
      ["short, chunked, reset", `${HEAD}5\r\nhello\r\n`, "reset"],
    ];
    for (const [name, octets, how] of cases) {
      await t.test(name, async () => {
        scene.forget();
        const ended = scene.gateway.ended.length;
        using client = await connectRaw(scene.port);
        await client.send(octets).catch(() => {});
        if (!name.startsWith("short") && how !== "stay")
          await until(() => scene.origin.received.at(-1)?.includes("POST /first"), { what: "the origin was asked" });
        if (how === "end") client.end();
        if (how === "reset") client.reset();
        await untilEnded(scene, ended + 1);
        await until(() => scene.origin.open === 0, { what: "the connection to the origin is gone" });
        assert.deepEqual(scene.seen, []);
        const received = scene.origin.received.at(-1)?.toString("latin1") ?? "";
        assert.equal(received.endsWith("0\r\n\r\n"), false, printable(received.slice(-100)));
        assert.equal(client.rest().toString().includes(" 200 "), false);
      });
    }
    await scene.stillServes();
  });

  test("S8: an upload that is too slow is cut at the origin, too", async () => {
    await using scene = await startScene({ listen: { bodyTimeout: "100ms" } });
    using client = await connectRaw(scene.port);
    await client.send(HEAD + LONG);
    assertProblem(await client.readResponse(), 408);
    await until(() => scene.origin.open === 0, { what: "the connection to the origin is gone" });
    assert.deepEqual(scene.seen, []);
  });
});

suite("large bodies", () => {
  test("D6: a Content-Length over maxBody: 413 before the origin sees anything", async (t) => {
    await using scene = await startScene({ listen: { maxBody: "100KiB" } });
    for (const length of ["102401", "99999999999", "999999999999999"]) {
      await t.test(length, async () => {
        await scene.refuses(`POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${length}\r\n\r\n`, 413);
        await scene.refuses(`POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${length}\r\n\r\nhello`, 413);
        await scene.refuses(
          `POST /first HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`,
          413,
        );
      });
    }
    await t.test("at the limit it passes", async () => {
      const seen = await scene.forwards(
        `POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 102400\r\n\r\n${"x".repeat(102_400)}`,
      );
      assert.equal(seen.body.length, 102_400);
    });
    await t.test("the answer is not lost to a client that goes on sending", async () => {
      using client = await connectRaw(scene.port);
      const sending = client
        .send(`POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 900000\r\n\r\n${"x".repeat(900_000)}`)
        .catch(() => {});
      assertProblem(await client.readResponse(), 413);
      await sending;
      assert.equal(await client.closed, "fin");
    });
  });

  test("D6: a chunked body is cut at maxBody: 413, and the origin never gets an end of it", async (t) => {
    await using scene = await startScene({ listen: { maxBody: "100KiB" } });
    for (const [name, chunk] of [
      ["one chunk", LONG],
      ["many chunks", "400\r\n".concat("x".repeat(0x400), "\r\n").repeat(200)],
      ["a chunk that only announces", `fffffff\r\n${"x".repeat(110_000)}`],
    ] as const) {
      await t.test(name, async () => {
        using client = await connectRaw(scene.port);
        await client.send(`${HEAD}${chunk}`);
        assertProblem(await client.readResponse(), 413);
        assert.equal(await client.closed, "fin");
        await until(() => scene.origin.open === 0, { what: "the connection to the origin is gone" });
        assert.deepEqual(scene.seen, []);
        assert.equal(scene.origin.received.at(-1)?.toString("latin1").endsWith("0\r\n\r\n") ?? false, false);
      });
    }
    await t.test("at the limit it passes", async () => {
      const seen = await scene.forwards(`${HEAD}19000\r\n${"x".repeat(102_400)}\r\n0\r\n\r\n`);
      assert.equal(seen.body.length, 102_400);
    });
  });

  test("D7: compressed bodies are passed as they are, never inflated, both ways", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const seen: Buffer[] = [];
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      seen.push(request!.body);
      await connection.send(
        `HTTP/1.1 200 OK\r\nContent-Encoding: ${"gzip, ".repeat(500)}gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
        bomb,
      );
    });
    await using gateway = await startGateway({ target: origin.url, listen: { maxBody: "1MiB" } });
    using client = await connectRaw(gateway.port);
    await client.send(
      `POST / HTTP/1.1\r\nHost: a.example\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
      bomb,
    );
    const answer = await client.readResponse();
    assert.deepEqual(answer.body, bomb);
    assert.deepEqual(seen, [bomb]);
  });

  test("S8: one upload that breaks off costs others nothing", async () => {
    await using scene = await startScene();
    using broken = await connectRaw(scene.port);
    await broken.send(HEAD + LONG);
    await until(() => scene.origin.open > 0, { what: "the origin was asked" });
    using other = await connectRaw(scene.port);
    await other.send(PROBE);
    assert.equal((await other.readResponse()).text(), "/probe");
    broken.reset();
    await other.send(PROBE);
    assert.equal((await deadline(other.readResponse(), 10_000, "an answer")).text(), "/probe");
  });
});
