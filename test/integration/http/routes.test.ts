import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin, startRawOrigin, type Echo } from "../../support/raw-origin.ts";
import { valuesOf } from "../../support/scene.ts";
import { deadline, until } from "../../support/wait.ts";

const get = (path: string, lines = ""): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${lines}\r\n`;

suite("fixed answers", () => {
  const routes = [
    { match: { path: "/hello" }, respond: { status: 200, body: "hello" } },
    { match: { path: "/none" }, respond: { status: 204 } },
    { match: { path: "/closed" }, respond: { status: 403 } },
    {
      match: { path: "/moved" },
      respond: { status: 301 },
      responseHeaders: { set: { Location: "https://b.example/" } },
    },
    {
      match: { path: "/json" },
      respond: { status: 200, body: "{}", contentType: "application/json" },
      responseHeaders: { set: { "Cache-Control": "no-store" }, remove: ["content-type"] },
    },
  ];

  test("have a length and a type, and those of HEAD too; 204 has neither", async () => {
    await using gateway = await startGateway({ routes });
    using client = await connectRaw(gateway.port);
    const ask = async (method: string, path: string) => {
      await client.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const answer = await client.readResponse({ method });
      const [length, type, coding] = ["content-length", "content-type", "transfer-encoding"].map(answer.header);
      return { status: answer.status, length, type, coding, text: answer.text() };
    };
    const type = "text/plain; charset=utf-8";
    const hello = { status: 200, length: "5", type, coding: undefined, text: "hello" };
    const empty = { length: "0", type: undefined, coding: undefined, text: "" };
    assert.deepEqual(await ask("GET", "/hello"), hello);
    assert.deepEqual(await ask("HEAD", "/hello"), { ...hello, text: "" });
    assert.deepEqual(await ask("GET", "/closed"), { ...empty, status: 403 });
    assert.deepEqual(await ask("DELETE", "/none"), { ...empty, status: 204, length: undefined });
    await until(() => gateway.ended.length === 4, { what: "all have ended" });
    assert.deepEqual(
      gateway.ended.map(({ bytesOut }) => bytesOut),
      [5, 0, 0, 0],
    );
  });

  test("have the fields that the route sets and not those it removes", async () => {
    await using gateway = await startGateway({ routes });
    using client = await connectRaw(gateway.port);
    await client.send(get("/moved"), get("/json"));
    const moved = await client.readResponse();
    assert.deepEqual([moved.status, moved.header("location"), moved.text()], [301, "https://b.example/", ""]);
    const json = await client.readResponse();
    assert.equal(json.header("cache-control"), "no-store");
    assert.equal(json.header("content-type"), undefined);
  });

  test("come at once to a client that waits for 100, which it never gets", async () => {
    await using gateway = await startGateway({ routes });
    using client = await connectRaw(gateway.port);
    await client.send("POST /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const answer = await client.readResponse();
    assert.deepEqual([answer.text(), answer.interim, answer.header("connection")], ["hello", [], "close"]);
  });

  test("reach a client that is still sending its body, which is swallowed and never served as a request", async () => {
    await using gateway = await startGateway({ routes });
    using client = await connectRaw(gateway.port);
    await client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    assert.equal((await client.readResponse()).text(), "hello");
    await client.send(
      Buffer.from(get("/closed").repeat(Math.ceil(500_000 / get("/closed").length))).subarray(0, 500_000),
    );
    assert.equal(await deadline(client.closed, 10_000, "the end of the connection"), "fin");
    assert.equal(client.rest().length, 0);
    assert.equal(gateway.ended.length, 1);
  });
});

suite("what a route changes", () => {
  test("fields of the request are set and removed, Host among them; of the answer, too", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      const request = await connection.readRequest();
      const echo = Buffer.from(JSON.stringify(request!.headers));
      await connection.send(
        `HTTP/1.1 200 OK\r\nServer: x\r\nX-Tag: one\r\nx-tag: two\r\nX-Kept: k\r\nContent-Length: ${echo.length}\r\n\r\n`,
        echo,
      );
    });
    await using gateway = await startGateway({
      target: origin.url,
      route: {
        requestHeaders: { set: { Host: "b.example", "X-Added": "1", "x-replaced": "new" }, remove: ["User-Agent"] },
        responseHeaders: { set: { "X-Tag": "ours" }, remove: ["server"] },
      },
    });
    using client = await connectRaw(gateway.port);
    await client.send(get("/", "User-Agent: me\r\nX-Replaced: old\r\nX-Replaced: older\r\nX-Kept: k\r\n"));
    const answer = await client.readResponse();
    const seen = answer.json() as string[];
    assert.deepEqual(
      ["host", "user-agent", "x-added", "x-replaced", "x-kept"].map((name) => valuesOf(seen, name)),
      [["b.example"], [], ["1"], ["new"], ["k"]],
    );
    assert.deepEqual(
      ["server", "x-tag", "x-kept"].map((name) => valuesOf(answer.headers, name)),
      [[], ["ours"], ["k"]],
    );
  });

  test("a rewritten target is what the dependency is asked for; the event keeps the client's", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({
      target: origin.url,
      route: { match: { path: "/api/*" }, rewrite: { prefix: "/v2/" } },
    });
    const answer = (await (await fetch(`http://127.0.0.1:${gateway.port}/api/a%20b/c?d=%2F`)).json()) as Echo;
    assert.equal(answer.target, "/v2/a%20b/c?d=%2F");
    assert.equal(gateway.ended[0]?.exchange.target, "/api/a%20b/c?d=%2F");
  });
});

