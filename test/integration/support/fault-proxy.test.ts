import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { startEchoOrigin, startOrigin } from "../../support/raw-origin.ts";
import { stopwatch, type Took } from "../../support/fair-clock.ts";
import { until } from "../../support/wait.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

suite("fault proxy", () => {
  test("passes octets and FIN when nothing is wrong, and leaves nothing behind", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    using client = await connectRaw(proxy.port);
    await client.send(GET);
    assert.equal((await client.readResponse()).status, 200);
    client.end();
    assert.equal(await client.closed, "fin");
    await until(() => proxy.open === 0 && origin.open === 0, { what: "all connections were over" });
  });

  test("passes a large body whole in both directions", async () => {
    await using origin = await startOrigin((req, res) => void req.pipe(res));
    await using proxy = await startFaultProxy(origin.port);
    const body = Buffer.alloc(8 * 1024 * 1024, "0123456789");
    const answer = await fetch(proxy.url, { method: "POST", body });
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body));
  });

  test("latency and bandwidth take their time, and go when lifted", async () => {
    await using origin = await startOrigin((_req, res) => res.end("x".repeat(1000)));
    await using proxy = await startFaultProxy(origin.port);
    using client = await connectRaw(proxy.port);
    const ask = async (): Promise<Took> => {
      const took = stopwatch();
      await client.send(GET);
      assert.equal((await client.readResponse()).body.length, 1000);
      return took();
    };
    await proxy.set({ kind: "latency", ms: 60 });
    assert.ok((await ask()).real >= 115);
    await proxy.set({ kind: "bandwidth", bytesPerSecond: 10_000 });
    assert.ok((await ask()).real >= 95);
    await proxy.set({ kind: "none" });
    assert.ok((await ask()).fair < 90);
  });

  test("reset ends open connections and new ones", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    using standing = await connectRaw(proxy.port);
    await until(() => proxy.open === 1, { what: "the connection was accepted" });
    await proxy.set({ kind: "reset" });
    assert.equal(await standing.closed, "reset");
    // The RST may overtake the end of the handshake: then the connect itself fails.
    const fresh = await connectRaw(proxy.port).catch((error: NodeJS.ErrnoException) => error);
    if (fresh instanceof Error) return assert.equal(fresh.code, "ECONNRESET");
    assert.equal(await fresh.closed, "reset");
  });

  test("a black hole accepts and answers nothing; healing resets what lost octets", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    await proxy.set({ kind: "black-hole" });
    using client = await connectRaw(proxy.port);
    await client.send(GET);
    await assert.rejects(client.readResponse({ timeoutMs: 40 }), /not within/);
    assert.equal(client.closing, undefined);
    await proxy.set({ kind: "none" });
    assert.equal(await client.closed, "reset");
  });

  test("half close ends the answer's way only", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    using client = await connectRaw(proxy.port);
    await until(() => proxy.open === 1, { what: "the connection was accepted" });
    await proxy.set({ kind: "half-close" });
    assert.equal(await client.closed, "fin");
    await client.send(GET);
    await until(() => origin.received[0]?.toString() === GET, { what: "the origin got the request" });
  });

  test("cuts the answer after as many octets as told", async () => {
    await using origin = await startOrigin((_req, res) => res.end("x".repeat(1000)));
    await using proxy = await startFaultProxy(origin.port);
    await proxy.set({ kind: "cut", afterBytes: 200 });
    using client = await connectRaw(proxy.port);
    await client.send(GET);
    assert.equal(await client.closed, "fin");
    assert.equal(client.received().length, 200);
  });

  test("refuses, and listens again on the same port", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    using standing = await connectRaw(proxy.port);
    await until(() => proxy.open === 1, { what: "the connection was accepted" });
    await proxy.set({ kind: "refuse" });
    await assert.rejects(connectRaw(proxy.port), { code: "ECONNREFUSED" });
    await standing.send(GET);
    assert.equal((await standing.readResponse()).status, 200);
    await proxy.set({ kind: "none" });
    using back = await connectRaw(proxy.port);
    await back.send(GET);
    assert.equal((await back.readResponse()).status, 200);
  });

  test("a client that leaves with a reset takes the origin's connection along", async () => {
    await using origin = await startEchoOrigin();
    await using proxy = await startFaultProxy(origin.port);
    using client = await connectRaw(proxy.port);
    await until(() => origin.open === 1, { what: "the origin was reached" });
    client.reset();
    await until(() => origin.open === 0 && proxy.open === 0, { what: "both ends were over" });
  });
});
