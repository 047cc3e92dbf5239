import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { startOrigin } from "../../../src/demo/origin.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { until } from "../../support/wait.ts";

interface Setup extends AsyncDisposable {
  readonly port: number;
  call(method: string, path: string, options?: { headers?: Record<string, string>; body?: string }): Promise<Response>;
  fault(faults: object): Promise<void>;
}

async function setUp(options: { clock?: Clock; random?: () => number } = {}): Promise<Setup> {
  const origin = await startOrigin({
    clock: options.clock ?? systemClock,
    random: options.random ?? (() => 0.5),
    port: 0,
    host: "127.0.0.1",
  });
  const call: Setup["call"] = (method, path, more = {}) => fetch(`${origin.url}${path}`, { method, ...more });
  return {
    port: origin.port,
    call,
    async fault(faults) {
      assert.equal((await call("PUT", "/faults", { body: JSON.stringify(faults) })).status, 200);
    },
    [Symbol.asyncDispose]: () => origin.close(),
  };
}

suite("demo origin", () => {
  test("lists, pages and shows products with validators that are honoured", async () => {
    await using origin = await setUp();
    const list = await origin.call("GET", "/api/products?page=2&size=5");
    assert.equal(list.status, 200);
    const { items } = (await list.json()) as { items: { id: number }[] };
    assert.deepEqual(
      items.map(({ id }) => id),
      [6, 7, 8, 9, 10],
    );

    const one = await origin.call("GET", "/api/products/7");
    assert.match(one.headers.get("cache-control") ?? "", /^public, max-age=60/);
    assert.equal(one.headers.get("surrogate-key"), "products product-7");
    const etag = one.headers.get("etag") ?? "";
    assert.equal(Buffer.byteLength(await one.text()), Number(one.headers.get("content-length")));
    const again = await origin.call("GET", "/api/products/7", { headers: { "If-None-Match": etag } });
    assert.equal(again.status, 304);
    assert.equal(again.headers.get("etag"), etag);
  });

  test("answers 400, 401, 404 and 405 with what would help", async () => {
    await using origin = await setUp();
    const statuses: [string, string, number][] = [
      ["GET", "/api/products?page=0", 400],
      ["GET", "/api/products?size=101", 400],
      ["GET", "/api/search", 400],
      ["GET", "/api/me", 401],
      ["POST", "/api/cart", 401],
      ["GET", "/api/products/241", 404],
      ["GET", "/nothing", 404],
      ["DELETE", "/api/products", 405],
      ["GET", "/api/echo", 405],
      ["POST", "/healthz", 405],
    ];
    for (const [method, path, status] of statuses) {
      const answer = await origin.call(method, path);
      assert.equal(answer.status, status, `${method} ${path}`);
      assert.equal(typeof ((await answer.json()) as { error: string }).error, "string");
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
    assert.equal((await origin.call("DELETE", "/api/cart")).headers.get("allow"), "GET, HEAD, POST");
    assert.match((await origin.call("GET", "/api/me")).headers.get("www-authenticate") ?? "", /^Bearer/);
  });

  test("HEAD has the fields of GET and no body, on a connection that goes on", async () => {
    await using origin = await setUp();
    using client = await connectRaw(origin.port);
    for (const path of ["/api/products", "/api/report", "/healthz", "/api/nothing"]) {
      const request = (method: string): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
      await client.send(request("HEAD"));
      const head = await client.readResponse({ method: "HEAD" });
      await client.send(request("GET"));
      const got = await client.readResponse();
      assert.equal(head.status, got.status);
      assert.equal(head.header("content-length"), String(got.body.length));
    }
    await client.send("HEAD /api/events HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readResponse({ method: "HEAD" })).status, 200);
  });

  test("what is personal says so and belongs to the credential", async () => {
    await using origin = await setUp();
    const a = { Authorization: "Bearer a" };
    const b = { Cookie: "session=b" };
    const me = await origin.call("GET", "/api/me", { headers: a });
    assert.match(me.headers.get("cache-control") ?? "", /^private/);
    assert.notDeepEqual(await me.json(), await (await origin.call("GET", "/api/me", { headers: b })).json());
    const added = await origin.call("POST", "/api/cart", { headers: a, body: '{"product":7}' });
    assert.equal(added.status, 201);
    assert.deepEqual(await (await origin.call("GET", "/api/cart", { headers: a })).json(), {
      lines: [{ product: 7, quantity: 1 }],
    });
    assert.deepEqual(await (await origin.call("GET", "/api/cart", { headers: b })).json(), { lines: [] });
    assert.equal((await origin.call("POST", "/api/cart", { headers: a, body: "x".repeat(20_000) })).status, 413);
  });

  test("searches, reports, is slow for its time, and flaky as the dice fall", async () => {
    const clock = new ManualClock();
    let roll = 0.5;
    await using origin = await setUp({ clock, random: () => roll });
    assert.equal((await origin.call("GET", "/api/search?q=oak")).status, 200);
    assert.ok((await (await origin.call("GET", "/api/report")).text()).length > 150 * 1024);
    const slow = origin.call("GET", "/api/slow");
    await until(() => clock.pending === 1, { what: "the slow route waited" });
    clock.advance(399);
    assert.equal(clock.pending, 1);
    clock.advance(1);
    assert.deepEqual(await (await slow).json(), { waitedMs: 400 });
    roll = 0.1;
    assert.equal((await origin.call("GET", "/api/flaky")).status, 500);
    roll = 0.2;
    const busy = await origin.call("GET", "/api/flaky");
    assert.equal(busy.status, 503);
    assert.equal(busy.headers.get("retry-after"), "1");
    roll = 0.3;
    assert.equal((await origin.call("GET", "/api/flaky")).status, 200);
  });

  test("streams events with ids and heartbeats, goes on after the last one, and stops with the client", async () => {
    const clock = new ManualClock();
    await using origin = await setUp({ clock });
    using client = await connectRaw(origin.port);
    await client.send("GET /api/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 8\r\n\r\n");
    await client.readUntil("id: 9\n");
    await until(() => clock.pending === 1, { what: "it waited for the next second" });
    clock.advance(1000);
    const seen = await client.readUntil("id: 10\nevent: price\ndata: {");
    assert.match(seen, /content-type: text\/event-stream/i);
    assert.match(seen, /: heartbeat\n\nid: 10/);
    await until(() => clock.pending === 1, { what: "it waited again" });
    client.destroy();
    await until(() => clock.pending === 0, { what: "its timer was gone" });
  });

  test("echoes a body as it comes, chunked or not, and runs nothing in a browser", async () => {
    await using origin = await setUp();
    const headers = { "Content-Type": "text/html" };
    const html = await origin.call("POST", "/api/echo", { headers, body: "<script>" });
    assert.equal(html.headers.get("content-type"), "application/octet-stream");
    using client = await connectRaw(origin.port);
    await client.send("POST /api/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    await client.readUntil("abc");
    await client.send("2\r\nde\r\n0\r\n\r\n");
    assert.equal((await client.readResponse()).text(), "abcde");
    await client.send("POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz");
    const second = await client.readResponse();
    assert.equal(second.text(), "xyz");
    assert.equal(second.framing.by, "length");
  });

  test("survives targets that are no paths", async () => {
    await using origin = await setUp();
    for (const target of [
      "*",
      "//",
      "//evil/api/products",
      "http://x/healthz",
      "/%zz",
      "/api/products/%2e%2e",
      "x:y",
    ]) {
      using client = await connectRaw(origin.port);
      await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const { status } = await client.readResponse();
      assert.ok(status >= 200 && status < 500, `${target}: ${status}`);
    }
  });
});

suite("demo faults", () => {
  test("are shown, replaced, healed; mistakes are told and change nothing", async () => {
    await using origin = await setUp();
    await origin.fault({ latencyMs: 5, errorRate: 0.1 });
    await origin.fault({ errorRate: 0.2 });
    const shown = await (await origin.call("GET", "/faults")).json();
    assert.deepEqual(shown, { latencyMs: 0, errorRate: 0.2, hang: false, refuse: false, drip: false, truncate: false });
    const bad = await origin.call("PUT", "/faults", { body: '{"latency":1}' });
    assert.equal(bad.status, 400);
    assert.match(await bad.text(), /use latencyMs, errorRate/);
    assert.equal((await origin.call("PUT", "/faults", { body: " ".repeat(16 * 1024 + 1) })).status, 413);
    assert.equal((await origin.call("POST", "/faults")).headers.get("allow"), "GET, HEAD, PUT, DELETE");
    assert.deepEqual(await (await origin.call("GET", "/faults")).json(), shown);
    assert.equal((await origin.call("DELETE", "/faults")).status, 200);
    assert.equal(((await (await origin.call("GET", "/faults")).json()) as { errorRate: number }).errorRate, 0);
  });

  test("errors hit a share of the API and nothing else", async () => {
    const rolls = [0.29, 0.3];
    await using origin = await setUp({ random: () => rolls.shift() ?? 0 });
    await origin.fault({ errorRate: 0.3 });
    assert.equal((await origin.call("GET", "/api/products")).status, 500);
    assert.equal((await origin.call("GET", "/api/products")).status, 200);
    assert.equal((await origin.call("GET", "/healthz")).status, 200);
  });

  test("latency holds the answer back, and a client that leaves frees its timer", async () => {
    const clock = new ManualClock();
    await using origin = await setUp({ clock });
    await origin.fault({ latencyMs: 800 });
    const answer = origin.call("GET", "/api/products/7");
    using leaver = await connectRaw(origin.port);
    await leaver.send("GET /api/products HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => clock.pending === 2, { what: "both waited" });
    leaver.destroy();
    await until(() => clock.pending === 1, { what: "the one that left was forgotten" });
    clock.advance(800);
    assert.equal((await answer).status, 200);
  });

  test("refuse ends the connection, hang leaves it standing without an answer", async () => {
    await using origin = await setUp();
    await origin.fault({ refuse: true });
    using refused = await connectRaw(origin.port);
    await refused.send("GET /api/products HTTP/1.1\r\nHost: a\r\n\r\n");
    await refused.closed;
    assert.equal(refused.received().length, 0);
    await origin.fault({ hang: true });
    using hung = await connectRaw(origin.port);
    await hung.send("GET /api/products HTTP/1.1\r\nHost: a\r\n\r\n");
    await assert.rejects(hung.readResponse({ timeoutMs: 50 }), /received so far: ""/);
    assert.equal(hung.closing, undefined);
    assert.equal((await origin.call("GET", "/healthz")).status, 200);
  });

  test("truncate announces more than it sends", async () => {
    await using origin = await setUp();
    await origin.fault({ truncate: true });
    for (const path of ["/api/report", "/api/products/7"]) {
      using client = await connectRaw(origin.port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const head = await client.readHead();
      await client.closed;
      const announced = Number(head.headers[head.headers.indexOf("Content-Length") + 1]);
      const got = client.rest().length;
      assert.ok(got > 0 && got < announced, `${got} of ${announced}`);
    }
  });

  test("drip sends a few octets at a time", async () => {
    const clock = new ManualClock();
    await using origin = await setUp({ clock });
    await origin.fault({ drip: true });
    using client = await connectRaw(origin.port);
    await client.send("GET /api/products/7 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.readHead();
    await until(() => clock.pending === 1, { what: "it paused after the first drop" });
    await client.readUntil('{"id":7');
    assert.equal(client.rest().length, 64);
    clock.advance(100);
    await until(() => clock.pending === 1, { what: "it paused after the second" });
    await until(() => client.rest().length > 0, { what: "more came" });
  });
});
