import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { ConfigError, createGateway, type Gateway, type SpillwayConfig } from "../../../src/index.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin } from "../../support/raw-origin.ts";
import { deadline, until } from "../../support/wait.ts";

const answering = (status: number): SpillwayConfig => ({
  listen: { host: "127.0.0.1", port: 0 },
  drain: { delay: "0ms", timeout: "2s" },
  routes: [{ name: "all", match: { path: "/*" }, respond: { status } }],
});

function open(t: TestContext, config: SpillwayConfig): Gateway {
  const gateway = createGateway(config, { log: false });
  t.after(() => gateway.close());
  return gateway;
}

const statusAt = async (port: number, path = "/"): Promise<number> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).status;

test("a gateway of one's own listens, forwards and closes", async (t) => {
  await using origin = await startEchoOrigin();
  const gateway = open(t, {
    listen: { host: "127.0.0.1", port: 0 },
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ match: { path: "/*" }, dependency: "shop" }],
  });
  const { port } = await gateway.listen();
  const answer = await fetch(`http://127.0.0.1:${port}/a?b=1`);
  assert.equal(((await answer.json()) as { target: string }).target, "/a?b=1");
  await gateway.close();
  await assert.rejects(statusAt(port));
  await until(() => origin.open === 0, { what: "no connection to the origin is left" });
});

test("its metrics are Prometheus text", async (t) => {
  const gateway = open(t, answering(204));
  const { port } = await gateway.listen();
  assert.equal(await statusAt(port), 204);
  await until(async () => (await gateway.metrics()).text.includes('spillway_requests_total{route="all"'), {
    what: "the request is counted",
  });
  assert.match((await gateway.metrics()).contentType, /^text\/plain/);
});

test("a reload holds for new requests; a wrong one throws and leaves the old one in force", async (t) => {
  const gateway = open(t, answering(201));
  const told: string[] = [];
  gateway.on("reload", ({ outcome }) => told.push(outcome));
  const { port } = await gateway.listen();
  assert.equal(await statusAt(port), 201);
  gateway.reload(answering(202));
  assert.equal(await statusAt(port), 202);
  assert.throws(() => gateway.reload({ routes: [] }), ConfigError);
  assert.equal(await statusAt(port), 202);
  assert.deepEqual(told, ["applied", "refused"]);
});

test("a subscription ends when it is told to", async (t) => {
  const gateway = open(t, answering(204));
  let heard = 0;
  const end = gateway.on("exchange", () => heard++);
  const { port } = await gateway.listen();
  await statusAt(port);
  await until(() => heard === 1, { what: "the first exchange is heard" });
  end();
  const { promise, resolve } = Promise.withResolvers<void>();
  gateway.on("exchange", () => resolve());
  await statusAt(port);
  await deadline(promise, 10_000, "the second exchange");
  assert.equal(heard, 1);
});

test("in front of a plain Node server it hands on what is the server's own", async (t) => {
  const gateway = open(t, { routes: [{ match: { path: "/*" }, dependency: "next" }] });
  const server = createServer((req, res) => gateway.handle(req, res, () => res.end("own")));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  assert.equal(await answer.text(), "own");
});

test("a drain of a mounted gateway waits for what is open", async (t) => {
  const release = Promise.withResolvers<void>();
  await using origin = await startOrigin((_req, res) => void release.promise.then(() => res.end("late")));
  const gateway = open(t, {
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ match: { path: "/*" }, dependency: "shop" }],
  });
  const server = createServer((req, res) => gateway.handle(req, res, () => res.end()));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = await connectRaw((server.address() as AddressInfo).port);
  t.after(() => client.destroy());
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => origin.requests === 1, { what: "the origin has the request" });
  const drained = gateway.drain();
  release.resolve();
  const answer = await client.readResponse();
  assert.equal(answer.status, 200);
  assert.equal(answer.text(), "late");
  await deadline(drained, 10_000, "the drain is over");
});

test("a drain of a mounted gateway ends after drain.timeout, whatever is open", async (t) => {
  await using origin = await startOrigin(() => {});
  const gateway = open(t, {
    drain: { delay: "0ms", timeout: "50ms" },
    dependencies: { shop: { http: { targets: [origin.url] } } },
    routes: [{ match: { path: "/*" }, dependency: "shop" }],
  });
  const server = createServer((req, res) => gateway.handle(req, res, () => res.end()));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = await connectRaw((server.address() as AddressInfo).port);
  t.after(() => client.destroy());
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => origin.requests === 1, { what: "the origin has the request" });
  await deadline(gateway.drain(), 10_000, "the drain is over");
  assert.equal((await client.readResponse()).status, 502);
});
