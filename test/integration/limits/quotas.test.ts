import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startOrigin } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask({ port }: TestGateway, path = "/", headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

suite("client quotas", () => {
  test("the limit is served, the rest is 429 with a problem, Retry-After and the draft's fields", async () => {
    await using origin = await startOrigin((_request, response) => void response.end());
    await using gateway = await startGateway({
      target: origin.url,
      route: { rateLimit: { by: "client", limit: 3, window: "1h" } },
    });
    for (const left of [2, 1, 0]) {
      const { status, headers } = await ask(gateway);
      assert.equal(status, 200);
      assert.equal(headers.get("ratelimit-policy"), '"all";q=3;w=3600');
      assert.equal(headers.get("ratelimit"), `"all";r=${left};t=3600`);
      assert.equal(headers.get("retry-after"), null);
    }
    const { status, headers, text } = await ask(gateway);
    assert.equal(status, 429);
    assert.equal(headers.get("content-type"), "application/problem+json");
    assert.match(headers.get("retry-after") ?? "", /^3(600|59\d)$/);
    assert.match(headers.get("ratelimit") ?? "", /^"all";r=0;t=3(600|59\d)$/);
    const problem = JSON.parse(text) as { type: string; status: number; detail: string; spillway: { reason: string } };
    assert.equal(problem.type, "urn:spillway:problem:quota");
    assert.equal(problem.status, 429);
    assert.equal(problem.spillway.reason, "quota");
    assert.match(problem.detail, /^"all" gives 3 requests in 1h/);
    assert.equal(origin.requests, 3);
  });

  test("hits in the cache count, too, and have the fields", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "Cache-Control": "max-age=60" }).end("hello");
    });
    await using gateway = await startGateway({
      target: origin.url,
      route: { cache: "origin", rateLimit: { limit: 3, window: "1h" } },
    });
    const answers = [await ask(gateway), await ask(gateway), await ask(gateway), await ask(gateway)];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 429],
    );
    assert.match(answers[2]!.headers.get("cache-status") ?? "", /hit/);
    assert.match(answers[2]!.headers.get("ratelimit") ?? "", /^"all";r=0;t=/);
  });

  test("only a trusted proxy says who the client is", async () => {
    await using origin = await startOrigin((_request, response) => void response.end());
    const route = { rateLimit: { limit: 1, window: "1h" } };
    const forwarded = (address: string) => ({ "x-forwarded-for": address });
    await using open = await startGateway({ target: origin.url, route });
    assert.equal((await ask(open, "/", forwarded("192.0.2.1"))).status, 200);
    assert.equal((await ask(open, "/", forwarded("192.0.2.2"))).status, 429);
    await using behind = await startGateway({
      target: origin.url,
      route,
      listen: { trustedProxies: ["127.0.0.0/8"] },
    });
    assert.equal((await ask(behind, "/", forwarded("192.0.2.1"))).status, 200);
    assert.equal((await ask(behind, "/", forwarded("192.0.2.2"))).status, 200);
    assert.equal((await ask(behind, "/", forwarded("192.0.2.1"))).status, 429);
    assert.equal((await ask(behind, "/", forwarded("2001:db8::1"))).status, 200);
    assert.equal((await ask(behind, "/", forwarded("2001:db8::2"))).status, 429);
  });

  test("a reload keeps what was counted by a rule that is as before, and begins anew with one that is not", async () => {
    await using origin = await startOrigin((_request, response) => void response.end());
    const config = (limit: number, timeout: string) => ({
      target: origin.url,
      route: { timeout, rateLimit: { limit, window: "1h" } },
    });
    await using gateway = await startGateway(config(1, "1s"));
    assert.equal((await ask(gateway)).status, 200);
    await gateway.apply(config(1, "2s"));
    assert.equal((await ask(gateway)).status, 429);
    await gateway.apply(config(2, "2s"));
    assert.equal((await ask(gateway)).status, 200);
  });

  test("a seat is free again when the client leaves in the middle of its answer", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "Content-Length": "1000000" }).write("begun");
    });
    await using gateway = await startGateway({ target: origin.url, route: { rateLimit: { concurrent: 1 } } });
    {
      using reader = await connectRaw(gateway.port);
      await reader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await reader.readUntil("begun");
      assert.equal((await ask(gateway)).status, 429);
    }
    await until(() => gateway.gateway.limits().limits[0]!.inFlightKeys === 0, { what: "the seat is free" });
    using next = await connectRaw(gateway.port);
    await next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await next.readUntil("begun");
  });

  test("a tunnel has its seat until it is closed", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    try {
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      await using gateway = await startGateway({
        target: `http://127.0.0.1:${port}`,
        route: { websocket: true, rateLimit: { concurrent: 1 } },
      });
      const first = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
      await once(first, "open");
      const second = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
      const [error] = (await once(second, "error")) as [Error];
      assert.match(error.message, /429/);
      first.terminate();
      await until(() => gateway.gateway.limits().limits[0]!.inFlightKeys === 0, { what: "the seat is free" });
      const third = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
      await once(third, "open");
      third.terminate();
    } finally {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test("a refused upload is answered without being read", async () => {
    await using origin = await startOrigin((_request, response) => void response.end());
    await using gateway = await startGateway({ target: origin.url, route: { rateLimit: { limit: 1, window: "1h" } } });
    assert.equal((await ask(gateway)).status, 200);
    using client = await connectRaw(gateway.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx");
    assert.equal((await client.readResponse()).status, 429);
    assert.equal(origin.requests, 1);
  });
});
