import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { startRawOrigin } from "../../support/raw-origin.ts";
import { assertProblem, startScene, valuesOf } from "../../support/scene.ts";
import { startGateway } from "../../support/gateway.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";

suite("heads of requests", () => {
  test("S9: bare LF, bare CR, NUL, folded lines, CRCRLF and other lines that are none: 400, closed", async (t) => {
    await using scene = await startScene();
    const heads = [
      "GET /first HTTP/1.1\nHost: a.example\n\n",
      "GET /first HTTP/1.1\r\nHost: a.example\n\r\n",
      "GET /first HTTP/1.1\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\nB: 2\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\n\n",
      "GET /first HTTP/1.1\rHost: a.example\r\r",
      "GET /first HTTP/1.1\r\nHost: a.example\rA: 1\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\rB: 2\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: \r1\r\n\r\n",
      "GET /first HTTP/1.1\r\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\n\rX\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\n\r\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\x00\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA\x00: 1\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\n\x00\r\n\r\n",
      "GET /fir\x00st HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "G\x00T /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1\x00\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\r\n 2\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\r\n\t2\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA:\r\n 2\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: 1\r\n \r\nB: 2\r\n\r\n",
      "GET /first HTTP/1.1\r\n Host: a.example\r\n\r\n",
      "GET /first HTTP/1.1\r\n\tA: 1\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\n: 1\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA : 1\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA B: 1\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: \x01\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: \x7f\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: \x0b\x0c\r\n\r\n",
      "GET /first HTTP/1.1\r\nHost: a.example\r\nA: \x1b[31m\r\n\r\n",
      "GET\t/first\tHTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1 \r\nHost: a.example\r\n\r\n",
      " GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET /first HTTP/1.1 x\r\nHost: a.example\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "get /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET/first HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "G,T /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "MADEUP /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ];
    for (const head of heads) {
      await t.test(JSON.stringify(head), async () => {
        await scene.refuses(head + SMUGGLED, 400);
        if (!head.startsWith("\r")) await scene.refuses([head.slice(0, 25), head.slice(25) + SMUGGLED], 400);
      });
    }
    await scene.stillServes();
  });

  test("S9: versions other than 1.0 and 1.1: 400, closed, whatever they claim", async (t) => {
    await using scene = await startScene();
    for (const version of [
      "HTTP/0.9",
      "HTTP/1.2",
      "HTTP/1.9",
      "HTTP/2.0",
      "HTTP/2",
      "HTTP/3.0",
      "HTTP/1.",
      "HTTP/.1",
      "HTTP/1,1",
      "HTTP/01.1",
      "HTTP/1.10",
      "HTTP/11",
      "http/1.1",
      "HTTPS/1.1",
      "ICE/1.0",
      "HTTP",
    ]) {
      await t.test(version, async () => {
        await scene.refuses(`GET /first ${version}\r\nHost: a.example\r\n\r\n${SMUGGLED}`, 400);
        await scene.refuses(`POST /first ${version}\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi${SMUGGLED}`, 400);
        await scene.refuses(
          `GET /first ${version}\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${SMUGGLED}`,
          400,
        );
      });
    }
    await t.test("a request line of HTTP/0.9", () => scene.refuses(`GET /first\r\n\r\n${SMUGGLED}`, 400));
    await t.test("the preface of HTTP/2", () =>
      scene.refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 400),
    );
    await scene.stillServes();
  });

  test("S9: what the parser takes leniently goes on in one form", async (t) => {
    await using scene = await startScene();
    for (const line of ["GET  /first HTTP/1.1", "GET /first  HTTP/1.1"]) {
      await t.test(line, async () => {
        const seen = await scene.forwards(`${line}\r\nHost: a.example\r\n\r\n`);
        assert.match(seen.rawHead.toString(), /^GET \/first HTTP\/1\.1\r\n/);
      });
    }
    await t.test("RTSP/1.0 is HTTP/1.0 to it", async () => {
      using client = await connectRaw(scene.port);
      await client.send(`GET /first RTSP/1.0\r\nHost: a.example\r\n\r\n${SMUGGLED}`);
      assert.equal((await client.readResponse()).text(), "/first");
      assert.equal(await client.closed, "fin");
      assert.match(scene.seen.at(-1)!.rawHead.toString(), /^GET \/first HTTP\/1\.1\r\n/);
    });
    await scene.refuses(`GET /first RTSP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n`, 400);
  });

  test("S9: nothing but CRLF is ever emitted, and values stay as they came", async () => {
    await using scene = await startScene();
    const seen = await scene.forwards(
      "\r\nGET /first HTTP/1.1\r\nHost: a.example\r\nA:\t1 \t2 \r\nB:\r\nC: \xe4\xff\r\nD: a, b\r\nD: c\r\n\r\n",
    );
    const text = seen.rawHead.toString("latin1");
    assert.doesNotMatch(text, /[^\r]\n|\r[^\n]|\0/);
    assert.deepEqual(valuesOf(seen.headers, "a"), ["1 \t2"]);
    assert.deepEqual(valuesOf(seen.headers, "b"), [""]);
    assert.deepEqual(valuesOf(seen.headers, "c"), ["\xe4\xff"]);
    assert.deepEqual(valuesOf(seen.headers, "d"), ["a, b", "c"]);
  });

  test("S14: 2,100 short fields arrive, none is lost", async () => {
    await using scene = await startScene();
    const fields = Array.from({ length: 2100 }, (_, i) => `F${i}: ${i}\r\n`).join("");
    const seen = await scene.forwards(
      `GET /first HTTP/1.1\r\nHost: a.example\r\n${fields}Cookie: late=1\r\nCache-Control: no-store\r\n\r\n`,
    );
    for (let i = 0; i < 2100; i++) assert.deepEqual(valuesOf(seen.headers, `f${i}`), [String(i)]);
    assert.equal(seen.header("cookie"), "late=1");
    assert.equal(seen.header("cache-control"), "no-store");
  });

  test("S14: the fields that decide about framing count behind 2,100 others, too", async () => {
    await using scene = await startScene();
    const fields = Array.from({ length: 2100 }, (_, i) => `F${i}: ${i}\r\n`).join("");
    const head = `POST /first HTTP/1.1\r\n${fields}`;
    await scene.refuses(`${head}Host: a.example\r\nHost: b.example\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`, 400);
    await scene.refuses(`Host: a.example\r\n${head}`, 400);
    await scene.refuses(`${head}Host: a.example\r\nContent_Length: 0\r\nContent-Length: 2\r\n\r\nhi${SMUGGLED}`, 400);
    const seen = await scene.forwards(`${head}Host: a.example\r\nContent-Length: 2\r\n\r\nhi`);
    assert.equal(seen.body.toString(), "hi");
    assert.equal(seen.header("f2099"), "2099");
  });

  test("S14: a head over maxHead: 431, closed, nothing forwarded", async (t) => {
    await using scene = await startScene({ listen: { maxHead: "16KiB" } });
    const start = "GET /first HTTP/1.1\r\nHost: a.example\r\n";
    for (const [name, head] of [
      ["one long field", `${start}A: ${"x".repeat(20_000)}\r\n\r\n`],
      ["many short fields", `${start}${"A: b\r\n".repeat(10_000)}\r\n`],
      ["a long name", `${start}${"A".repeat(20_000)}: b\r\n\r\n`],
      ["a long target", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: a.example\r\n\r\n`],
      ["1 MB that does not end", `${start}${"A: b\r\n".repeat(160_000)}`],
    ] as const) {
      await t.test(name, () => scene.refuses(`${head}${SMUGGLED}`, 431));
    }
    await t.test("a head of many small pieces", async () => {
      const pieces = Array.from({ length: 30 }, () => `A: ${"x".repeat(1000)}\r\n`);
      await scene.refuses([start, ...pieces], 431);
    });
    await scene.stillServes();
  });

  test("S14: many fields of an answer arrive, none is lost; too many are a 502", async (t) => {
    const fields = (count: number): string => Array.from({ length: count }, (_, i) => `F${i}: ${i}\r\n`).join("");
    await using origin = await startRawOrigin(async (connection) => {
      for (let request = await connection.readRequest(); request; request = await connection.readRequest()) {
        const count = Number(request.target.slice(1));
        await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${fields(count)}Set-Cookie: late=1\r\n\r\nok`);
      }
    });
    await using gateway = await startGateway({ target: origin.url });
    using client = await connectRaw(gateway.port);
    await client.send("GET /2100 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    const answer = await client.readResponse();
    assert.equal(answer.status, 200);
    for (let i = 0; i < 2100; i++) assert.equal(answer.header(`f${i}`), String(i));
    assert.equal(answer.header("set-cookie"), "late=1");
    await t.test("over maxHead", async () => {
      await client.send("GET /9000 HTTP/1.1\r\nHost: a.example\r\n\r\n");
      assertProblem(await client.readResponse(), 502);
    });
  });

  test("S15: names that are no token: 400, closed", async (t) => {
    await using scene = await startScene();
    for (const name of [
      "A\xe9",
      "\xff",
      "A(b)",
      "A/b",
      "A@b",
      "A[b]",
      "A{b}",
      'A"b',
      "A=b",
      "A?b",
      "A\\b",
      "A<b>",
      "A,b",
      "A;b",
      "\x80A",
      "\xefvContent-Length",
    ]) {
      await t.test(JSON.stringify(name), () =>
        scene.refuses(`GET /first HTTP/1.1\r\nHost: a.example\r\n${name}: 1\r\n\r\n${SMUGGLED}`, 400),
      );
    }
  });

  test("S15: a framing, forwarding or credential name spelt with _: 400, closed", async (t) => {
    await using scene = await startScene();
    for (const name of [
      "Content_Length",
      "Transfer_Encoding",
      "TRANSFER_ENCODING",
      "X_Forwarded_For",
      "X-Forwarded_For",
      "X_Forwarded-Proto",
      "X_Real_IP",
      "X_Original_URL",
      "X_HTTP_Method_Override",
      "Proxy_Connection",
      "Keep_Alive",
      "CDN_Loop",
      "X_Request_Id",
      "Sec_WebSocket_Key",
      "Content_Type",
      "Set_Cookie",
      "Cache_Control",
      "Spillway_Level",
      "HTTP2_Settings",
      "True_Client_IP",
    ]) {
      await t.test(name, () =>
        scene.refuses(`GET /first HTTP/1.1\r\nHost: a.example\r\n${name}: 1\r\n\r\n${SMUGGLED}`, 400),
      );
    }
  });

  test("S15: names of JavaScript's own and odd tokens pass as what they are: names", async () => {
    await using scene = await startScene();
    const names = [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "__defineGetter__",
      "valueOf",
      "prototype",
      "a.b",
      "my_field",
      "!#$%&'*+-.^_`|~",
      "0",
      "1",
    ];
    const fields = names.map((name) => `${name}: of-${name}\r\n${name}: twice\r\n`).join("");
    const seen = await scene.forwards(`GET /first HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
    for (const name of names) assert.deepEqual(valuesOf(seen.headers, name.toLowerCase()), [`of-${name}`, "twice"]);
    await scene.stillServes();
  });

  test("a head that comes too slowly: 408, closed", async () => {
    await using scene = await startScene({ listen: { headTimeout: "50ms" } });
    await scene.refuses("GET /first HTTP/1.1\r\nHost: a", 408);
  });

  test("an error behind whole requests is answered after them, in order", async (t) => {
    await using scene = await startScene();
    for (const [octets, status] of [
      ["BAD\r\n\r\n", 400],
      [`GET / HTTP/1.1\r\nA: ${"x".repeat(40_000)}\r\n\r\n`, 431],
    ] as const) {
      await t.test(String(status), async () => {
        for (const first of [
          "GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n",
          "POST /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi",
        ]) {
          using client = await connectRaw(scene.port);
          await client.send(first + first + octets + SMUGGLED);
          assert.equal((await client.readResponse()).text(), "/first");
          assert.equal((await client.readResponse()).text(), "/first");
          assertProblem(await client.readResponse(), status);
          assert.equal(await client.closed, "fin");
          assert.equal(client.rest().length, 0);
        }
      });
    }
    assert.deepEqual(new Set(scene.seen.map(({ target }) => target)), new Set(["/first"]));
  });
});
