import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startScene, valuesOf } from "../../support/scene.ts";

const get = (lines: string): string => `GET /first HTTP/1.1\r\nHost: a.example\r\n${lines}\r\n`;

const UNKEYED = [
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Port",
  "X-Forwarded-Server",
  "X-Forwarded-Scheme",
  "X-Forwarded-Prefix",
  "X-Forwarded-Ssl",
  "X-Forwarded",
  "Forwarded",
  "Forwarded-For",
  "X-Real-IP",
  "X-Client-IP",
  "Client-IP",
  "True-Client-IP",
  "X-Cluster-Client-IP",
  "CF-Connecting-IP",
  "Fastly-Client-IP",
  "X-Originating-IP",
  "X-Remote-IP",
  "X-Remote-Addr",
  "X-Original-Forwarded-For",
  "X-Host",
  "X-Original-Host",
  "X-HTTP-Host-Override",
  "X-Original-URL",
  "X-Original-URI",
  "X-Rewrite-URL",
  "X-HTTP-Method",
  "X-HTTP-Method-Override",
  "X-Method-Override",
  "Front-End-Https",
  "X-Scheme",
  "X-URL-Scheme",
  "X-Request-Id",
  "Spillway-Level",
  "Spillway-Anything",
  "Proxy",
];

suite("forwarding fields", () => {
  test("C6: of an untrusted peer, nothing it says about hosts, schemes, addresses, methods or paths goes on", async (t) => {
    await using scene = await startScene();
    for (const name of UNKEYED) {
      await t.test(name, async () => {
        for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
          const seen = await scene.forwards(get(`${spelling}: evil-1\r\n${spelling}: evil-2\r\n`));
          assert.doesNotMatch(seen.rawHead.toString("latin1"), /evil/);
        }
      });
    }
    await t.test("ours stand there once each", async () => {
      const seen = await scene.forwards(get(UNKEYED.map((name) => `${name}: evil\r\n`).join("")));
      assert.deepEqual(valuesOf(seen.headers, "x-forwarded-for"), ["127.0.0.1"]);
      assert.deepEqual(valuesOf(seen.headers, "x-forwarded-host"), ["a.example"]);
      assert.deepEqual(valuesOf(seen.headers, "x-forwarded-proto"), ["http"]);
      assert.deepEqual(valuesOf(seen.headers, "forwarded"), ["for=127.0.0.1;host=a.example;proto=http"]);
      assert.equal(valuesOf(seen.headers, "x-request-id").length, 1);
      assert.equal(valuesOf(seen.headers, "traceparent").length, 1);
    });
  });

  test("C6: of a trusted peer it is continued", async () => {
    await using scene = await startScene({ listen: { trustedProxies: ["127.0.0.0/8"] } });
    const seen = await scene.forwards(
      get(
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\n" +
          "Forwarded: for=192.0.2.1\r\nX-Original-URL: /x\r\nX-Request-Id: abc\r\n",
      ),
    );
    assert.deepEqual(valuesOf(seen.headers, "x-forwarded-for"), ["192.0.2.1, 192.0.2.2, 127.0.0.1"]);
    assert.deepEqual(valuesOf(seen.headers, "x-forwarded-proto"), ["https"]);
    assert.deepEqual(valuesOf(seen.headers, "x-forwarded-host"), ["b.example"]);
    assert.deepEqual(valuesOf(seen.headers, "forwarded"), ["for=192.0.2.1, for=127.0.0.1;host=a.example;proto=http"]);
    assert.deepEqual(valuesOf(seen.headers, "x-original-url"), ["/x"]);
    assert.deepEqual(valuesOf(seen.headers, "x-request-id"), ["abc"]);
  });

  test("C6: the query goes on whole and a GET with a body keeps it", async () => {
    await using scene = await startScene();
    const seen = await scene.forwards(
      "GET /first?a=1&a=2;utm_x=3&%61=4 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\na=fat",
    );
    assert.equal(seen.target, "/first?a=1&a=2;utm_x=3&%61=4");
    assert.equal(seen.body.toString(), "a=fat");
  });

  test("C6: a request that was here before is a loop: 508, closed", async () => {
    await using scene = await startScene();
    await scene.refuses(get("CDN-Loop: other, spillway;v=1\r\n"), 508);
    await scene.refuses(get("CDN-Loop: other\r\nCDN-Loop: spillway\r\n"), 508);
    await scene.refuses(get(`CDN-Loop: ${"x, ".repeat(30)}\r\n`), 508);
  });
});
