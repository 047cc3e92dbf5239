import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startScene, untilEnded } from "../../support/scene.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";

suite("hosts", () => {
  test("S11: no Host, two Hosts or one that is no host: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const lines = [
      "",
      "Host: a.example\r\nHost: a.example\r\n",
      "Host: a.example\r\nHost: b.example\r\n",
      "Host: a.example\r\nhost: b.example\r\n",
      "Host: a.example\r\nX: y\r\nHOST:\r\n",
      "Host:\r\nHost: a.example\r\n",
      "Host: a.example\r\n Host: b.example\r\n",
      "Host : a.example\r\n",
      "Host\t: a.example\r\n",
      " Host: a.example\r\n",
      "Host:\r\n a.example\r\n",
      "Host: a.example\r\n b.example\r\n",
      ...[
        "",
        " ",
        ",",
        "a.example,b.example",
        "a.example, b.example",
        "a.example b.example",
        "a.example\tb",
        "a .example",
        "a.example/",
        "a.example/path",
        "a.example?x",
        "a.example#x",
        "user@a.example",
        "user:pw@a.example",
        "a.example@evil.example",
        "@evil.example",
        ".evil.example",
        "a..example",
        ".",
        "a.example:",
        "a.example:0",
        "a.example:080",
        "a.example:99999",
        "a.example:80:80",
        "a.example:80a",
        "a.example:-1",
        "a.example:+80",
        "a.example: 80",
        "a.example:80@evil.example",
        "http://a.example",
        "//a.example",
        "a.example%00",
        "a%2eexample",
        "a.example\\",
        "a.example;x",
        "a.example'",
        'a.example"',
        "<a.example>",
        "a.example|b",
        "a.example\x00",
        "a.example\x00.evil",
        "a.example\x01",
        "a.example\x7f",
        "\x0ba.example",
        "b\xfccher.example",
        "a.example\xa0",
        "a.example\r\nX: y\nHost: b",
        "*",
        "*.example",
        "[::1",
        "::1",
        "[::1]:",
        "[::1]x",
        "[fe80::1%25eth0]",
        "[a.example]",
        "[]",
        "1.2.3",
        "0x7f.1",
        "2130706433",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "a".repeat(256),
      ].map((value) => `Host: ${value}\r\n`),
    ];
    // A trailing dot after an address is taken off before it is judged.
    for (const line of lines.filter((line) => line !== "Host: 127.0.0.1.\r\n")) {
      await t.test(JSON.stringify(line.slice(0, 60)), async () => {
        await scene.refuses(`GET /first HTTP/1.1\r\n${line}\r\n${SMUGGLED}`, 400);
        await scene.refuses(`POST /first HTTP/1.1\r\n${line}Content-Length: 2\r\n\r\nhi${SMUGGLED}`, 400);
      });
    }
    await scene.stillServes();
  });

  test("S11: good hosts go on in one canonical form; other fields do not stand for Host", async (t) => {
    await using scene = await startScene();
    for (const [sent, seen] of [
      ["a.example", "a.example"],
      ["A.EXAMPLE", "a.example"],
      ["a.example.", "a.example"],
      ["a.example:80", "a.example"],
      ["a.example:8080", "a.example:8080"],
      ["127.0.0.1", "127.0.0.1"],
      ["[::1]:8080", "[::1]:8080"],
      ["a_b.example", "a_b.example"],
    ] as const) {
      await t.test(sent, async () => {
        const request = await scene.forwards(
          `GET /first HTTP/1.1\r\nHost:\t${sent} \r\nX-Forwarded-Host: evil\r\nX-Host: evil\r\nForwarded: host=evil\r\n\r\n`,
        );
        assert.equal(request.header("host"), seen);
        assert.equal(request.header("x-forwarded-host"), seen);
        assert.doesNotMatch(request.rawHead.toString(), /evil/);
      });
    }
    await t.test("HTTP/1.0 may leave it out: our own address stands for it", async () => {
      const request = await scene.forwards("GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      assert.equal(request.header("host"), `127.0.0.1:${scene.port}`);
      assert.equal(request.version, "1.1");
    });
    await t.test("HTTP/1.0 with two", () =>
      scene.refuses(`GET /first HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n${SMUGGLED}`, 400),
    );
  });

  test("C7: scheme, host, port, path, query and method of an exchange are canonical and come from one place", async (t) => {
    await using scene = await startScene();
    const rows: [line: string, host: string, authority: string, path: string, query: string][] = [
      ["GET /a?x=1&x=2", "A.Example:80", "a.example", "/a", "?x=1&x=2"],
      ["GET //%61//b?%61", "a.example.", "a.example", "/a/b", "?%61"],
      ["GET http://a.example:80/a", "a.example", "a.example", "/a", ""],
      ["GET /a?", "a.example:81", "a.example:81", "/a", "?"],
      ["HEAD /a", "a.example", "a.example", "/a", ""],
    ];
    for (const [line, host, authority, path, query] of rows) {
      await t.test(`${line} of ${host}`, async () => {
        const before = scene.gateway.ended.length;
        const [method = ""] = line.split(" ");
        await scene.forwards(
          `${line} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n`,
          method,
        );
        await untilEnded(scene, before + 2);
        const { exchange } = scene.gateway.ended[before]!;
        assert.deepEqual(
          [exchange.scheme, exchange.authority, exchange.path, exchange.query, exchange.method],
          ["http", authority, path, query, method],
        );
      });
    }
  });
});
