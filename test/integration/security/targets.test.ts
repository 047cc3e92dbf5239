import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { assertProblem, startScene } from "../../support/scene.ts";
import { printable } from "../../support/byte-reader.ts";
import { deadline } from "../../support/wait.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
const get = (target: string, method = "GET"): string => `${method} ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

suite("request targets", () => {
  test("S10: a target that is neither a path nor our own URL: 400, closed, nothing forwarded", async (t) => {
    await using scene = await startScene();
    const targets = [
      "first",
      "evil.example",
      "@evil.example/",
      ".evil.example/",
      ":80/",
      "?x",
      "\\evil.example",
      "\\\\evil.example\\",
      "*",
      "*/",
      "#",
      "http:",
      "http:/first",
      "http:first",
      "http://",
      "http:///first",
      "http://evil.example/first",
      "http://a.example.evil/first",
      "http://a.example@evil.example/",
      "http://evil.example@a.example/",
      "http://user:pw@a.example/",
      "http://a.example:81/first",
      "http://a.example:/first",
      "http://a.example:99999/",
      "http://a.example\\@evil/",
      "http://a.example#f",
      "http://a.example#@evil/",
      "http://a.example%2fx/",
      "http://[::1/",
      "http://[::1]/",
      "http://a.example/../x",
      "http://a.example/#x",
      "https://a.example/first",
      "https://evil.example/",
      "ftp://a.example/first",
      "file:///etc/passwd",
      "ws://a.example/",
      "javascript:alert(1)",
      "HTTP//a.example/",
      "a.example:80",
      "/first#fragment",
      "/first#",
      "/#/../x",
      "/first?a#b",
      "/fir\xe9st",
      "/first?\xff",
      "/\x80",
      "/\x7f",
      "/a\tb",
      "/%",
      "/%2",
      "/%zz",
      "/%0d%0aX:%20y",
      "/%00",
      "/a%0a",
      "/%7f",
      "/%1f",
      "/a\\b",
      "/%5c",
      "/%2f",
      "/%2F..%2f",
      "/..",
      "/../x",
      "/./x",
      "/a/..",
      "/a/.",
      "/a/%2e%2e/x",
      "/a/%2e/x",
      "/a/.%2e/x",
      "/a/..;/x",
      "/a/..;x=1/y",
      "/a/.;/x",
      "/a/..%3b/x",
      "/%c0%ae%c0%ae/x",
      "/%e0%80%ae/x",
      "/%c0%af",
      "/%f0%80%80%af",
      "/%ed%a0%80",
      "/%ff",
      "/%c3",
    ];
    for (const target of targets) {
      await t.test(JSON.stringify(target), async () => {
        await scene.refuses(get(target) + SMUGGLED, 400);
        await scene.refuses(
          `POST ${target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi${SMUGGLED}`,
          400,
        );
      });
    }
    await scene.stillServes();
  });

  test("S10: our own URL goes on as its path; a path byte for byte", async (t) => {
    await using scene = await startScene();
    const forms: [sent: string, seen: string][] = [
      ["http://a.example/first?x=%20y", "/first?x=%20y"],
      ["HTTP://A.Example:80/first", "/first"],
      ["http://a.example", "/"],
      ["http://a.example?x=1", "/?x=1"],
      ["/first?x=/../%0d%0a\\%zz", "/first?x=/../%0d%0a\\%zz"],
      ["//evil.example/x", "//evil.example/x"],
      ["/@evil.example", "/@evil.example"],
      ["/http://evil.example/", "/http://evil.example/"],
      ["/%61%2C%c3%a9", "/%61%2C%c3%a9"],
      ["/a//b///c/", "/a//b///c/"],
      ["/a;x=1/b", "/a;x=1/b"],
      ["/?", "/?"],
      ["/*", "/*"],
      ["/a:80", "/a:80"],
      ["/%2561dmin", "/%2561dmin"],
      ["/?a=1&a=2;b&utf8=%E2%9C%93", "/?a=1&a=2;b&utf8=%E2%9C%93"],
    ];
    for (const [sent, seen] of forms) {
      await t.test(sent, async () => {
        const request = await scene.forwards(get(sent));
        assert.equal(request.target, seen);
        assert.equal(request.header("host"), "a.example");
        assert.match(request.rawHead.toString("latin1"), /^GET \/[!-~]* HTTP\/1\.1\r\n/);
      });
    }
    await t.test("OPTIONS * is answered here", async () => {
      using client = await connectRaw(scene.port);
      await client.send(get("*", "OPTIONS"));
      assert.equal((await client.readResponse()).status, 204);
    });
    for (const method of ["TRACE", "CONNECT"]) {
      await t.test(`${method} is not carried`, async () => {
        await scene.refuses(
          `${method} ${method === "CONNECT" ? "a.example:80" : "/"} HTTP/1.1\r\nHost: a.example\r\n\r\n${SMUGGLED}`,
          501,
        );
      });
    }
    await scene.stillServes();
  });

  test("S16: no spelling gets past a rule for /admin/*", async (t) => {
    await using scene = await startScene({
      routes: [{ name: "admin", match: { path: "/admin/*" }, respond: { status: 403 } }],
    });
    const spellings = [
      "/admin",
      "/admin/",
      "/admin/x",
      "/admin?x",
      "/admin/?x",
      "/%61dmin",
      "/%61%64%6d%69%6e",
      "/admi%6E/x",
      "//admin",
      "///admin//x",
      "//admin/x",
      "/./admin",
      "/.//admin",
      "/x/../admin",
      "/x/..//admin",
      "/x/%2e%2e/admin",
      "/x/%2E%2e/admin",
      "/x/.%2e/admin",
      "/%2e/admin",
      "/.%2fadmin",
      "/%2fadmin",
      "/%2Fadmin",
      "/x%2f..%2fadmin",
      "/x/..%2fadmin",
      "/%5cadmin",
      "/\\admin",
      "/x\\..\\admin",
      "/x/..\\admin",
      "/x/..%5cadmin",
      "/;/admin",
      "/;x=1/admin",
      "/x/..;/admin",
      "/x/..;a=b/admin",
      "/x/.;/../admin",
      "/x/%2e%2e;/admin",
      "/x/..%3b/admin",
      "/admin;x=1",
      "/admin;/x",
      "/admin;",
      "/admin;x=1/y",
      "/%61dmin;x",
      "/admin%3bx",
      "/admin%3b/x",
      "/admin%00",
      "/admin%00.html",
      "/admin%0a",
      "/admin%0d%0a",
      "/admin#x",
      "/x#/../admin",
      "/%c0%afadmin",
      "/%e0%80%afadmin",
      "/x/%c0%ae%c0%ae/admin",
      "/%ef%bc%8fadmin/../../admin",
      "http://a.example/admin",
      "http://a.example//admin",
      "http://a.example/%61dmin",
      "http://a.example/x/../admin",
      "/admin/../admin",
      "/admin/%2e%2e/x",
      "/admin/..;/x",
      "/admin//",
      "/admin/.",
      "/admin/..",
      "/admin\t",
      "/admin%20/../admin",
    ];
    for (const spelling of spellings) {
      for (const method of ["GET", "POST", "HEAD"]) {
        await t.test(`${method} ${JSON.stringify(spelling)}`, async () => {
          using client = await connectRaw(scene.port);
          await client.send(`${method} ${spelling} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
          const answer = await client.readResponse({ method });
          assert.ok(answer.status === 403 || answer.status === 400, printable(answer.raw));
          if (answer.status === 400) assertProblem(answer, 400, method);
          await deadline(client.closed, 10_000, "the end of the connection");
          assert.equal(scene.origin.connections, 0, `the origin got ${printable(scene.origin.received[0] ?? "")}`);
        });
      }
    }
    await t.test("the fields that could name another path do nothing", async () => {
      const seen = await scene.forwards(
        "GET /ok HTTP/1.1\r\nHost: a.example\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n" +
          "X-Original-URI: /admin\r\nX-HTTP-Method-Override: DELETE\r\nX-Forwarded-Prefix: /admin\r\n\r\n",
      );
      assert.doesNotMatch(seen.rawHead.toString(), /admin|DELETE/);
    });
    await t.test("what only looks alike passes", async () => {
      for (const target of ["/administrator", "/x/admin", "/ADMIN", "/%2561dmin", "/?/admin", "/admin.html"]) {
        assert.equal((await scene.forwards(get(target))).target, target);
      }
    });
  });

  test("S16: a rewrite cannot be led out of its prefix", async (t) => {
    await using scene = await startScene({
      routes: [
        { name: "api", match: { path: "/api/*" }, dependency: "origin", rewrite: { prefix: "/internal/v1" } },
        { name: "item", match: { path: "/items/:id" }, dependency: "origin", rewrite: { path: "/store/:id/view" } },
      ],
    });
    for (const [sent, seen] of [
      ["/api/x?q=1", "/internal/v1/x?q=1"],
      ["/api//admin", "/internal/v1/admin"],
      ["/api//evil.example/x", "/internal/v1/evil.example/x"],
      ["/%61pi/x", "/internal/v1/x"],
      ["/api", "/internal/v1"],
      ["/api/@evil", "/internal/v1/@evil"],
      ["/items/7", "/store/7/view"],
      ["/items/a%20b", "/store/a%20b/view"],
      ["/items/a%3Fb%23c", "/store/a%3Fb%23c/view"],
      ["/items/%25", "/store/%25/view"],
    ] as const) {
      await t.test(sent, async () => assert.equal((await scene.forwards(get(sent))).target, seen));
    }
    for (const sent of [
      "/api/../x",
      "/api/%2e%2e/x",
      "/api/..%2fx",
      "/items/..",
      "/items/%2e%2e",
      "/items/..%2f..",
      "/items/a%2fb",
    ]) {
      await t.test(sent, () => scene.refuses(get(sent), 400));
    }
  });
});
