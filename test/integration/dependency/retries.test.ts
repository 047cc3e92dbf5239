import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { suite, test } from "node:test";
import { stopwatch } from "../../support/fair-clock.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { connectRaw, type RawResponse } from "../../support/raw-client.ts";
import { deadPort, startRawOrigin, type OriginConnection, type RawRequest } from "../../support/raw-origin.ts";
import { until } from "../../support/wait.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

/** What the origin does with its first, second, ... request; the last of them with all further ones. */
type Reaction = (connection: OriginConnection) => unknown;
const sends =
  (text: string): Reaction =>
  (connection) =>
    connection.send(text);
const resets: Reaction = (connection) => connection.reset();
const nothing: Reaction = () => {};

/** An origin that reacts so, and a gateway before it. */
async function rigOf(reactions: readonly Reaction[], dependency: object = {}, more: object = {}) {
  const requests: RawRequest[] = [];
  const origin = await startRawOrigin(async (connection) => {
    for (;;) {
      const request = await connection.readRequest();
      if (!request) return connection.end();
      requests.push(request);
      await reactions[Math.min(requests.length, reactions.length) - 1]!(connection);
    }
  });
  const gateway = await startGateway({ target: origin.url, dependency, ...more });
  return {
    origin,
    gateway,
    requests,
    retry: () => gateway.gateway.dependencies()[0]!.retry,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
}

async function ask({ port }: TestGateway, method = "GET", body?: Buffer): Promise<RawResponse> {
  using client = await connectRaw(port);
  const length = body ? `Content-Length: ${body.length}\r\n` : "";
  await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n${length}\r\n`, ...(body ? [body] : []));
  return await client.readResponse({ method });
}

type Rig = Awaited<ReturnType<typeof rigOf>>;
const resultsOf = ({ retry }: Rig): Record<string, number> =>
  Object.fromEntries(retry()!.results.flatMap(({ result, count }) => (count > 0 ? [[result, count]] : [])));

/** No try is under way any more, and no request. */
async function assertAtRest(rig: Rig): Promise<void> {
  await until(() => rig.gateway.gateway.open() === 0, { what: "no exchange is open" });
  const { inFlight, retrying } = rig.retry()!;
  assert.deepEqual([inFlight, retrying], [0, 0]);
}

suite("further tries over sockets", () => {
  test("a connection that is reset before a head: the second try is the answer, and says so to the dependency and the log", async () => {
    await using rig = await rigOf([resets, sends(OK)]);
    assert.equal((await ask(rig.gateway)).status, 200);
    assert.deepEqual(
      rig.requests.map((request) => request.header("spillway-attempt")),
      [undefined, "2"],
    );
    assert.deepEqual(resultsOf(rig), { recovered: 1 });
    await assertAtRest(rig);
    const { outcome } = await until(() => rig.gateway.ended[0], { what: "the exchange has ended" });
    assert.equal(outcome.kind === "served" && outcome.tries?.count, 2);
  });

  test("one that ends in the middle of a head is another such", async () => {
    const midHead: Reaction = async (connection) => {
      await connection.send("HTTP/1.1 200 OK\r\nContent-");
      connection.reset();
    };
    await using rig = await rigOf([midHead, sends(OK)]);
    assert.equal((await ask(rig.gateway)).text(), "ok");
    await assertAtRest(rig);
  });

  test("nothing is tried again once a head was here, however the body ends", async () => {
    const midBody: Reaction = async (connection) => {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      connection.reset();
    };
    await using rig = await rigOf([midBody, sends(OK)]);
    await assert.rejects(ask(rig.gateway));
    assert.equal(rig.requests.length, 1);
    await assertAtRest(rig);
  });

  test("a refused connection is tried twice and is 502", async () => {
    await using gateway = await startGateway({ target: `http://127.0.0.1:${await deadPort()}` });
    assert.equal((await ask(gateway)).status, 502);
    const { outcome } = await until(() => gateway.ended[0], { what: "the exchange has ended" });
    assert.equal(outcome.kind === "failed" && outcome.tries?.count, 2);
  });

  test("503 with Retry-After: a second later, over the same connection", async () => {
    const later = BUSY.replace("\r\n\r\n", "\r\nRetry-After: 1\r\n\r\n");
    await using rig = await rigOf([sends(later), sends(OK)]);
    const took = stopwatch();
    assert.equal((await ask(rig.gateway)).status, 200);
    assert.ok(took().real >= 990, `${took().real} ms`);
    assert.deepEqual([rig.requests.length, rig.origin.connections], [2, 1]);
    await assertAtRest(rig);
  });

  test("503 with a Retry-After behind the end of the route's time is the answer at once", async () => {
    const later = BUSY.replace("\r\n\r\n", "\r\nRetry-After: 3\r\n\r\n");
    await using rig = await rigOf([sends(later)], {}, { route: { timeout: "2s" } });
    const answer = await ask(rig.gateway);
    assert.deepEqual([answer.status, answer.text(), answer.header("retry-after")], [503, "busy", "3"]);
    assert.deepEqual([rig.requests.length, resultsOf(rig)], [1, { "no-time": 1 }]);
  });

  test("a body that never ends is given up with its connection before the next try", async () => {
    const endless = sends("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nsome");
    await using rig = await rigOf([endless, sends(OK)]);
    assert.equal((await ask(rig.gateway)).text(), "ok");
    await until(() => rig.origin.open === 1, { what: "the first connection is closed" });
    assert.equal(rig.origin.connections, 2);
    await assertAtRest(rig);
  });

  test("a dependency that does not answer: the second try comes after tryTimeout, the first one's connection is freed", async () => {
    await using rig = await rigOf([nothing, sends(OK)], { retry: { tryTimeout: "100ms" } });
    const took = stopwatch();
    assert.equal((await ask(rig.gateway)).status, 200);
    assert.ok(took().real >= 99, `${took().real} ms`);
    await until(() => rig.origin.open === 1, { what: "the first connection is closed" });
    await assertAtRest(rig);
  });

  test("all tries together have the time of the route, and POST has it for one", async () => {
    await using rig = await rigOf([nothing], { timeout: "300ms", retry: { tryTimeout: "200ms", attempts: 5 } });
    const took = stopwatch();
    assert.equal((await ask(rig.gateway)).status, 504);
    const { real, fair } = took();
    assert.ok(real >= 299 && fair < 450, `${real} ms`);
    assert.equal(rig.requests.length, 2);
    const post = stopwatch();
    assert.equal((await ask(rig.gateway, "POST", Buffer.from("x"))).status, 504);
    assert.ok(post().real >= 299);
    assert.equal(rig.requests.length, 3);
    await assertAtRest(rig);
  });

  test("without tryTimeout a request that timed out is not tried again", async () => {
    await using rig = await rigOf([nothing], { timeout: "100ms" });
    assert.equal((await ask(rig.gateway)).status, 504);
    assert.deepEqual([rig.requests.length, resultsOf(rig)], [1, { "no-time": 1 }]);
  });

  test("a PUT is sent again octet by octet, and the client's answer is the one it got then", async () => {
    const octets = randomBytes(50_000);
    await using rig = await rigOf([resets, sends(BUSY), sends(OK)], { retry: { attempts: 2 } });
    assert.equal((await ask(rig.gateway, "PUT", octets)).status, 200);
    assert.equal(rig.requests.length, 3);
    for (const { body } of rig.requests) assert.ok(body.equals(octets));
    await assertAtRest(rig);
  });

  test("a body that is longer than what is collected is sent once", async () => {
    await using rig = await rigOf([sends(BUSY)]);
    assert.equal((await ask(rig.gateway, "PUT", randomBytes(300_000))).status, 503);
    assert.equal(rig.requests.length, 1);
  });

  test("a POST is sent once, whatever comes", async () => {
    for (const reaction of [resets, sends(BUSY)]) {
      await using rig = await rigOf([reaction]);
      assert.ok((await ask(rig.gateway, "POST", Buffer.from("once"))).status >= 502);
      assert.equal(rig.requests.length, 1);
      await assertAtRest(rig);
    }
  });

  test("retry: off sends nothing twice", async () => {
    await using rig = await rigOf([sends(BUSY)], { retry: "off" });
    assert.equal((await ask(rig.gateway)).text(), "busy");
    assert.deepEqual([rig.requests.length, rig.retry()], [1, undefined]);
  });

  test("a client that leaves between two tries: there is no second one", async () => {
    const later = BUSY.replace("\r\n\r\n", "\r\nRetry-After: 2\r\n\r\n");
    await using rig = await rigOf([sends(later)]);
    using client = await connectRaw(rig.gateway.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => rig.retry()!.retrying === 1, { what: "the pause" });
    client.reset();
    await assertAtRest(rig);
    assert.deepEqual([rig.requests.length, resultsOf(rig)], [1, { abandoned: 1 }]);
  });

  test("a reload between two tries: the second one still goes out, and the budget stays as it is", async () => {
    const later = BUSY.replace("\r\n\r\n", "\r\nRetry-After: 1\r\n\r\n");
    await using rig = await rigOf([sends(later), sends(OK)]);
    const asked = ask(rig.gateway);
    await until(() => rig.retry()!.retrying === 1, { what: "the pause" });
    // Another timeout: the dependency is another one, the budget is not.
    await rig.gateway.apply({ target: rig.origin.url, dependency: { timeout: "5s" } });
    assert.equal(rig.retry()!.retrying, 1);
    assert.equal((await asked).status, 200);
    await assertAtRest(rig);
    await rig.gateway.apply({ target: rig.origin.url, dependency: { retry: { budget: 0.3 } } });
    assert.deepEqual(resultsOf(rig), {});
  });

  test("from level 2 on nothing is tried again", async () => {
    await using origin = await startRawOrigin(async (connection) => {
      while (await connection.readRequest()) await connection.send(BUSY);
      connection.end();
    });
    const level = { now: 2 };
    await using gateway = await startGateway({ target: origin.url }, undefined, { level: () => level.now });
    await ask(gateway);
    const sentAt2 = origin.received[0]!.toString().split("GET ").length - 1;
    level.now = 0;
    await ask(gateway);
    const all = Buffer.concat(origin.received).toString().split("GET ").length - 1;
    assert.deepEqual([sentAt2, all], [1, 3]);
  });

  test("behind a cache the answer of the last try is the one that is kept", async () => {
    const ok = OK.replace("\r\n\r\n", "\r\nCache-Control: max-age=60\r\n\r\n");
    await using rig = await rigOf([sends(BUSY), sends(ok)], {}, { route: { cache: "origin" } });
    assert.deepEqual([(await ask(rig.gateway)).status, (await ask(rig.gateway)).status], [200, 200]);
    assert.equal(rig.requests.length, 2);
    const { ended } = rig.gateway;
    await until(() => ended.length === 2, { what: "both have ended" });
    const tries = ended.map(({ outcome }) => (outcome.kind === "served" ? outcome.tries?.count : undefined));
    assert.deepEqual(tries, [2, undefined]);
  });
});
