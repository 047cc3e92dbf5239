import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { printable } from "../../support/byte-reader.ts";
import { startHostile } from "../../support/hostile-origin.ts";
import { connectRaw, type RawClient } from "../../support/raw-client.ts";
import { assertProblem, probe } from "../../support/scene.ts";
import { deadline, until } from "../../support/wait.ts";

const STAGED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Staged: yes\r\n\r\nSECRET";
const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

/** A whole answer, octets beyond it, and what the client may get of it when those come in a segment of their own. */
const SURPLUS: readonly [name: string, method: string, answer: string, surplus: string, body: string][] = [
  ["an answer behind a length", "GET", PLAIN, STAGED, "ok"],
  ["an answer behind chunks", "GET", CHUNKED, STAGED, "ok"],
  ["an answer behind a length of 0", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", STAGED, ""],
  [
    "an answer behind one that ends the connection",
    "GET",
    PLAIN.replace("\r\n", "\r\nConnection: close\r\n"),
    STAGED,
    "ok",
  ],
  ["an answer behind 204", "GET", "HTTP/1.1 204 None\r\n\r\n", STAGED, ""],
  ["an answer behind 304", "GET", "HTTP/1.1 304 Same\r\n\r\n", STAGED, ""],
  ["an answer behind one to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", STAGED, ""],
  ["an answer behind one to a POST", "POST", PLAIN, STAGED, "ok"],
  ["an interim answer", "GET", PLAIN, "HTTP/1.1 103 Early Hints\r\n\r\n", "ok"],
  ["rubbish behind a length", "GET", PLAIN, "SECRET", "ok"],
  ["one octet behind a length", "GET", PLAIN, "!", "ok"],
  ["one octet behind chunks", "GET", CHUNKED, "!", "ok"],
  ["a body of 204 with a length", "GET", "HTTP/1.1 204 None\r\nContent-Length: 6\r\n\r\n", "SECRET", ""],
  [
    "a body of 204 in chunks",
    "GET",
    "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n",
    "6\r\nSECRET\r\n0\r\n\r\n",
    "",
  ],
  ["a body of 304", "GET", "HTTP/1.1 304 Same\r\nContent-Length: 6\r\n\r\n", "SECRET", ""],
  ["a body of an answer to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "SECRET", ""],
  [
    "chunks of an answer to HEAD",
    "HEAD",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "6\r\nSECRET\r\n0\r\n\r\n",
    "",
  ],
];

const ask = (method = "GET", target = "/first"): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.example\r\n${method === "POST" ? "Content-Length: 0\r\n" : ""}\r\n`;

function assertNothingLeaked(...clients: readonly RawClient[]): void {
  for (const client of clients) assert.doesNotMatch(client.received().toString("latin1"), /SECRET|X-Staged/i);
}

suite("octets beyond an answer of the origin", () => {
  for (const config of [{}, { route: { cache: "origin" } }]) {
    const on = "route" in config ? " on a cached route" : "";
    test(`S18: in one segment with the answer: 502, the connection discarded, nobody gets any of it${on}`, async (t) => {
      for (const [name, method, answer, surplus] of SURPLUS) {
        await t.test(name, async () => {
          await using scene = await startHostile((connection) => connection.send(answer + surplus), config);
          using client = await connectRaw(scene.gateway.port);
          using next = await connectRaw(scene.gateway.port);
          await client.send(ask(method));
          assertProblem(await client.readResponse({ method }), 502, method);
          await probe(next);
          await probe(client);
          assert.equal(scene.origin.connections, 2, "the connection to the origin was used again");
          assertNothingLeaked(client, next);
        });
      }
    });
  }

  test("S18: in segments of their own: the connection discarded, the client gets the answer or 502, nobody any more of it", async (t) => {
    for (const [name, method, answer, surplus, body] of SURPLUS) {
      for (const pieces of [[answer, surplus], (answer + surplus).split("")]) {
        await t.test(`${name}, in ${pieces.length} pieces`, async () => {
          await using scene = await startHostile((connection) => connection.send(...pieces).catch(() => {}));
          using client = await connectRaw(scene.gateway.port);
          await client.send(ask(method));
          const got = await client.readResponse({ method });
          assert.ok(got.status === 502 || got.body.toString() === body, printable(got.raw));
          using next = await connectRaw(scene.gateway.port);
          await probe(next);
          await probe(client);
          await probe(next);
          assertNothingLeaked(client, next);
        });
      }
    }
  });

  for (const [framing, head, rest] of [
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "world"],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n"],
  ] as const) {
    // RFC 9112 section 6.3: the length may be what is wrong, and then what looks whole is not.
    test(`S18: behind the end of an answer that has begun to go out: it is cut before that end (${framing})`, async () => {
      const begun = Promise.withResolvers<void>();
      await using scene = await startHostile(async (connection) => {
        await connection.send(head);
        await begun.promise;
        await connection.send(rest + STAGED);
      });
      using client = await connectRaw(scene.gateway.port);
      await client.send(ask());
      await client.readUntil("hello");
      begun.resolve();
      await deadline(client.closed, 10_000, "the end of the connection");
      await assert.rejects(client.readResponse(), "the answer looks whole");
      await until(() => scene.gateway.ended.length === 1, { what: "the exchange has ended" });
      assert.equal(scene.gateway.ended[0]!.whole, false);
      using other = await connectRaw(scene.gateway.port);
      await probe(other);
      assert.equal(scene.origin.connections, 2);
      assertNothingLeaked(client, other);
    });

    test(`S18: an answer with more behind it is not kept, whether it had begun to go out or not (${framing})`, async (t) => {
      for (const begins of [false, true]) {
        await t.test(begins ? "begun" : "in one segment", async () => {
          const begun = Promise.withResolvers<void>();
          const good = head.replace("\r\n", "\r\nCache-Control: max-age=60\r\n");
          let calls = 0;
          const answer = async (connection: { send(...pieces: string[]): Promise<void> }): Promise<void> => {
            if (++calls > 1) return connection.send(good + rest);
            if (!begins) return connection.send(good + rest + STAGED);
            await connection.send(good);
            await begun.promise;
            await connection.send(rest + STAGED);
          };
          await using scene = await startHostile(answer, { route: { cache: "origin" } });
          using first = await connectRaw(scene.gateway.port);
          await first.send(ask());
          if (begins) {
            await first.readUntil("hello");
            begun.resolve();
            await deadline(first.closed, 10_000, "the end of the connection");
          } else assertProblem(await first.readResponse(), 502);
          using next = await connectRaw(scene.gateway.port);
          for (const expected of [2, 2]) {
            await next.send(ask());
            assert.equal((await next.readResponse()).text(), "helloworld");
            assert.equal(calls, expected);
          }
          assertNothingLeaked(first, next);
        });
      }
    });
  }

  test("S18: with the refusal of a WebSocket: 502", async () => {
    const refusal = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    await using scene = await startHostile((connection) => connection.send(refusal + STAGED), {
      route: { websocket: true },
    });
    using client = await connectRaw(scene.gateway.port);
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
    await client.send(`GET /socket HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n\r\n`);
    assertProblem(await client.readResponse(), 502);
    assertNothingLeaked(client);
  });
});