suite("what a dependency says about itself", () => {
  test("host: target sends the target's own Host, and X-Forwarded-Host the client's", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({
      dependencies: { origin: { http: { targets: [`${origin.url}/`], host: "target" } } },
      routes: [{ match: { path: "/*" }, dependency: "origin" }],
    });
    using client = await connectRaw(gateway.port);
    await client.send(get("/"));
    const { headers } = (await client.readResponse()).json() as Echo;
    assert.deepEqual(valuesOf(headers, "host"), [`127.0.0.1:${origin.port}`]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-host"), ["a.example"]);
  });

  test("targets share the traffic by weight, one of weight 0 gets none", async () => {
    await using heavy = await startOrigin((_request, response) => response.end());
    await using light = await startOrigin((_request, response) => response.end());
    await using idle = await startOrigin((_request, response) => response.end());
    const targets = [
      { url: heavy.url, weight: 9 },
      { url: light.url, weight: 1 },
      { url: idle.url, weight: 0 },
    ];
    await using gateway = await startGateway({
      dependencies: { origin: { http: { targets } } },
      routes: [{ match: { path: "/*" }, dependency: "origin" }],
    });
    for (let sent = 0; sent < 300; sent++) await (await fetch(`http://127.0.0.1:${gateway.port}/`)).arrayBuffer();
    assert.equal(heavy.requests + light.requests, 300);
    // 30 are expected; one run in a million is beyond these bounds.
    assert.ok(light.requests >= 7 && light.requests <= 60, `the light one got ${light.requests}`);
    assert.equal(idle.requests, 0);
  });
});

suite("what a listener is told to do", () => {
  test("serverTiming tells clients how long the dependency took, and is off by default", async () => {
    await using origin = await startEchoOrigin();
    const timing = async (listen: object): Promise<string | null> => {
      await using gateway = await startGateway({ target: origin.url, listen });
      return (await fetch(`http://127.0.0.1:${gateway.port}/`)).headers.get("server-timing");
    };
    assert.match((await timing({ serverTiming: true })) ?? "", /^dependency;dur=\d+\.\d$/);
    assert.equal(await timing({}), null);
  });

  test("IPv6 is listened on and forwarded to", async (t) => {
    await using inner = await startGateway({
      listen: { host: "::1", name: "inner" },
      routes: [{ match: { path: "/*" }, respond: { status: 200, body: "six" } }],
    }).catch(
      (error: Error) => (t.skip(`no IPv6 here: ${error.message}`), { port: 0, [Symbol.asyncDispose]: async () => {} }),
    );
    if (inner.port === 0) return;
    await using outer = await startGateway({ target: `http://[::1]:${inner.port}`, listen: { host: "::1" } });
    const answer = await fetch(`http://[::1]:${outer.port}/`);
    assert.equal(await answer.text(), "six");
    assert.equal(answer.headers.get("via"), "1.1 inner, 1.1 spillway");
    assert.equal(outer.ended[0]?.exchange.client.address, "::1");
  });

  test("trusted proxies of a reload are trusted on new connections", async () => {
    await using origin = await startEchoOrigin();
    await using gateway = await startGateway({ target: origin.url });
    const forwarded = async (client: Awaited<ReturnType<typeof connectRaw>>): Promise<string[]> => {
      await client.send(get("/", "X-Forwarded-For: 192.0.2.1\r\n"));
      return valuesOf(((await client.readResponse()).json() as Echo).headers, "x-forwarded-for");
    };
    using before = await connectRaw(gateway.port);
    assert.deepEqual(await forwarded(before), ["127.0.0.1"]);
    await gateway.apply({ target: origin.url, listen: { trustedProxies: ["127.0.0.1"] } });
    using after = await connectRaw(gateway.port);
    assert.deepEqual(await forwarded(after), ["192.0.2.1, 127.0.0.1"]);
    assert.equal(gateway.ended.at(-1)?.exchange.client.address, "192.0.2.1");
  });
});
